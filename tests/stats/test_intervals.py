"""Differences of shares on the same rows."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multinomial

from qmoe_qiskit.runs.metrics import paired_difference
from qmoe_qiskit.stats.intervals import bonett_price_interval


@given(st.data())
def test_the_interval_holds_the_difference(data: st.DataObject) -> None:
    n_rows = data.draw(st.integers(1, 5000))
    gained = data.draw(st.integers(0, n_rows))
    lost = data.draw(st.integers(0, n_rows - gained))
    low, high = bonett_price_interval(gained, lost, n_rows)
    assert -1 <= low <= (gained - lost) / n_rows <= high <= 1
    assert low < high
    mirrored = bonett_price_interval(lost, gained, n_rows)
    assert mirrored == pytest.approx((-high, -low))


@pytest.mark.parametrize("shares", [(0.1, 0.1), (0.2, 0.05), (0.02, 0.02), (0.3, 0.1)])
def test_the_interval_covers_as_often_as_it_says(shares: tuple[float, float]) -> None:
    """Exactly, over every outcome of 60 rows: at least 95 %, up to what counts allow."""
    n_rows, (gain, loss) = 60, shares
    covered = 0.0
    for gained, lost in product(range(n_rows + 1), repeat=2):
        if gained + lost > n_rows:
            continue
        low, high = bonett_price_interval(gained, lost, n_rows)
        if low <= gain - loss <= high:
            counts = [gained, lost, n_rows - gained - lost]
            covered += multinomial.pmf(counts, n_rows, [gain, loss, 1 - gain - loss])
    assert 0.94 < covered < 1


def test_the_difference_is_of_the_same_rows(rng: np.random.Generator) -> None:
    hits_N, reference_N = rng.random((2, 300)) < [[0.8], [0.7]]
    metric = paired_difference(hits_N, reference_N, "some rows")
    assert metric.value == pytest.approx(hits_N.mean() - reference_N.mean())
    assert metric.produced_by == "some rows"
    assert metric.uncertainty is not None
    # Rows that agree tell less than rows that differ: the interval is that of the rows, not of
    # two shares by themselves.
    same = paired_difference(hits_N, hits_N, "some rows")
    assert same.uncertainty is not None
    assert isinstance(same.uncertainty.high, float)
    assert 0 < same.uncertainty.high < 0.02
