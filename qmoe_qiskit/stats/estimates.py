"""Estimates with 95 % intervals from one value per seed."""

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from qmoe_qiskit.stats.intervals import LEVEL, wilson_interval
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.typing import FloatArray

Statistic = Callable[..., Any]

RESAMPLES = 9999
_TINY = np.finfo(np.float64).tiny
_BYTES = 2**25  # memory for resampled values at a time


def mean_estimate(values_N: FloatArray) -> Estimate:
    """Return the mean of one value per seed with its bootstrap interval; see `mean_estimates`."""
    return mean_estimates(np.asarray(values_N)[:, None])[0]


def mean_estimates(values_NK: FloatArray) -> list[Estimate]:
    """Return the mean of each of K columns with its bootstrap interval.

    The interval is bias-corrected and accelerated (B. Efron, J. Am. Stat. Assoc. 82, 171, 1987), or
    of percentiles where that one is not defined. Values that are all equal have an interval without
    width, although seeds that agree say nothing about seeds that were not tried. The interval of a
    column does not depend on the other columns.

    Args:
        values_NK: One row per seed.
    """
    return _bootstrapped(values_NK, _mean, "BCa")


def median_estimate(values_N: FloatArray) -> Estimate:
    """Return the median of one value per seed with its percentile bootstrap interval.

    The median is not smooth, so that its acceleration is not defined.
    """
    return _bootstrapped(np.asarray(values_N)[:, None], np.median, "percentile")[0]


def success_rate(values_N: FloatArray, threshold: float) -> Estimate:
    """Return the share of seeds that reach a threshold, with its Wilson interval.

    >>> success_rate(np.array([0.99, 0.5, 0.98, 1.0]), 0.98).value
    0.75
    """
    hits, n = int(np.sum(np.asarray(values_N) >= threshold)), len(values_N)
    low, high = wilson_interval(hits, n)
    return Estimate(value=hits / n, low=low, high=high, n=n)


def _mean(values: FloatArray, axis: int) -> Any:  # noqa: ANN401 - an array, or a number
    """Return the mean without rounding errors, because the bias counts ties of accuracies."""
    return np.round(values.mean(axis=axis), 12)


def _bootstrapped(
    values_NK: FloatArray, statistic: Statistic, method: Literal["BCa", "percentile"]
) -> list[Estimate]:
    values_KN = np.array(np.asarray(values_NK).T, dtype=np.float64, order="C")
    n_columns, n = values_KN.shape
    assert n > 0
    assert np.isfinite(values_KN).all()
    # Scaling by powers of two is exact, and makes the rounding in `_mean` relative.
    scale_K = np.exp2(np.ceil(np.log2(np.maximum(np.abs(values_KN).max(axis=-1), _TINY))))
    values_KN /= scale_K[:, None]
    values_K = statistic(values_KN, axis=-1)
    ends_2K = np.stack([values_K, values_K]) if n > 1 else np.full((2, n_columns), np.nan)
    todo_K = np.ptp(values_KN, axis=-1) > 1e-12  # columns whose resamples differ
    for how in (method, "percentile"):
        if todo_K.any():
            ends_2K[:, todo_K] = _interval(values_KN[todo_K], statistic, how)
            todo_K &= ~np.isfinite(ends_2K).all(axis=0)
    return [
        # An interval contains its estimate, even if the resamples are skewed.
        Estimate(value=float(value), low=float(min(low, value)), high=float(max(high, value)), n=n)
        for value, low, high in zip(values_K * scale_K, *(ends_2K * scale_K), strict=True)
    ]


def _interval(values_KN: FloatArray, statistic: Statistic, method: str) -> FloatArray:
    """Return the ends of the interval of each row, (2, K); nan where the method is not defined."""
    from scipy.stats import DegenerateDataWarning, bootstrap

    # Every group of rows is resampled alike, so that intervals do not depend on other rows.
    n_rows = max(1, _BYTES // (8 * RESAMPLES * values_KN.shape[1]))
    groups: list[FloatArray] = []
    for start in range(0, len(values_KN), n_rows):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateDataWarning)
            interval = bootstrap(
                (values_KN[start : start + n_rows],),
                statistic,
                axis=-1,
                confidence_level=LEVEL,
                n_resamples=RESAMPLES,
                method=method,
                rng=np.random.default_rng(0),
            ).confidence_interval
        groups.append(np.stack([interval.low, interval.high]))
    return np.concatenate(groups, axis=1)
