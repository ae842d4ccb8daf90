"""Breakdown points: where a mean curve falls below a threshold, or that it does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from qmoe_qiskit.stats import breakdown_point
from qmoe_qiskit.typing import FloatArray

LEVELS = (0.0, 0.05, 0.1, 0.2, 0.4)


def lines(slopes_N: FloatArray, start: float = 0.3) -> FloatArray:
    """Differences that fall linearly with the level, one slope a seed."""
    differences_NL: FloatArray = start - slopes_N[:, None] * np.array(LEVELS)
    return differences_NL


def test_a_straight_line_breaks_where_it_crosses(rng: np.random.Generator) -> None:
    slopes_N = rng.uniform(1.5, 2.5, 20)
    found = breakdown_point(LEVELS, lines(slopes_N))
    # The mean of lines is the line of the mean slope.
    assert found.value == pytest.approx(0.3 / slopes_N.mean())
    assert found.low < found.value < found.high
    assert (found.n, found.reached, found.last) == (20, 1.0, 0.4)
    of_accuracy = breakdown_point(LEVELS, 0.9 + lines(slopes_N), threshold=0.9)
    assert (of_accuracy.value, of_accuracy.low) == pytest.approx((found.value, found.low))


def test_what_does_not_break_is_said_to_be_beyond_the_last_level() -> None:
    found = breakdown_point(LEVELS, lines(np.full(20, 0.1)))
    assert (found.value, found.low, found.high, found.reached) == (math.inf, math.inf, math.inf, 0)
    assert str(found) == "not reached up to 0.4, reached in 0 % of resamples"


def test_an_end_of_the_interval_can_be_beyond() -> None:
    slopes_N = np.linspace(-0.2, 1.9, 20)
    found = breakdown_point(LEVELS, lines(slopes_N))
    assert 0 < found.low < found.value < 0.4
    assert found.high == math.inf
    assert 0.5 < found.reached < 0.975
    assert "> 0.4" in str(found)
    # Resamples that break and a mean that does not: the value is beyond, the interval begins below.
    fewer = breakdown_point(LEVELS, lines(slopes_N - 0.15))
    assert fewer.low < fewer.value == math.inf
    assert 0.025 < fewer.reached < 0.6


def test_what_is_below_from_the_start_says_so() -> None:
    found = breakdown_point(LEVELS, lines(np.full(3, 1.0), start=-0.1))
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    assert str(found).startswith("from the start, 0,")


def test_equal_to_the_threshold_is_not_below() -> None:
    ties = np.zeros((5, 5))
    assert breakdown_point(LEVELS, ties).value == math.inf
    thirds = np.full((3, 5), 0.9)  # whose mean is not exactly 0.9 in floating point
    assert breakdown_point(LEVELS, thirds, threshold=0.9).value == math.inf
    ties[:, 3:] = -0.1  # leaves zero behind the third level
    assert breakdown_point(LEVELS, ties).value == 0.1


def test_a_single_seed_has_no_interval() -> None:
    found = breakdown_point(LEVELS, lines(np.array([2.0])))
    assert found.value == pytest.approx(0.15)
    assert math.isnan(found.low)
    assert str(found) == "0.15"


@given(st.lists(st.lists(st.integers(-4, 4), min_size=5, max_size=5), min_size=1, max_size=6))
def test_it_lies_behind_the_last_level_that_held(curves: list[list[int]]) -> None:
    values_NL = np.array(curves, dtype=float)
    found = breakdown_point(LEVELS, values_NL)
    means = values_NL.mean(axis=0).tolist()
    held = next((i for i, mean in enumerate(means) if mean < -1e-9), len(means))
    if held == len(means):
        assert found.value == math.inf
    elif held == 0:
        assert found.value == LEVELS[0]
    else:
        assert LEVELS[held - 1] <= found.value < LEVELS[held]
        assert np.interp(found.value, LEVELS, means) == pytest.approx(0, abs=1e-9)


def test_the_interval_covers_the_true_level(rng: np.random.Generator) -> None:
    n_studies, hits = 100, 0
    for _ in range(n_studies):
        found = breakdown_point(LEVELS, lines(rng.normal(2.0, 0.5, 20)))
        hits += found.low <= 0.15 <= found.high
    # A percentile bootstrap of 20 seeds covers in about 93 %; fewer are seen in 1 of 1000 tests.
    assert hits >= binom.ppf(0.001, n_studies, 0.92)
