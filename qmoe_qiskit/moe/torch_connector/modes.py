"""What torch wants to know of a module that is called: numbers, or how they come about."""

import torch
from torch import Tensor
from torch.autograd import forward_ad


def is_recorded(tensor: Tensor) -> bool:
    """Whether a program is compiled, exported or traced, or there are no numbers at all."""
    return torch.compiler.is_compiling() or is_traced() or tensor.is_meta


def is_traced() -> bool:
    """Whether `torch.jit.trace` records what is called."""
    traced: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return traced


def is_exported() -> bool:
    """Whether `torch.export` records what is called."""
    exporting = getattr(torch.compiler, "is_exporting", bool)  # torch 2.7
    return bool(exporting())


def is_transformed() -> bool:
    """Whether a transform of `torch.func` calls."""
    # torch has no public name for it.
    return torch._C._are_functorch_transforms_active()  # noqa: SLF001


def has_tangent(tensor: Tensor) -> bool:
    """Whether forward mode differentiates by a tensor."""
    return forward_ad.unpack_dual(tensor).tangent is not None  # type: ignore[no-untyped-call]


def needs_gradient(*tensors: Tensor) -> bool:
    """Whether a gradient by one of the tensors may be asked for, or forward mode is at work."""
    wanted = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    return wanted or any(map(has_tangent, tensors))
