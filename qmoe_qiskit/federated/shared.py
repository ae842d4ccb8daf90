"""The weights of a mixture that clients share, as one vector, and the pull back to them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from qmoe_qiskit.errors import InputError, unknown_name
from qmoe_qiskit.moe import MixtureOfExperts
from qmoe_qiskit.typing import FloatArray

# What clients may share, with the beginning of the names of these weights.
SHARES = {"all": ("router.", "experts."), "router": ("router.",), "experts": ("experts.",)}
# Every client for itself: a control, which shares nothing.
NOTHING = "none"


def check_share(share: str) -> str:
    """Return the name of what is shared; InputError if there is no such part of a mixture."""
    if share not in {*SHARES, NOTHING}:
        raise unknown_name("share", share, [*SHARES, NOTHING])
    return share


def shared_parameters(module: MixtureOfExperts, share: str) -> list[nn.Parameter]:
    """Return the trainable weights that clients share, in the order of the module.

    Raises:
        InputError: If the mixture has none.
    """
    beginnings = SHARES.get(share, ())
    found = [
        parameter
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and name.startswith(beginnings)
    ]
    if not found and share != NOTHING:
        raise InputError(f"share={share!r}, but the model has no such weights to train")
    return found


def to_vector(parameters: Sequence[nn.Parameter]) -> FloatArray:
    """Return weights as one vector, (V,)."""
    parts = [parameter.detach().double().numpy().ravel() for parameter in parameters]
    return np.concatenate(parts) if parts else np.empty(0)


def from_vector(shared_V: FloatArray, parameters: Sequence[nn.Parameter]) -> None:
    """Write a vector, (V,), into weights.

    Raises:
        ValueError: If it has another length.
    """
    sizes = [parameter.numel() for parameter in parameters]
    if len(shared_V) != sum(sizes):
        raise ValueError(f"{len(shared_V)} shared weights instead of {sum(sizes)}")
    pieces = torch.split(torch.from_numpy(np.array(shared_V)), sizes)
    with torch.no_grad():
        for parameter, piece in zip(parameters, pieces, strict=True):
            parameter.copy_(piece.reshape(parameter.shape))


@contextmanager
def proximal(parameters: Sequence[nn.Parameter], factor: float) -> Iterator[None]:
    """Add factor / 2 |w - w0|^2 to the loss inside the block, w0 being the weights at its begin.

    This is the term of FedProx (Li et al., arXiv:1812.06127). Its derivative is added where torch
    computes that of the loss; the recorded loss leaves it out.
    """
    handles = [_pull(parameter, factor) for parameter in parameters] if factor else []
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _pull(parameter: nn.Parameter, factor: float) -> RemovableHandle:
    start = parameter.detach().clone()

    def add(gradient: Tensor) -> Tensor:
        return gradient + factor * (parameter.detach() - start)

    register: Callable[[Callable[[Tensor], Tensor]], RemovableHandle] = parameter.register_hook
    return register(add)
