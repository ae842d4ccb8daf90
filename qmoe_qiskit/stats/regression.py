"""Errors of predicted numbers, with intervals over the rows."""

import math
from dataclasses import dataclass

from qmoe_qiskit.stats.intervals import Z_95
from qmoe_qiskit.typing import FloatArray

DELTA_METHOD = "95 % interval, 1.96 standard errors over the rows (delta method)"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number with its 95 % interval; the ends are those of the number if there is one row."""

    value: float
    low: float
    high: float


def root_mean_square(errors_N: FloatArray) -> Measured:
    """Return the root of the mean square of errors, in their units.

    >>> import numpy as np
    >>> round(root_mean_square(np.array([3.0, -4.0, 3.0, -4.0])).value, 4)
    3.5355
    """
    squares_N = errors_N**2
    mean = float(squares_N.mean())
    root = math.sqrt(mean)
    if root == 0:
        return Measured(value=0.0, low=0.0, high=0.0)
    found = _with_interval(root, (squares_N - mean) / (2 * root))
    return Measured(value=root, low=max(0.0, found.low), high=found.high)


def r2(targets_N: FloatArray, predictions_N: FloatArray) -> Measured:
    """Return the coefficient of determination, 1 - mean square error / variance of the targets.

    Targets that are all equal have no variance: the value is 1 if they are met, and else 0, as in
    scikit-learn.

    >>> import numpy as np
    >>> r2(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0, 4.0])).value
    1.0
    """
    squares_N = (targets_N - predictions_N) ** 2
    around_N = (targets_N - targets_N.mean()) ** 2
    error, variance = float(squares_N.mean()), float(around_N.mean())
    if variance == 0:
        value = float(error == 0)
        return Measured(value=value, low=value, high=value)
    influence_N = -(squares_N - error) / variance + error * (around_N - variance) / variance**2
    found = _with_interval(1 - error / variance, influence_N)
    return Measured(value=found.value, low=found.low, high=min(1.0, found.high))


def _with_interval(value: float, influence_N: FloatArray) -> Measured:
    """Return a function of means with the interval from each row's influence on it."""
    if len(influence_N) < 2:
        return Measured(value=value, low=value, high=value)
    reach = Z_95 * float(influence_N.std(ddof=1)) / math.sqrt(len(influence_N))
    return Measured(value=value, low=value - reach, high=value + reach)
