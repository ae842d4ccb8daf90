"""The load-balancing loss: its values, its gradient, and where it does nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qmoe_qiskit.moe import balance_loss


def weights(rng: np.random.Generator, n_rows: int, n_experts: int) -> torch.Tensor:
    return torch.softmax(torch.from_numpy(rng.normal(size=(n_rows, n_experts))), dim=-1)


@pytest.mark.parametrize("n_experts", [1, 2, 4, 8])
def test_one_where_all_are_alike_and_e_where_one_has_everything(n_experts: int) -> None:
    sharp_EE = torch.eye(n_experts, dtype=torch.float64)
    assert balance_loss(sharp_EE).item() == pytest.approx(1)
    assert balance_loss(sharp_EE[:1].expand(5, -1)).item() == pytest.approx(n_experts)
    # Weights that are all equal are balanced, whichever expert ties give the rows to.
    even_BE = torch.full((3, n_experts), 1 / n_experts, dtype=torch.float64)
    assert balance_loss(even_BE).item() == pytest.approx(1)


@given(seed=st.integers(0, 2**32), n_rows=st.integers(1, 20), n_experts=st.integers(1, 6))
def test_is_the_formula(seed: int, n_rows: int, n_experts: int) -> None:
    weights_BE = weights(np.random.default_rng(seed), n_rows, n_experts)
    rows = weights_BE.tolist()
    expected = 0.0
    for e in range(n_experts):
        share = sum(max(range(n_experts), key=row.__getitem__) == e for row in rows) / n_rows
        expected += n_experts * share * sum(row[e] for row in rows) / n_rows
    loss = balance_loss(weights_BE).item()
    assert loss == pytest.approx(expected)
    assert 0 < loss <= n_experts + 1e-9


def test_leading_dimensions_are_rows(rng: np.random.Generator) -> None:
    weights_BE = weights(rng, 12, 3)
    assert balance_loss(weights_BE.reshape(3, 4, 3)).item() == balance_loss(weights_BE).item()


def test_gradient_by_finite_differences(rng: np.random.Generator) -> None:
    """Of the logits: far from where a row changes its expert the shares are constant."""
    logits_BE = torch.from_numpy(rng.normal(size=(10, 4)))
    two_BE = logits_BE.topk(2).values
    assert (two_BE[:, 0] - two_BE[:, 1]).min() > 1e-3
    logits_BE.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: balance_loss(torch.softmax(x, dim=-1)), logits_BE)


def test_gradient_takes_weight_from_the_expert_with_most_rows(rng: np.random.Generator) -> None:
    logits_BE = torch.from_numpy(rng.normal(size=(20, 3)) + np.array([2.0, 0, 0])).requires_grad_()
    balance_loss(torch.softmax(logits_BE, dim=-1)).backward()
    assert logits_BE.grad is not None
    by_expert_E = logits_BE.grad.sum(dim=0)
    assert by_expert_E[0] > 0
    assert by_expert_E.argmax() == 0
