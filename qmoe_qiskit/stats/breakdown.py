"""The level of noise at which a quantity breaks down, if it does."""

import math
from collections.abc import Sequence

import numpy as np

from qmoe_qiskit.stats.estimates import RESAMPLES
from qmoe_qiskit.stats.intervals import LEVEL
from qmoe_qiskit.stats.types import Breakdown
from qmoe_qiskit.typing import FloatArray


def breakdown_point(
    levels: Sequence[float], values_NL: FloatArray, *, threshold: float = 0.0
) -> Breakdown:
    """Return the lowest level at which the mean over seeds falls below a threshold.

    The mean is interpolated linearly between levels. The interval is that of a percentile bootstrap
    over seeds, in which a resample that does not reach the threshold counts as beyond the last
    level: one end of the interval, or both, may lie beyond it.

    Args:
        levels: L levels, rising.
        values_NL: Value of each seed at each level: a paired difference to the control, which turns
            negative (threshold 0), or an accuracy.
        threshold: Threshold that the mean must fall below; a mean equal to it is not below.

    >>> str(breakdown_point([0.0, 0.1, 0.2], np.array([[0.95, 0.9, 0.7]]), threshold=0.8))
    '0.15'
    """
    levels_L = np.asarray(levels, dtype=np.float64)
    values_NL = np.asarray(values_NL, dtype=np.float64)
    n = len(values_NL)
    assert values_NL.shape == (n, len(levels_L))
    assert (np.diff(levels_L) > 0).all()
    assert np.isfinite(values_NL).all()
    value = float(_crossings(levels_L, values_NL.mean(axis=0)[None], threshold)[0])
    low = high = reached = math.nan
    if n > 1:
        counts_RN = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
        crossings_R = _crossings(levels_L, counts_RN @ values_NL / n, threshold)
        # Only observed values: nothing can be interpolated between a level and "beyond".
        ends = np.quantile(
            crossings_R, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="inverted_cdf"
        ).tolist()
        low, high = min(ends[0], value), max(ends[1], value)
        reached = float(np.isfinite(crossings_R).mean())
    return Breakdown(
        value=value,
        low=low,
        high=high,
        n=n,
        reached=reached,
        first=float(levels_L[0]),
        last=float(levels_L[-1]),
    )


def _crossings(levels_L: FloatArray, curves_RL: FloatArray, threshold: float) -> FloatArray:
    """Return where each curve first falls below the threshold, inf where it does not, (R,)."""
    # A mean of numbers equal to the threshold may differ from it by rounding.
    gaps_RL = curves_RL - threshold
    gaps_RL[np.abs(gaps_RL) < 1e-12] = 0.0
    below_RL = gaps_RL < 0
    after_R = below_RL.argmax(axis=1)
    before_R = np.maximum(after_R - 1, 0)
    rows_R = np.arange(len(gaps_RL))
    above_R, under_R = gaps_RL[rows_R, before_R], gaps_RL[rows_R, after_R]
    fall_R = np.where(after_R > 0, above_R - under_R, 1.0)  # 1: not used where below from the start
    share_R = np.where(after_R > 0, above_R / np.where(fall_R > 0, fall_R, 1.0), 0.0)
    step_R = levels_L[after_R] - levels_L[before_R]
    return np.where(below_RL.any(axis=1), levels_L[before_R] + share_R * step_R, np.inf)
