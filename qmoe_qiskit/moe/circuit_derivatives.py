"""The values of a circuit and their derivatives of any order, as torch transforms them.

This is the form in which `torch.func` and forward mode see a circuit: order 0 are the values, order
1 the Jacobian, order 2 the Hessian, each one with the next as its derivative. Shapes: B batch of
samples, F inputs, W weights, O outputs, P = F + W inputs and weights together, N mapped dimension.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qmoe_qiskit.backends import CompiledRouter
from qmoe_qiskit.backends.gradients.second_derivatives import TwiceDifferentiable
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.circuit_arrays import host_array

# Inputs, weights, and the circuit.
Point = tuple[Tensor, Tensor, CompiledRouter]


class Derivative(torch.autograd.Function):
    """The derivative of some order by inputs and weights: float64, (B, O) and P per order.

    Arguments: inputs (B, F), weights (W,), the compiled router, and the order.
    """

    @staticmethod
    def forward(
        inputs_BF: Tensor, weights_W: Tensor, compiled: CompiledRouter, order: int
    ) -> Tensor:
        """Evaluate the circuit.

        Raises:
            InputError: If an input or a weight is not finite, or the backend has no derivatives of
                this order.
        """
        x_BF, w_W = host_array(inputs_BF), host_array(weights_W)
        if order == 0:
            derivative = compiled.expectations(x_BF, w_W).values
        elif order == 1:
            derivative = np.concatenate(compiled.jacobian(x_BF, w_W), axis=2)
        elif order == 2 and isinstance(compiled, TwiceDifferentiable):
            derivative = compiled.hessian(x_BF, w_W)
        else:
            raise InputError(
                f"the circuit's gradient cannot be differentiated again: {_limit(order)}; call "
                "backward or grad without create_graph=True, and nest no further transform"
            )
        return torch.as_tensor(derivative, dtype=torch.float64, device=inputs_BF.device)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401, ARG004
        """Keep inputs and weights."""
        inputs_BF, weights_W, ctx.compiled, ctx.order = inputs
        ctx.save_for_backward(inputs_BF, weights_W)
        ctx.save_for_forward(inputs_BF, weights_W)

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        gradient: Tensor,
    ) -> tuple[Tensor | None, Tensor, None, None]:
        """Contract the gradient with the derivative of the next order."""
        point = *ctx.saved_tensors, ctx.compiled
        return *carry_back(gradient, point, ctx.order), None, None

    @staticmethod
    def jvp(
        ctx: Any,  # noqa: ANN401
        inputs_BF: Tensor | None,
        weights_W: Tensor | None,
        *_: None,
    ) -> Tensor:
        """Contract the derivative of the next order with a change of inputs and weights."""
        point = *ctx.saved_tensors, ctx.compiled
        return carry_forward((inputs_BF, weights_W), point, ctx.order)

    @staticmethod
    def vmap(  # noqa: PLR0917 - torch hands on what `apply` got
        info: Any,  # noqa: ANN401
        in_dims: tuple[int | None, ...],
        inputs: Tensor,
        weights: Tensor,
        compiled: CompiledRouter,
        order: int,
    ) -> tuple[Tensor, int]:
        """Evaluate mapped inputs as one batch, and mapped weights member by member."""
        del info
        return mapped(lambda x, w: derivative(x, w, compiled, order), in_dims[:2], inputs, weights)


def derivative(
    inputs_BF: Tensor, weights_W: Tensor, compiled: CompiledRouter, order: int
) -> Tensor:
    """Return the derivative of some order, see `Derivative`."""
    result: Tensor = Derivative.apply(inputs_BF, weights_W, compiled, order)  # type: ignore[no-untyped-call]
    return result


def carry_back(gradient: Tensor, point: Point, order: int) -> tuple[Tensor | None, Tensor]:
    """Carry a gradient of the derivative of some order back to inputs, if real, and weights."""
    inputs_BF, weights_W, compiled = point
    slopes = derivative(inputs_BF, weights_W, compiled, order + 1)
    n_samples, *between, n_parameters = slopes.shape
    gradient_B1K = gradient.double().reshape(n_samples, 1, math.prod(between))
    slopes_BKP = slopes.reshape(n_samples, math.prod(between), n_parameters)
    by_each_BP = torch.bmm(gradient_B1K, slopes_BKP).squeeze(1)
    n_inputs = inputs_BF.shape[1]
    by_inputs_BF, by_weights_BW = by_each_BP[:, :n_inputs], by_each_BP[:, n_inputs:]
    real = inputs_BF.dtype.is_floating_point
    return (
        by_inputs_BF.to(inputs_BF.dtype) if real else None,
        by_weights_BW.sum(0).to(weights_W.dtype),
    )


def carry_forward(change: tuple[Tensor | None, Tensor | None], point: Point, order: int) -> Tensor:
    """Return the change of the derivative of some order, by a change of inputs and of weights."""
    inputs_BF, weights_W, compiled = point
    d_inputs_BF, d_weights_W = change
    slopes = derivative(inputs_BF, weights_W, compiled, order + 1)
    d_x_BF = torch.zeros_like(inputs_BF) if d_inputs_BF is None else d_inputs_BF
    d_w_W = torch.zeros_like(weights_W) if d_weights_W is None else d_weights_W
    change_BP = torch.cat([d_x_BF, d_w_W.expand(len(inputs_BF), -1)], dim=1).double()
    for _ in slopes.shape[2:]:  # of (B, P), for each output and each earlier derivative
        change_BP = change_BP.unsqueeze(1)
    return (slopes * change_BP).sum(-1)


def mapped(
    evaluate: Callable[[Tensor, Tensor], Tensor],
    in_dims: tuple[int | None, ...],
    inputs: Tensor,
    weights: Tensor,
) -> tuple[Tensor, int]:
    """Evaluate with a mapped dimension of inputs, of weights, or of both; it comes out first.

    Args:
        evaluate: Takes inputs (B, F) and weights (W,) to results (B, ...).
        in_dims: The mapped dimension of inputs and of weights, or None.
        inputs: The inputs, with that dimension.
        weights: The weights, with that dimension.
    """
    by_inputs, by_weights = in_dims
    if by_weights is None:
        assert by_inputs is not None
        inputs_NBF = inputs.movedim(by_inputs, 0)
        results = evaluate(inputs_NBF.flatten(0, 1), weights)
        return results.reshape(*inputs_NBF.shape[:2], *results.shape[1:]), 0
    members = weights.unbind(by_weights)
    batches = [inputs] * len(members) if by_inputs is None else inputs.unbind(by_inputs)
    return torch.stack([evaluate(x, w) for x, w in zip(batches, members, strict=True)]), 0


def _limit(order: int) -> str:
    return (
        "this backend gives first derivatives only"
        if order == 2
        else "second derivatives are the highest"
    )
