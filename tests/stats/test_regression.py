"""Errors of numbers: values of scikit-learn, intervals as of a bootstrap over the rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import r2_score, root_mean_squared_error

from qmoe_qiskit.stats.regression import Measured, r2, root_mean_square


def _rmse(targets_N: np.ndarray, predictions_N: np.ndarray) -> Measured:
    return root_mean_square(targets_N - predictions_N)


@pytest.mark.parametrize(
    ("ours", "oracle"), [(r2, r2_score), (_rmse, root_mean_squared_error)], ids=["r2", "rmse"]
)
def test_value_and_interval(
    ours: Callable[..., Measured], oracle: Callable[..., float], rng: np.random.Generator
) -> None:
    targets_N = rng.gamma(2.0, size=400)
    predictions_N = targets_N + rng.normal(scale=0.5, size=400)
    found = ours(targets_N, predictions_N)
    assert found.value == pytest.approx(oracle(targets_N, predictions_N), rel=1e-12)
    rows = rng.integers(400, size=(500, 400))
    values = [oracle(targets_N[row], predictions_N[row]) for row in rows]
    # A standard deviation of 500 has a standard error of 3.2 %; both are estimates.
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(np.std(values), rel=0.15)


@pytest.mark.parametrize(("prediction", "value"), [(3.0, 1.0), (4.0, 0.0)])
def test_a_constant_target(prediction: float, value: float) -> None:
    """As scikit-learn: 1 if it is met, else 0."""
    targets_N, predictions_N = np.full(4, 3.0), np.full(4, prediction)
    found = r2(targets_N, predictions_N)
    assert found.value == r2_score(targets_N, predictions_N) == value
    assert found.low == found.high == value


def test_no_error() -> None:
    assert root_mean_square(np.zeros(3)) == Measured(value=0.0, low=0.0, high=0.0)
