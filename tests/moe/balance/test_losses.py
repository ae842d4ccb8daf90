"""Balance losses by name against loops over rows, and the numbers of the load."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy, variation

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import (
    BALANCE_LOSSES,
    LinearRouter,
    MixtureOfExperts,
    Routing,
    RoutingStatistics,
    balance_loss,
    importance_loss,
    linear_experts,
    z_loss,
)
from qmoe_qiskit.moe.balance.registry import check_balance

SIZES = {"n_rows": st.integers(1, 12), "n_experts": st.integers(2, 6), "seed": st.integers(0, 999)}


@given(**SIZES)
def test_switch_loss_of_several_choices(n_rows: int, n_experts: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights_NE, sample_N = rng.dirichlet(np.ones(n_experts), n_rows), rng.uniform(0.1, 2, n_rows)
    top_k = 2
    chosen_NE = np.zeros((n_rows, n_experts), dtype=bool)
    for n in range(n_rows):
        chosen_NE[n, np.argsort(-weights_NE[n])[:top_k]] = True
    for weight_N in (None, sample_N):
        of_row = np.ones(n_rows) if weight_N is None else weight_N
        wanted = 0.0
        for e in range(n_experts):
            share = sum(of_row[n] * chosen_NE[n, e] / top_k for n in range(n_rows)) / of_row.sum()
            mean = sum(of_row[n] * weights_NE[n, e] for n in range(n_rows)) / of_row.sum()
            wanted += n_experts * share * mean
        given_N = None if weight_N is None else torch.from_numpy(weight_N)
        loss = balance_loss(torch.from_numpy(weights_NE), given_N, torch.from_numpy(chosen_NE))
        assert float(loss) == pytest.approx(wanted, rel=1e-12)


@given(**SIZES)
def test_importance_and_z_loss(n_rows: int, n_experts: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits_NE, sample_N = rng.normal(size=(n_rows, n_experts)), rng.uniform(0.1, 2, n_rows)
    weights_NE = torch.from_numpy(logits_NE).softmax(-1)
    for weight_N in (None, sample_N):
        of_row = np.ones(n_rows) if weight_N is None else weight_N
        given_N = None if weight_N is None else torch.from_numpy(weight_N)
        sums_E = [float(of_row @ weights_NE[:, e].numpy()) for e in range(n_experts)]
        squares = [math.log(sum(math.exp(z) for z in row)) ** 2 for row in logits_NE]
        assert float(importance_loss(weights_NE, given_N)) == pytest.approx(variation(sums_E) ** 2)
        z = float(z_loss(torch.from_numpy(logits_NE), given_N))
        assert z == pytest.approx(float(of_row @ squares) / of_row.sum())


@pytest.mark.parametrize("name", BALANCE_LOSSES.names)
def test_losses_by_name_reach_every_expert(name: str, seed: int) -> None:
    """An expert that no row chose gets weight again only if its logits have a gradient."""
    router = LinearRouter(3, 4, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        router.layer.bias[3] -= 5
    mixture = MixtureOfExperts(router, linear_experts(4, 3, 2), top_k=2)
    balance = BALANCE_LOSSES.get(name)
    inputs_NF = torch.randn((20, 3), generator=torch.Generator().manual_seed(seed))
    routing = mixture.route(inputs_NF, with_logits=balance.needs_logits)
    assert not routing.chosen_BE[:, 3].any()
    balance.loss(routing, None).backward()
    assert router.layer.bias.grad is not None
    assert router.layer.bias.grad[3].abs() > 0


def test_what_a_training_does_not_accept() -> None:
    settings: dict[str, Any] = {"balance_weight": 0.0, "bias_rate": 0.0, "top_k": 2}
    for change, message in (
        ({"balance": "swich"}, "unknown balance loss 'swich'.*did you mean 'switch'"),
        ({"balance_weight": -1.0}, "balance_weight must be a number of at least 0"),
        ({"bias_rate": math.nan}, "bias_rate must be a number of at least 0"),
        ({"bias_rate": math.inf}, "bias_rate must be a number of at least 0"),
        ({"bias_rate": 0.01, "top_k": None}, "bias_rate=0.01 moves a bias.*set top_k"),
    ):
        with pytest.raises(InputError, match=message):
            check_balance(**{"balance": "switch", **settings, **change})


def test_statistics_are_scipys(rng: np.random.Generator) -> None:
    counts_E = rng.integers(0, 9, size=8)
    counts_E[2] = 0
    statistics = RoutingStatistics.of_choices(counts_E)
    assert statistics.entropy == pytest.approx(entropy(counts_E))
    assert statistics.variation == pytest.approx(variation(counts_E))
    assert statistics.n_dead == np.count_nonzero(counts_E == 0)


def test_statistics_add_up_and_count_what_is_dropped() -> None:
    chosen = torch.tensor([[True, True, False], [True, False, True]])
    runs = torch.tensor([[True, True, False], [False, False, True]])
    weights = torch.ones(2, 3)
    batch = RoutingStatistics.of(Routing(weights, weights, chosen, runs))
    both = batch + batch
    np.testing.assert_array_equal(both.choices_E, [4, 2, 2])
    np.testing.assert_array_equal(both.load_E, [0.5, 0.25, 0.25])
    assert both.dropped == 0.25
    none = RoutingStatistics.of(Routing(*(mask[:0] for mask in (weights, weights, chosen, runs))))
    assert (none.entropy, none.variation, none.dropped, none.n_dead) == (0.0, 0.0, 0.0, 3)
