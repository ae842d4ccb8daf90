"""The values of a circuit and their derivatives of any order, as torch transforms them.

This is the form in which `torch.func` and forward mode see a circuit: order 0 are the values, order
1 the Jacobian, order 2 the Hessian, each one with the next as its derivative. Shapes: B batch of
samples, F inputs, W weights, O outputs, P = F + W inputs and weights together, N mapped dimension.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qmoe_qiskit.backends import CompiledRouter
from qmoe_qiskit.backends.gradients.second_derivatives import TwiceDifferentiable
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.torch_connector.arrays import finite_arrays, host_array, to_array, to_tensor

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


class Pullback(torch.autograd.Function):
    """A gradient of the values by inputs and weights, both float64, in one sweep back.

    It is what the Jacobian gives, for less. Arguments: the gradient of the values, (B, O), float64;
    inputs (B, F), weights (W,), and the compiled router.
    """

    @staticmethod
    def forward(
        gradient_BO: Tensor, inputs_BF: Tensor, weights_W: Tensor, compiled: CompiledRouter
    ) -> tuple[Tensor, Tensor]:
        """Evaluate the circuit, and carry the gradient back."""
        _, pullback = compiled.vjp(*finite_arrays(inputs_BF, weights_W, compiled))
        by_inputs_BF, by_weights_W = pullback(to_array(gradient_BO))
        return to_tensor(by_inputs_BF, torch.float64), to_tensor(by_weights_W, torch.float64)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:  # noqa: ANN401, ARG004
        """Keep gradient, inputs and weights."""
        *tensors, ctx.compiled = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        by_inputs_BF: Tensor,
        by_weights_W: Tensor,
    ) -> tuple[Tensor, Tensor | None, Tensor, None]:
        """Contract with the Jacobian, by the gradient, and with the Hessian."""
        gradient_BO, inputs_BF, weights_W = ctx.saved_tensors
        point = inputs_BF, weights_W, ctx.compiled
        change_B1P = _joined(by_inputs_BF, by_weights_W).unsqueeze(1)
        by_gradient_BO = (derivative(*point, 1) * change_B1P).sum(-1)
        by_point = carry_back(gradient_BO.unsqueeze(2) * change_B1P, point, 1)
        return by_gradient_BO, *by_point, None

    @staticmethod
    def jvp(
        ctx: Any,  # noqa: ANN401
        gradient_BO: Tensor | None,
        inputs_BF: Tensor | None,
        weights_W: Tensor | None,
        _: None,
    ) -> tuple[Tensor, Tensor]:
        """Contract with the Jacobian, of the gradient's change, and with the Hessian."""
        given_BO, given_BF, given_W = ctx.saved_tensors
        point = given_BF, given_W, ctx.compiled
        bent_BOP = carry_forward((inputs_BF, weights_W), point, 1)
        by_inputs_BF, by_weights_W = _contracted(given_BO, bent_BOP, given_BF.shape[1])
        if gradient_BO is not None:
            more_BF, more_W = _contracted(gradient_BO, derivative(*point, 1), given_BF.shape[1])
            by_inputs_BF, by_weights_W = by_inputs_BF + more_BF, by_weights_W + more_W
        return by_inputs_BF, by_weights_W

    @staticmethod
    def vmap(  # noqa: PLR0917 - torch hands on what `apply` got
        info: Any,  # noqa: ANN401
        in_dims: tuple[int | None, ...],
        gradient: Tensor,
        inputs: Tensor,
        weights: Tensor,
        compiled: CompiledRouter,
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        """Carry back by the Jacobian of all, and for mapped weights member by member."""
        if in_dims[2] is None:

            def by_jacobian(gradient_BO: Tensor, x_BF: Tensor) -> tuple[Tensor, Tensor]:
                slopes_BOP = derivative(x_BF, weights, compiled, 1)
                return _contracted(gradient_BO, slopes_BOP, x_BF.shape[1])

            return torch.func.vmap(by_jacobian, in_dims[:2])(gradient, inputs), (0, 0)
        members = [
            [argument] * info.batch_size if dim is None else argument.unbind(dim)
            for argument, dim in zip((gradient, inputs, weights), in_dims, strict=False)
        ]
        results = [Pullback.apply(*member, compiled) for member in zip(*members, strict=True)]  # type: ignore[no-untyped-call]
        by_inputs, by_weights = zip(*results, strict=True)
        return (torch.stack(by_inputs), torch.stack(by_weights)), (0, 0)


def derivative(
    inputs_BF: Tensor, weights_W: Tensor, compiled: CompiledRouter, order: int
) -> Tensor:
    """Return the derivative of some order, see `Derivative`."""
    result: Tensor = Derivative.apply(inputs_BF, weights_W, compiled, order)  # type: ignore[no-untyped-call]
    return result


def carry_back(gradient: Tensor, point: Point, order: int) -> tuple[Tensor | None, Tensor]:
    """Carry a gradient of the derivative of some order back to inputs, if real, and weights."""
    inputs_BF, weights_W, _ = point
    if order == 0 and not torch._C._functorch.is_legacy_batchedtensor(gradient):  # noqa: SLF001
        by_inputs_BF, by_weights_W = Pullback.apply(gradient.double(), *point)  # type: ignore[no-untyped-call]
    else:  # `vectorize` and `is_grads_batched` of torch.autograd map gradients by older means
        slopes = derivative(*point, order + 1)
        by_inputs_BF, by_weights_W = _contracted(gradient, slopes, inputs_BF.shape[1])
    real = inputs_BF.dtype.is_floating_point
    return by_inputs_BF.to(inputs_BF.dtype) if real else None, by_weights_W.to(weights_W.dtype)


def carry_forward(change: tuple[Tensor | None, Tensor | None], point: Point, order: int) -> Tensor:
    """Return the change of the derivative of some order, by a change of inputs and of weights."""
    d_inputs_BF, d_weights_W = (
        torch.zeros_like(at) if d is None else d for at, d in zip(point[:2], change, strict=True)
    )
    slopes, change_BP = derivative(*point, order + 1), _joined(d_inputs_BF, d_weights_W)
    for _ in slopes.shape[2:]:  # of (B, P), for each output and each earlier derivative
        change_BP = change_BP.unsqueeze(1)
    return (slopes * change_BP).sum(-1)


def _contracted(gradient: Tensor, slopes: Tensor, n_inputs: int) -> tuple[Tensor, Tensor]:
    """Contract a gradient (B, ...) with slopes (B, ..., P): by inputs (B, F), and weights (W,)."""
    n_samples, *between, n_parameters = slopes.shape
    gradient_B1K = gradient.double().reshape(n_samples, 1, math.prod(between))
    slopes_BKP = slopes.reshape(n_samples, math.prod(between), n_parameters)
    by_each_BP = torch.bmm(gradient_B1K, slopes_BKP).squeeze(1)
    return by_each_BP[:, :n_inputs], by_each_BP[:, n_inputs:].sum(0)


def _joined(inputs_BF: Tensor, weights_W: Tensor) -> Tensor:
    """Join changes of inputs and of weights, (B, P), in float64."""
    return torch.cat([inputs_BF, weights_W.expand(len(inputs_BF), -1)], dim=1).double()


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
