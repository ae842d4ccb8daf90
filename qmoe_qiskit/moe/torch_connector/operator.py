"""The circuit as an operator of torch, for programs that torch records: compiled, exported, traced.

A recorded program holds only tensors and constants. It names the circuit by a handle, which leads
to the circuit in the process that recorded the program, and in no other one.
"""

import uuid
from typing import Any, Protocol
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from qmoe_qiskit.backends import CompiledRouter
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.torch_connector.arrays import (
    finite_arrays,
    host_array,
    output_type,
    to_array,
    to_tensor,
)


class HoldsCircuit(Protocol):
    """An object that holds a compiled router."""

    @property
    def compiled(self) -> CompiledRouter:
        """The compiled router."""
        ...


_HOLDERS: WeakValueDictionary[str, HoldsCircuit] = WeakValueDictionary()
# Those of exported and traced programs.
_KEPT: dict[str, HoldsCircuit] = {}


def new_handle(holder: HoldsCircuit) -> str:
    """Return a handle by which recorded programs find a circuit; no other process ever has it."""
    handle = uuid.uuid4().hex
    _HOLDERS[handle] = holder
    return handle


def keep(handle: str) -> None:
    """Let a circuit exist until this process ends, for a program that may outlive its model."""
    _KEPT[handle] = _HOLDERS[handle]


def _circuit(handle: str) -> CompiledRouter:
    holder = _HOLDERS.get(handle)
    if holder is None:
        raise InputError(
            "this program was recorded from a router that does not exist in this process: a "
            "compiled, exported or traced program holds no circuit; load the model's state into a "
            "router made here, and record the program again"
        )
    if torch.compiler.is_exporting():
        keep(handle)
    return holder.compiled


@torch.library.custom_op(
    "qmoe::expectations",
    mutates_args=(),
    schema="(Tensor inputs, Tensor weights, str handle) -> Tensor",
)
def expectations(inputs_BF: Tensor, weights_W: Tensor, handle: str) -> Tensor:
    """Return the values, (B, O), of the circuit that a handle leads to."""
    expected = _circuit(handle).expectations(host_array(inputs_BF), host_array(weights_W))
    values = to_tensor(expected.values, output_type(inputs_BF, weights_W))
    return values.to(inputs_BF.device).contiguous()


@torch.library.custom_op(
    "qmoe::pullback",
    mutates_args=(),
    schema="(Tensor gradient, Tensor inputs, Tensor weights, str handle) -> (Tensor, Tensor)",
)
def pullback(
    gradient_BO: Tensor, inputs_BF: Tensor, weights_W: Tensor, handle: str
) -> tuple[Tensor, Tensor]:
    """Carry a gradient of the values back to inputs and weights, as float64."""
    compiled = _circuit(handle)
    _, pull = compiled.vjp(*finite_arrays(inputs_BF, weights_W, compiled))
    by_inputs_BF, by_weights_W = (to_tensor(a, torch.float64) for a in pull(to_array(gradient_BO)))
    return by_inputs_BF.contiguous(), by_weights_W.contiguous()


@expectations.register_fake
def _(inputs_BF: Tensor, weights_W: Tensor, handle: str) -> Tensor:
    n_outputs = _circuit(handle).router.n_outputs
    return inputs_BF.new_empty(
        (inputs_BF.shape[0], n_outputs), dtype=output_type(inputs_BF, weights_W)
    )


@pullback.register_fake
def _(
    gradient_BO: Tensor,  # noqa: ARG001
    inputs_BF: Tensor,
    weights_W: Tensor,
    handle: str,  # noqa: ARG001
) -> tuple[Tensor, Tensor]:
    x_BF, w_W = (a.new_empty(a.shape, dtype=torch.float64) for a in (inputs_BF, weights_W))
    return x_BF, w_W


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401, ARG001
    inputs_BF, weights_W, ctx.handle = inputs
    ctx.save_for_backward(inputs_BF, weights_W)


def _backward(
    ctx: Any,  # noqa: ANN401
    gradient_BO: Tensor,
) -> tuple[Tensor | None, Tensor, None]:
    inputs_BF, weights_W = ctx.saved_tensors
    by_inputs_BF, by_weights_W = pullback(gradient_BO, inputs_BF, weights_W, ctx.handle)
    real = inputs_BF.dtype.is_floating_point
    return (
        by_inputs_BF.to(inputs_BF.dtype) if real else None,
        by_weights_W.to(weights_W.dtype),
        None,
    )


expectations.register_autograd(_backward, setup_context=_setup_context)
