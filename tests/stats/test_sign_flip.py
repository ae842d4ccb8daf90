"""Estimates and tests over seeds, against brute force, coverage, and what must not matter."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from qmoe_qiskit.stats import (
    fewest_seeds,
    holm,
    mean_estimate,
    mean_estimates,
    median_estimate,
    sign_flip_p_value,
    success_rate,
)
from qmoe_qiskit.typing import FloatArray

# Few distinct values, so that sums tie, and zeros among them.
GRID = st.lists(st.integers(-6, 6), min_size=1, max_size=9)


@given(GRID)
def test_the_sign_flip_test_counts_every_assignment_of_signs(values: list[int]) -> None:
    sums = [
        sum(s * v for s, v in zip(signs, values, strict=True))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    expected = np.mean([total >= sum(values) for total in sums])
    # In units in which the numbers are not exact, such as accuracies.
    assert sign_flip_p_value(np.array(values) / 200) == pytest.approx(expected, abs=1e-15)


@given(GRID, st.integers(0, 30))
def test_differences_of_zero_change_nothing(values: list[int], zeros: int) -> None:
    padded = np.array([*values, *[0] * zeros], dtype=float)
    assert sign_flip_p_value(padded) == sign_flip_p_value(np.array(values, dtype=float))


def test_twenty_four_differences_are_exact_and_more_are_drawn(rng: np.random.Generator) -> None:
    assert sign_flip_p_value(np.full(20, 0.1)) == 0.5**20
    assert sign_flip_p_value(np.full(24, 0.1)) == 0.5**24
    differences_N = rng.normal(0.3, 1.0, 25)
    drawn = sign_flip_p_value(differences_N)
    exact = (
        0.5
        * sum(  # the 25th sign, either way
            _exceeding(differences_N[:24], differences_N.sum() - sign * differences_N[24])
            for sign in (1, -1)
        )
    )
    # Of 20,000 draws, at five standard errors: false in fewer than 1 of a million tests.
    assert drawn == pytest.approx(exact, abs=5 * math.sqrt(exact * (1 - exact) / 20_000) + 1e-4)
    assert sign_flip_p_value(differences_N, seed=1) != drawn


def _exceeding(values_M: FloatArray, bound: float) -> float:
    sums = np.zeros(1)
    for value in values_M:
        sums = np.concatenate([sums + value, sums - value])
    return float(np.mean(sums >= bound))


def test_holm_multiplies_the_smallest_by_all_and_never_falls() -> None:
    assert holm([]) == []
    assert holm([0.04]) == [0.04]
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.5]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.5))
def test_holm_rejects_as_the_step_down_procedure_does(p_values: list[float], level: float) -> None:
    rejected, left = set(), sorted(range(len(p_values)), key=lambda i: p_values[i])
    while left and p_values[left[0]] * len(left) < level:
        rejected.add(left.pop(0))
    assert {i for i, p in enumerate(holm(p_values)) if p < level} == rejected


@pytest.mark.parametrize("n_claims", [1, 2, 10, 50])
def test_the_fewest_seeds_are_those_with_which_one_claim_can_pass(n_claims: int) -> None:
    n_seeds = fewest_seeds(n_claims)
    rest = [1.0] * (n_claims - 1)
    assert holm([2 * sign_flip_p_value(np.ones(n_seeds)), *rest])[0] < 0.05
    assert holm([2 * sign_flip_p_value(np.ones(n_seeds - 1)), *rest])[0] >= 0.05


@pytest.mark.parametrize(
    ("n_seeds", "least"),
    [
        (20, 0.90),
        pytest.param(100, 0.93, marks=pytest.mark.trial),
    ],  # a bootstrap's shortfall with few seeds is known and documented
)
def test_intervals_of_the_mean_cover_it(
    n_seeds: int, least: float, rng: np.random.Generator
) -> None:
    n_studies = 400
    estimates = mean_estimates(rng.normal(0.3, 1.0, (n_seeds, n_studies)))
    covered = sum(e.low <= 0.3 <= e.high for e in estimates)
    # With the stated coverage, fewer than this are seen in 1 of 1000 tests; likewise too many.
    assert binom.ppf(0.001, n_studies, least) <= covered <= binom.ppf(0.999, n_studies, 0.96)
    widths = [e.high - e.low for e in estimates]
    assert np.mean(widths) == pytest.approx(2 * norm.ppf(0.975) / math.sqrt(n_seeds), rel=0.08)


def test_a_column_has_the_same_interval_alone_and_among_many(rng: np.random.Generator) -> None:
    values_NK = rng.choice([0.88, 0.99, 1.0], size=(20, 100))  # several batches
    values_NK[:, 3] = 0.99
    for column in (0, 3, 99):
        among, alone = mean_estimates(values_NK)[column], mean_estimate(values_NK[:, column])
        assert (among.low, among.high) == pytest.approx((alone.low, alone.high), abs=1e-12)
        assert among.value == pytest.approx(values_NK[:, column].mean())
    assert mean_estimate(values_NK[:, 0]) == mean_estimate(values_NK[:, 0].copy())


@pytest.mark.parametrize("scale", [2.0**-60, 1e-15, 1e15])
def test_the_unit_of_the_numbers_does_not_matter(scale: float, rng: np.random.Generator) -> None:
    values_N = rng.choice([0.88, 0.99, 1.0], size=20)
    plain, scaled = mean_estimate(values_N), mean_estimate(scale * values_N)
    assert (scaled.low / scale, scaled.value / scale, scaled.high / scale) == pytest.approx(
        (plain.low, plain.value, plain.high), rel=1e-9
    )


@pytest.mark.parametrize("estimate", [mean_estimate, median_estimate])
@given(st.lists(st.sampled_from([0.0, 0.005, 0.1, -0.1, -0.11]), min_size=2, max_size=20))
def test_an_interval_holds_its_number_and_stays_among_the_values(
    estimate: type, values: list[float]
) -> None:
    found = estimate(np.array(values))
    tiny = 1e-12
    assert min(values) - tiny <= found.low <= found.value <= found.high <= max(values) + tiny
    assert found.n == len(values)
    assert (found.low == found.high) <= (estimate is median_estimate or len(set(values)) == 1)


def test_equal_values_have_no_width_and_a_single_one_has_no_interval() -> None:
    for estimate in (mean_estimate, median_estimate):
        same = estimate(np.full(5, 0.99))
        assert same.low == same.value == same.high == pytest.approx(0.99)
        alone = estimate(np.array([0.99]))
        assert alone.value == 0.99
        assert math.isnan(alone.low)
        assert math.isnan(alone.high)


def test_the_median_does_not_see_a_few_failures() -> None:
    values_N = np.array([0.99] * 17 + [0.5] * 3)
    found = median_estimate(values_N)
    assert (found.low, found.value, found.high) == (0.99, 0.99, 0.99)
    assert mean_estimate(values_N).high < 0.99


def test_the_success_rate_knows_what_so_few_seeds_can_miss() -> None:
    none = success_rate(np.array([0.95] * 20), 0.95)
    assert (none.value, none.high, none.n) == (1.0, 1.0, 20)
    assert none.low < 0.86  # 1 failure in 7 may have been missed
    some = success_rate(np.array([0.94, 0.95, 0.96, 0.2]), 0.95)
    assert some.value == 0.5
    assert some.low == pytest.approx(1 - some.high)
