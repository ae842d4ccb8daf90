"""What PyTorch users do in a training, and the shapes of inputs that they give."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from torch_subjects import close, draw, gradients, loss_of, owner_of_weight, subject

if TYPE_CHECKING:
    from collections.abc import Callable


def test_gradients_accumulate(module: nn.Module, inputs_BF: Tensor) -> None:
    expected = gradients(module, inputs_BF)
    for part in inputs_BF.split(2):
        loss_of(module, part).backward()
    for parameter, wanted in zip(module.parameters(), expected, strict=True):
        close(parameter.grad, wanted)


def test_lbfgs_finds_a_module_that_gives_the_same(name: str, inputs_BF: Tensor) -> None:
    """From weights near those of the module; what is left of the distance is 1e-6 of it."""
    teacher, student = subject(name), subject(name)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(0.1)
    targets = teacher(inputs_BF).detach()
    optimizer = torch.optim.LBFGS(student.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (student(inputs_BF) - targets).square().sum()
        loss.backward()
        return loss

    start = closure().item()
    optimizer.step(closure)
    assert closure().item() < 1e-6 * start


def test_averaged_weights(name: str, inputs_BF: Tensor) -> None:
    members = [subject(name, seed=k) for k in range(3)]
    averaged = torch.optim.swa_utils.AveragedModel(members[0])
    for member in members:
        averaged.update_parameters(member)
    expected = subject(name)
    with torch.no_grad():
        for parameter, *each in zip(
            expected.parameters(), *(member.parameters() for member in members), strict=True
        ):
            parameter.copy_(torch.stack(each).mean(0))
    close(averaged(inputs_BF), expected(inputs_BF))


def test_frozen_weights_get_no_gradient_and_pass_gradients_on(
    module: nn.Module, inputs_BF: Tensor
) -> None:
    inputs_BF.requires_grad_()
    (expected,) = torch.autograd.grad(loss_of(module, inputs_BF), inputs_BF)
    module.requires_grad_(False)
    loss_of(module, inputs_BF).backward()
    close(inputs_BF.grad, expected)
    assert [parameter.grad for parameter in module.parameters()] == [None] * len(
        list(module.parameters())
    )
    assert not module(inputs_BF.detach()).requires_grad


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients(mode: Callable[[], Any], module: nn.Module, inputs_BF: Tensor) -> None:
    expected = module(inputs_BF)
    with mode():
        values = module(inputs_BF)
        assert not values.requires_grad
        assert values.is_inference() == (mode is torch.inference_mode)
    assert torch.equal(values, expected)


def test_autocast(module: nn.Module, inputs_BF: Tensor) -> None:
    module.float()
    inputs = inputs_BF.float()
    expected, wanted = module(inputs), gradients(module, inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = module(inputs)
        loss = values.float().square().sum()
    loss.backward()
    # bfloat16 has 8 bits: 1/256 of each of the few numbers that are summed, which are below 3.
    torch.testing.assert_close(values.float(), expected, rtol=0, atol=0.05)
    for parameter, gradient in zip(module.parameters(), wanted, strict=True):
        assert parameter.grad is not None
        assert parameter.grad.dtype == torch.float32
        torch.testing.assert_close(parameter.grad, gradient, rtol=0.05, atol=0.2)


def test_change_in_place_between_forward_and_backward(module: nn.Module, inputs_BF: Tensor) -> None:
    """Of what the gradient depends on: Linear's by its inputs depends on the weights."""
    inputs_BF.requires_grad_()
    loss = module(inputs_BF).sum()
    with torch.no_grad():
        owner_of_weight(module).weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_graph_is_used_once(module: nn.Module, inputs_BF: Tensor) -> None:
    loss = loss_of(module, inputs_BF)
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


@pytest.mark.filterwarnings(
    "ignore:Error detected in:UserWarning"
)  # where it was, before it raises
def test_anomaly_mode(module: nn.Module, inputs_BF: Tensor) -> None:
    expected = gradients(module, inputs_BF)
    with torch.autograd.set_detect_anomaly(True, check_nan=True):
        for actual, wanted in zip(gradients(module, inputs_BF), expected, strict=True):
            assert torch.equal(actual, wanted)
        with pytest.raises(RuntimeError, match="nan values"):
            (module(inputs_BF).sum() * float("nan")).backward()


def test_recomputation_in_the_backward_pass(module: nn.Module, inputs_BF: Tensor) -> None:
    expected = gradients(module, inputs_BF)
    values = torch.utils.checkpoint.checkpoint(module, inputs_BF, use_reentrant=False)
    values.square().sum().backward()
    for parameter, wanted in zip(module.parameters(), expected, strict=True):
        assert torch.equal(parameter.grad, wanted)


def test_hooks(module: nn.Module, inputs_BF: Tensor) -> None:
    seen: dict[str, Any] = {}
    module.register_forward_pre_hook(lambda _, args: (2 * args[0],))
    module.register_forward_hook(lambda _, args, values: seen.update(inputs=args[0], out=values))
    module.register_full_backward_pre_hook(lambda _, given: (3 * given[0],))
    module.register_full_backward_hook(
        lambda _, by_inputs, by_values: seen.update(by_inputs=by_inputs[0], by_values=by_values[0])
    )
    plain = copy.deepcopy(module)
    for hooks in ("_forward_pre_hooks", "_forward_hooks", "_backward_hooks", "_backward_pre_hooks"):
        getattr(plain, hooks).clear()
    inputs_BF.requires_grad_()
    module(inputs_BF).sum().backward()
    close(seen["inputs"], 2 * inputs_BF)
    close(seen["out"], plain(2 * inputs_BF))
    close(seen["by_values"], torch.full((5, 2), 3.0).double())
    doubled = (2 * inputs_BF).detach().requires_grad_()
    (wanted,) = torch.autograd.grad(3 * plain(doubled).sum(), doubled)
    close(seen["by_inputs"], wanted)
    close(inputs_BF.grad, 2 * wanted)


# Shapes


@pytest.mark.parametrize("leading", [(), (1,), (4,), (2, 3), (2, 1, 3), (0,), (2, 0)])
def test_leading_dimensions(leading: tuple[int, ...], module: nn.Module, seed: int) -> None:
    inputs = draw(seed, *leading, 2).requires_grad_()
    values = module(inputs)
    assert values.shape == (*leading, 2)
    values.square().sum().backward()
    rows = [row.detach().requires_grad_() for row in inputs.reshape(-1, 2)]
    for row in rows:
        loss_of(module, row).backward()
    one_by_one = torch.stack([module(row) for row in rows]) if rows else torch.zeros(0, 2).double()
    close(values.reshape(-1, 2), one_by_one)
    assert inputs.grad is not None
    wanted = torch.stack([row.grad for row in rows]) if rows else torch.zeros(0, 2).double()
    close(inputs.grad.reshape(-1, 2), wanted)


def test_batch_without_rows_has_no_gradient(module: nn.Module) -> None:
    loss_of(module, torch.zeros(0, 2).double()).backward()
    for parameter in module.parameters():
        assert torch.equal(parameter.grad, torch.zeros_like(parameter))


def test_other_shapes_are_refused(module: nn.Module) -> None:
    for shape in ((3,), (4, 3), ()):
        with pytest.raises((RuntimeError, ValueError)):
            module(torch.zeros(shape).double())
