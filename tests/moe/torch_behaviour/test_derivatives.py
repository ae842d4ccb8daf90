"""Derivatives of a module: of all orders and modes, and by the transforms of torch.func."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, stack_module_state, vmap
from torch_subjects import as_function, close, draw, gradients, loss_of, subject

if TYPE_CHECKING:
    from collections.abc import Callable

# torch says so of its tracer, and scripts its own formulas of forward mode.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.:DeprecationWarning")


def test_gradcheck(module: nn.Module, inputs_BF: Tensor) -> None:
    function, parameters = as_function(module)

    def evaluate(inputs: Tensor, *given: Tensor) -> Tensor:
        return function(dict(zip(parameters, given, strict=True)), inputs)

    variables = (inputs_BF[:2], *parameters.values())
    variables = tuple(v.clone().requires_grad_() for v in variables)
    assert torch.autograd.gradcheck(
        evaluate,
        variables,
        check_forward_ad=True,
        check_batched_grad=True,
        check_batched_forward_grad=True,
    )
    assert torch.autograd.gradgradcheck(evaluate, variables, check_fwd_over_rev=True)


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad])
def test_forward_mode(mode: Callable[[], Any], module: nn.Module, inputs_BF: Tensor) -> None:
    change_BF = torch.ones_like(inputs_BF)
    jacobian_BOBF = torch.autograd.functional.jacobian(module, inputs_BF)
    with mode(), torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(inputs_BF, change_BF)
        tangent = torch.autograd.forward_ad.unpack_dual(module(dual)).tangent
    assert tangent is not None
    close(tangent, torch.einsum("bocf,cf->bo", jacobian_BOBF, change_BF))


def test_vectorized_jacobian(module: nn.Module, inputs_BF: Tensor) -> None:
    expected = torch.autograd.functional.jacobian(module, inputs_BF)
    close(torch.autograd.functional.jacobian(module, inputs_BF, vectorize=True), expected)


# torch.func: loops over autograd are the judge


def test_func_grad(module: nn.Module, inputs_BF: Tensor) -> None:
    function, parameters = as_function(module)
    slopes = grad(lambda given: function(given, inputs_BF).square().sum())(parameters)
    for actual, wanted in zip(slopes.values(), gradients(module, inputs_BF), strict=True):
        close(actual, wanted)


@pytest.mark.parametrize("dims", [(0, 0), (1, 1), (2, 0), (0, 2)], ids=str)
def test_vmap_over_inputs(dims: tuple[int, int], module: nn.Module, seed: int) -> None:
    in_dim, out_dim = dims
    inputs = draw(seed, 3, 4, 2)
    stacked = inputs.movedim(0, in_dim) if in_dim < 2 else inputs.permute(1, 2, 0)
    values = vmap(module, in_dims=in_dim, out_dims=out_dim)(stacked)
    wanted = torch.stack([module(part) for part in stacked.unbind(in_dim)], dim=out_dim)
    close(values, wanted)


def test_vmap_in_vmap(module: nn.Module, seed: int) -> None:
    inputs = draw(seed, 3, 4, 2)
    close(vmap(vmap(module))(inputs), module(inputs))


def test_gradients_per_sample(module: nn.Module, seed: int) -> None:
    inputs, targets = draw(seed, 4, 2), draw(seed + 1, 4, 2)
    function, parameters = as_function(module)

    def loss(given: dict[str, Tensor], x_F: Tensor, y_C: Tensor) -> Tensor:
        return (function(given, x_F) - y_C).square().sum()

    slopes = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, inputs, targets)
    for row in range(4):
        loss_of_row = (module(inputs[row]) - targets[row]).square().sum()
        wanted = torch.autograd.grad(loss_of_row, list(module.parameters()))
        for actual, gradient in zip(slopes.values(), wanted, strict=True):
            close(actual[row], gradient)


@pytest.mark.parametrize("transform", [jacrev, jacfwd])
def test_jacobians(transform: Any, module: nn.Module, inputs_BF: Tensor) -> None:
    function, parameters = as_function(module)
    by_parameters, by_inputs = transform(function, argnums=(0, 1))(parameters, inputs_BF)
    close(by_inputs, torch.autograd.functional.jacobian(module, inputs_BF))
    for row in range(5):
        for output in range(2):
            value = module(inputs_BF)[row, output]
            wanted = torch.autograd.grad(value, list(module.parameters()), allow_unused=True)
            for actual, gradient in zip(by_parameters.values(), wanted, strict=True):
                part = actual[row, output]
                close(part, torch.zeros_like(part) if gradient is None else gradient)


def test_jvp(module: nn.Module, inputs_BF: Tensor) -> None:
    function, parameters = as_function(module)
    changes = {key: torch.ones_like(value) for key, value in parameters.items()}
    values, change = jvp(function, (parameters, inputs_BF), (changes, torch.ones_like(inputs_BF)))
    by_parameters, by_inputs = jacrev(function, argnums=(0, 1))(parameters, inputs_BF)
    wanted = by_inputs.sum((2, 3)) + sum(part.flatten(2).sum(2) for part in by_parameters.values())
    close(values, module(inputs_BF))
    close(change, wanted)


def test_hessian(module: nn.Module, inputs_BF: Tensor) -> None:
    """Forward over reverse, and the derivatives of a gradient with create_graph=True."""
    actual = hessian(partial(loss_of, module))(inputs_BF[:2])
    inputs = inputs_BF[:2].clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss_of(module, inputs), inputs, create_graph=True)
    wanted = [torch.autograd.grad(part, inputs, retain_graph=True)[0] for part in slope.reshape(-1)]
    close(actual.reshape(4, 2, 2), torch.stack(wanted))


@pytest.mark.parametrize("inputs_dim", [None, 0])
def test_ensembles(inputs_dim: int | None, name: str, seed: int) -> None:
    members = [subject(name, seed=k) for k in range(3)]
    parameters, buffers = stack_module_state(members)
    skeleton = copy.deepcopy(members[0]).to("meta")
    inputs = draw(seed, 3, 4, 2) if inputs_dim == 0 else draw(seed, 4, 2)
    each = list(inputs) if inputs_dim == 0 else [inputs] * 3

    def evaluate(given: Any, buffer: Any, inputs: Tensor) -> Tensor:
        values: Tensor = functional_call(skeleton, (given, buffer), (inputs,))
        return values

    values = vmap(evaluate, in_dims=(0, 0, inputs_dim))(parameters, buffers, inputs)
    values.square().sum().backward()
    for k, (member, part) in enumerate(zip(members, each, strict=True)):
        close(values[k], member(part))
        for stacked, gradient in zip(parameters.values(), gradients(member, part), strict=True):
            close(stacked.grad[k], gradient)
