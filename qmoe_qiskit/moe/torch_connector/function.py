"""Evaluating a circuit on torch tensors, each way that torch may ask for it."""

from typing import Any

import torch
from torch import Tensor

from qmoe_qiskit.backends import CompiledRouter
from qmoe_qiskit.backends.protocols import Pullback
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.torch_connector.arrays import (
    finite_arrays,
    host_array,
    output_type,
    to_array,
    to_tensor,
)
from qmoe_qiskit.moe.torch_connector.derivatives import carry_back, carry_forward, derivative
from qmoe_qiskit.moe.torch_connector.modes import (
    is_recorded,
    is_traced,
    is_transformed,
    needs_gradient,
)
from qmoe_qiskit.moe.torch_connector.operator import expectations, keep


def evaluate(
    inputs_BF: Tensor,
    weights_W: Tensor,
    compiled: CompiledRouter,
    handle: str,
    kept_sweeps: list[Pullback] | None = None,
) -> Tensor:
    """Return the circuit's values, (B, O), in the inputs' floating type.

    Args:
        inputs_BF: The inputs, in radians.
        weights_W: The weights, in radians.
        compiled: The compiled router.
        handle: The handle by which recorded programs find it, see `new_handle`.
        kept_sweeps: Takes the pullback, in place of a gradient by the weights; see
            `RouterConnector.kept_sweeps`.

    Raises:
        InputError: If an input or a weight is not finite.
    """
    result_type = output_type(inputs_BF, weights_W)
    if is_transformed():
        return derivative(inputs_BF, weights_W, compiled, 0).to(result_type)
    if is_recorded(inputs_BF):
        if is_traced():
            keep(handle)
        recorded: Tensor = expectations(inputs_BF, weights_W, handle)
        return recorded
    if needs_gradient(inputs_BF, weights_W) or not inputs_BF.is_cpu:
        values: Tensor = _Expectations.apply(inputs_BF, weights_W, compiled, kept_sweeps)  # type: ignore[no-untyped-call]
        return values
    # Nothing is kept for a backward pass.
    expected = compiled.expectations(host_array(inputs_BF), host_array(weights_W))
    return to_tensor(expected.values, result_type)


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
        kept_sweeps: list[Pullback] | None,
    ) -> Tensor:
        # Saved by torch, which refuses a sweep back after a change in place.
        ctx.save_for_backward(inputs_BF, weights_W)
        ctx.save_for_forward(inputs_BF, weights_W)
        ctx.compiled = compiled
        x_BF, w_W = finite_arrays(inputs_BF, weights_W, compiled)
        values_BO, ctx.pullback = compiled.vjp(x_BF, w_W)
        ctx.is_kept = kept_sweeps is not None
        if kept_sweeps is not None:
            kept_sweeps.append(ctx.pullback)
        return to_tensor(values_BO, output_type(inputs_BF, weights_W))

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        gradient_BO: Tensor,
    ) -> tuple[Tensor | None, Tensor | None, None, None]:
        inputs_BF, weights_W = ctx.saved_tensors
        # With create_graph=True, or mapped over gradients, torch has to see what is done.
        if (
            torch.is_grad_enabled()
            or is_transformed()
            or torch._C._functorch.is_legacy_batchedtensor(gradient_BO)  # noqa: SLF001
        ):
            return *carry_back(gradient_BO, (inputs_BF, weights_W, ctx.compiled), 0), None, None
        need_inputs, need_weights, *_ = ctx.needs_input_grad
        if ctx.is_kept and not need_inputs:
            return None, None, None, None
        if need_weights and not getattr(ctx.compiled, "has_weight_gradients", True):
            raise InputError(
                "a surrogate knows nothing of other weights of its circuit, so that these cannot "
                "be trained: freeze the weights, connector.weight.requires_grad_(False)"
            )
        by_inputs_BF, by_weights_W = ctx.pullback(to_array(gradient_BO), need_inputs=need_inputs)
        return (
            to_tensor(by_inputs_BF, inputs_BF.dtype) if need_inputs else None,
            to_tensor(by_weights_W, weights_W.dtype),
            None,
            None,
        )

    @staticmethod
    def jvp(
        ctx: Any,  # noqa: ANN401
        inputs_BF: Tensor | None,
        weights_W: Tensor | None,
        *_: None,
    ) -> Tensor:
        given_BF, given_W = ctx.saved_tensors
        change = carry_forward((inputs_BF, weights_W), (given_BF, given_W, ctx.compiled), 0)
        return change.to(output_type(given_BF, given_W))
