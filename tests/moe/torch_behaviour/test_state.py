"""State of a module: stored, copied, and replaced by what torch computes of it."""

from __future__ import annotations

import copy
import io
import pickle
from typing import TYPE_CHECKING

import joblib
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune
from torch_subjects import SUBJECTS, close, gradients, loss_of, owner_of_weight, subject

if TYPE_CHECKING:
    from collections.abc import Callable


def test_state_comes_back(name: str, module: nn.Module, inputs_BF: Tensor) -> None:
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    other = subject(name, seed=1)
    assert not torch.equal(other(inputs_BF), module(inputs_BF))
    loaded = other.load_state_dict(torch.load(file, weights_only=True))
    assert (loaded.missing_keys, loaded.unexpected_keys) == ([], [])
    assert torch.equal(other(inputs_BF), module(inputs_BF))


def test_the_state_is_that_of_the_parameters(module: nn.Module) -> None:
    assert list(module.state_dict()) == [key for key, _ in module.named_parameters()]
    assert "weight" in owner_of_weight(module).state_dict()


def test_states_that_do_not_fit_are_refused(module: nn.Module) -> None:
    state = module.state_dict()
    key = next(iter(state))
    with pytest.raises(RuntimeError, match="Missing key"):
        module.load_state_dict({k: v for k, v in state.items() if k != key})
    with pytest.raises(RuntimeError, match="Unexpected key"):
        module.load_state_dict({**state, "another": state[key]})
    with pytest.raises(RuntimeError, match="size mismatch"):
        module.load_state_dict({**state, key: torch.zeros(7)})


def by_torch(module: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    loaded: nn.Module = torch.load(file, weights_only=False)
    return loaded


def by_joblib(module: nn.Module) -> nn.Module:
    file = io.BytesIO()
    joblib.dump(module, file)
    file.seek(0)
    loaded: nn.Module = joblib.load(file)
    return loaded


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module)), by_torch, by_joblib],  # noqa: S301
    ids=["deepcopy", "pickle", "torch", "joblib"],
)
def test_copies_are_independent(
    copied: Callable[[nn.Module], nn.Module], module: nn.Module, inputs_BF: Tensor
) -> None:
    before = module(inputs_BF)
    other = copied(module)
    assert torch.equal(other(inputs_BF), before)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.5)
    assert torch.equal(module(inputs_BF), before)
    assert not torch.equal(other(inputs_BF), before)


def test_made_on_no_device_and_loaded(name: str, module: nn.Module, inputs_BF: Tensor) -> None:
    with torch.device("meta"):
        empty = SUBJECTS[name]().double()
    assert {parameter.device.type for parameter in empty.parameters()} == {"meta"}
    values = empty(inputs_BF.to("meta"))
    assert (values.shape, values.dtype, values.device.type) == ((5, 2), torch.float64, "meta")
    assert values.requires_grad
    loaded = empty.to_empty(device="cpu")
    loaded.load_state_dict(module.state_dict())
    assert torch.equal(loaded(inputs_BF), module(inputs_BF))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_default_type_is_that_of_new_weights(name: str, dtype: torch.dtype) -> None:
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(dtype)
        made = SUBJECTS[name]()
    finally:
        torch.set_default_dtype(before)
    assert {parameter.dtype for parameter in made.parameters()} == {dtype}


# What takes the place of a parameter


def test_pruned_weights(module: nn.Module, inputs_BF: Tensor) -> None:
    owner = owner_of_weight(module)
    before = owner.weight.detach().clone()
    prune.l1_unstructured(owner, "weight", amount=2)
    values = module(inputs_BF)
    smallest = before.abs().flatten().argsort()[:2]
    pruned = before.flatten().index_fill(0, smallest, 0).reshape(before.shape)
    close(owner.weight, pruned)
    assert {"weight_orig", "weight_mask"} <= owner.state_dict().keys()
    loss_of(module, inputs_BF).backward()
    assert torch.equal(owner.weight_orig.grad == 0, pruned == 0)
    prune.remove(owner, "weight")
    assert "weight_orig" not in owner.state_dict()
    assert isinstance(owner.weight, nn.Parameter)
    close(module(inputs_BF), values)
    close(owner.weight.detach(), pruned)


class Doubled(nn.Module):
    def forward(self, half: Tensor) -> Tensor:
        return 2 * half

    def right_inverse(self, whole: Tensor) -> Tensor:
        return whole / 2


def test_parametrized_weights(module: nn.Module, inputs_BF: Tensor) -> None:
    owner = owner_of_weight(module)
    before, wanted = module(inputs_BF), gradients(module, inputs_BF)
    position = [parameter is owner.weight for parameter in module.parameters()].index(True)
    parametrize.register_parametrization(owner, "weight", Doubled())
    close(module(inputs_BF), before)
    loss_of(module, inputs_BF).backward()
    close(owner.parametrizations.weight.original.grad, 2 * wanted[position])
    owner.weight = torch.ones_like(owner.weight)
    assert not torch.equal(module(inputs_BF), before)
    parametrize.remove_parametrizations(owner, "weight")
    close(owner.weight.detach(), torch.ones_like(owner.weight))
    assert isinstance(owner.weight, nn.Parameter)


def test_weight_norm(module: nn.Module, inputs_BF: Tensor) -> None:
    owner, before = owner_of_weight(module), module(inputs_BF)
    parametrizations.weight_norm(owner, "weight")
    close(module(inputs_BF), before)
    loss_of(module, inputs_BF).backward()
    assert {
        key for key, value in owner.named_parameters() if "weight" in key and value.grad is not None
    } == {"parametrizations.weight.original0", "parametrizations.weight.original1"}
