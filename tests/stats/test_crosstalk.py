"""The crosstalk test: false alarms by simulation of binomial shots, and what it detects."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom  # type: ignore[import-untyped]

from qmoe_qiskit.stats.crosstalk import CrosstalkTest, crosstalk_p_values, crosstalk_test
from qmoe_qiskit.typing import FloatArray

SHOTS = 512
POINTS = 40
N_EXPERIMENTS = 400


def measured(values_PO: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Means of SHOTS shots of +1 and -1, and their standard errors."""
    ones = rng.binomial(SHOTS, (1 + values_PO) / 2)
    means = 2 * ones / SHOTS - 1
    return means, np.sqrt((1 - means**2) / (SHOTS - 1))


def experiment(
    rng: np.random.Generator, *, loss: float = 0.0, shift: float = 0.0, errors: bool = True
) -> CrosstalkTest:
    exact = rng.uniform(-0.97, 0.97, (POINTS, 2))
    alone = 0.95 * exact
    beside = alone * (1 - loss) + shift * rng.choice([-1, 1], exact.shape)
    (a, a_errors), (b, b_errors) = (measured(np.clip(v, -1, 1), rng) for v in (alone, beside))
    return crosstalk_test(a, b, exact, np.hypot(a_errors, b_errors) if errors else None)


@pytest.mark.parametrize("errors", [True, False])
def test_false_alarms(errors: bool, rng: np.random.Generator) -> None:
    """At a rate of 5 % or less, more alarms than these have a probability below 1e-6."""
    alarms = 0
    for _ in range(N_EXPERIMENTS):
        exact = rng.uniform(-0.97, 0.97, (20, 2))
        (a, a_errors), (b, b_errors) = (measured(0.95 * exact, rng) for _ in range(2))
        found = crosstalk_p_values(a, b, exact, np.hypot(a_errors, b_errors) if errors else None)
        alarms += min(p for p in found if np.isfinite(p)) < 0.05
    assert alarms <= binom.isf(1e-6, N_EXPERIMENTS, 0.05)


def test_a_loss_is_seen(rng: np.random.Generator) -> None:
    found = [experiment(rng, loss=0.15, errors=False) for _ in range(20)]
    assert all(one.seen for one in found)
    # The mean of |values| is 0.46: so much of them is lost.
    mean = np.mean([one.loss.value for one in found])
    assert mean == pytest.approx(0.15 * 0.95 * 0.485, abs=0.015)
    assert np.mean([one.loss.low <= 0.069 <= one.loss.high for one in found]) > 0.6
    assert np.isnan(found[0].p_shift)


def test_shifts_of_both_signs_are_seen(rng: np.random.Generator) -> None:
    found = [experiment(rng, shift=0.08) for _ in range(20)]
    assert all(one.seen for one in found)
    assert np.mean([one.p_loss < 0.05 for one in found]) < 0.5  # the loss alone would miss them
    assert np.mean([one.shift for one in found]) == pytest.approx(0.08, abs=0.01)
    covered = [one.shift_low <= 0.08 <= one.shift_high for one in found]
    assert np.mean(covered) > 0.7


def test_nothing_is_seen_in_equal_values() -> None:
    values = np.full((POINTS, 2), 0.5)
    found = crosstalk_test(values, values, values, np.zeros((POINTS, 2)))
    assert not found.seen
    assert (found.loss.value, found.shift) == (0, 0)
