"""Experts by name, and those that users bring."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import EXPERTS, MLPExpert, QuantumExpert, build_experts


@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [("linear", nn.Linear, 15), ("mlp:7", MLPExpert, 59), ("quantum", QuantumExpert, 21)],
)
def test_experts_by_name(name: str, kind: type[nn.Module], count: int) -> None:
    built = [
        build_experts(name, 3, 4, 3, generator=torch.Generator().manual_seed(1)) for _ in range(2)
    ]
    inputs_BF = torch.rand(5, 4) + 0.1
    for expert, again in zip(*built, strict=True):
        assert isinstance(expert, kind)
        assert sum(p.numel() for p in expert.parameters()) == count
        assert expert(inputs_BF).shape == (5, 3)
        assert torch.equal(expert(inputs_BF), again(inputs_BF))
    assert not torch.equal(built[0][0](inputs_BF), built[0][1](inputs_BF))


def test_an_mlp_is_torchs(seed: int) -> None:
    [expert] = build_experts("mlp:6", 1, 4, 2, generator=torch.Generator().manual_seed(seed))
    assert isinstance(expert, MLPExpert)
    inputs_BF = torch.randn((5, 4), generator=torch.Generator().manual_seed(seed))
    torchs = nn.Sequential(expert.first, nn.ReLU(), expert.second)
    assert torch.equal(expert(inputs_BF), torchs(inputs_BF))


def test_modules_of_the_user_are_copied() -> None:
    given = [nn.Linear(4, 2), nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))]
    for choice in (given, tuple(given), nn.ModuleList(given)):
        first, second = build_experts(choice, 2, 4, 2)
        assert isinstance(second, nn.Sequential)
        inputs_BF = torch.ones(1, 4)
        assert torch.equal(first(inputs_BF), given[0](inputs_BF))
        nn.init.zeros_(first.weight)
        assert given[0].weight.any()


def test_a_function_is_called_per_expert() -> None:
    first, second = build_experts(nn.Linear, 2, 4, 3)
    assert isinstance(first, nn.Linear)
    assert (first.in_features, first.out_features) == (4, 3)
    assert first is not second


ONE = nn.Linear(4, 2)


@pytest.mark.parametrize(
    ("expert", "message"),
    [
        ("liner", "unknown expert 'liner'.*did you mean 'linear'"),
        ("mlp", "expert 'mlp' needs its number of hidden units.*'mlp:16'"),
        ("mlp:0", "hidden units of expert 'mlp:H' must be a whole number of at least 1"),
        ("linear:3", "unknown expert 'linear:3'"),
        (7, "expert must be a name .*, a list of modules, or a function"),
        (ONE, "expert is one module, Linear: give a list of 3"),
        ([ONE], "expert lists 1 modules, n_experts is 3"),
        ([ONE, ONE, 5], "experts must be modules of torch, got int"),
        (lambda _f, _c: ONE, "returns the same module twice"),
    ],
)
def test_choices_that_are_refused(expert: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_experts(expert, 3, 4, 2)


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(InputError, match="too large"):
        build_experts("mlp:100000", 1000, 10, 2)
    assert EXPERTS.names == ("linear", "mlp:H", "quantum")


class Pair(nn.Module):
    def forward(self, inputs_BF: torch.Tensor) -> Any:
        return inputs_BF, inputs_BF


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Linear(4, 1), r"expert 1, Linear, .* outputs \(B, 2\); on two rows it gave \(2, 1\)"),
        (nn.Linear(4, 3), r"gave \(2, 3\)"),
        (nn.Linear(5, 2), "gave RuntimeError: mat1 and mat2"),
        (nn.Flatten(0), r"gave \(8,\)"),
        (Pair(), "gave AttributeError"),
    ],
)
def test_other_outputs_than_asked_for_are_refused(module: nn.Module, message: str) -> None:
    """A loss would broadcast them, or a regressor return predictions of other rows."""
    with pytest.raises(InputError, match=message):
        build_experts([nn.Linear(4, 2), module], 2, 4, 2)


def test_trying_an_expert_leaves_it_as_it_was() -> None:
    given = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2))
    state = torch.get_rng_state()
    [expert] = build_experts([given], 1, 4, 2)
    assert torch.equal(torch.get_rng_state(), state)
    assert expert.training
    assert expert[0].num_batches_tracked == 0


def test_a_function_draws_from_the_generator() -> None:
    """A fit repeats: torch's global generator has no part in it."""
    first, again, other = (
        build_experts(nn.Linear, 2, 4, 3, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    for one, same, another in zip(first, again, other, strict=True):
        assert torch.equal(one.weight, same.weight)
        assert not torch.equal(one.weight, another.weight)
    assert not torch.equal(first[0].weight, first[1].weight)
