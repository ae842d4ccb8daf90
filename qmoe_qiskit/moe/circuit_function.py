"""Evaluating a circuit on torch tensors, each way that torch may ask for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from qmoe_qiskit.backends import CompiledRouter
from qmoe_qiskit.moe.circuit_derivatives import (
    carry_back,
    carry_forward,
    derivative,
    library_arrays,
    operands,
)
from qmoe_qiskit.moe.circuit_operator import expectations, output_type


def evaluate(
    inputs_BF: Tensor, weights_W: Tensor, compiled: CompiledRouter, handle: str
) -> Tensor:
    """Return the circuit's values, (B, O), in the inputs' floating type.

    Args:
        inputs_BF: The inputs, in radians.
        weights_W: The weights, in radians.
        compiled: The compiled router.
        handle: The handle by which recorded programs find it, see `new_handle`.

    Raises:
        InputError: If an input or a weight is not finite.
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or inputs_BF.is_meta:
        return expectations(inputs_BF, weights_W, handle)
    result_type = output_type(inputs_BF, weights_W)
    if torch._C._are_functorch_transforms_active():  # noqa: SLF001 - torch has no public name for it
        return derivative(inputs_BF, weights_W, compiled, 0).to(result_type)
    if _has_derivative(inputs_BF, weights_W) or inputs_BF.device.type != "cpu":
        values: Tensor = _Expectations.apply(inputs_BF, weights_W, compiled)  # type: ignore[no-untyped-call]
        return values
    # Nothing is kept for a backward pass.
    x_BF, w_W = inputs_BF.detach().double().numpy(), weights_W.detach().double().numpy()
    return torch.from_numpy(compiled.expectations(x_BF, w_W).values).to(result_type)


def _has_derivative(inputs_BF: Tensor, weights_W: Tensor) -> bool:
    if torch.is_grad_enabled() and (inputs_BF.requires_grad or weights_W.requires_grad):
        return True
    return any(
        forward_ad.unpack_dual(tensor).tangent is not None for tensor in (inputs_BF, weights_W)
    )


class _Expectations(torch.autograd.Function):
    """One sweep forward and one back: `torch.nn.Module` in its everyday use.

    It is no `Derivative`, whose separate `setup_context` costs 20 us per call, and which carries
    gradients back through whole Jacobians.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        inputs_BF: Tensor,
        weights_W: Tensor,
        compiled: CompiledRouter,
    ) -> Tensor:
        # Saved by torch, which refuses a sweep back after a change in place.
        ctx.save_for_backward(inputs_BF, weights_W)
        ctx.save_for_forward(inputs_BF, weights_W)
        ctx.compiled = compiled
        x_BF, w_W = library_arrays(*operands(inputs_BF, weights_W, compiled))
        values_BO, ctx.pullback = compiled.vjp(x_BF, w_W)
        return torch.as_tensor(values_BO).to(output_type(inputs_BF, weights_W))

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        gradient_BO: Tensor,
    ) -> tuple[Tensor | None, Tensor, None]:
        inputs_BF, weights_W = ctx.saved_tensors
        # With create_graph=True, or mapped over gradients, torch has to see what is done.
        if torch.is_grad_enabled() or torch._C._are_functorch_transforms_active():  # noqa: SLF001
            return *carry_back(gradient_BO, inputs_BF, weights_W, ctx.compiled, 0), None
        need_inputs = ctx.needs_input_grad[0]
        (g_BO,) = library_arrays(gradient_BO.double())
        by_inputs_BF, by_weights_W = ctx.pullback(g_BO, need_inputs=need_inputs)
        return (
            torch.as_tensor(by_inputs_BF).to(inputs_BF.dtype) if need_inputs else None,
            torch.as_tensor(by_weights_W).to(weights_W.dtype),
            None,
        )

    @staticmethod
    def jvp(
        ctx: Any,  # noqa: ANN401
        inputs_BF: Tensor | None,
        weights_W: Tensor | None,
        _: None,
    ) -> Tensor:
        given_BF, given_W = ctx.saved_tensors
        change = carry_forward(inputs_BF, weights_W, given_BF, given_W, ctx.compiled, 0)
        return change.to(output_type(given_BF, given_W))
