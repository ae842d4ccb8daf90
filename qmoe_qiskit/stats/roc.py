"""The area under the ROC curve, with its interval."""

import math

import numpy as np

from qmoe_qiskit.stats.intervals import Z_95, wilson_interval
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.typing import FloatArray


def roc_auc(positives_M: FloatArray, negatives_N: FloatArray) -> Estimate:
    """Return the chance that a positive scores above a negative, ties counting half.

    The variance is that of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 837, 1988), and the
    interval is on the scale of the log-odds, so that it stays within 0 and 1. Where all positives
    score above all negatives the variance is 0 and no guide: then it is Wilson's interval of as
    many trials as the smaller group has.

    Args:
        positives_M: Scores of the positives.
        negatives_N: Scores of the negatives.

    >>> auc = roc_auc(np.array([0.9, 0.8, 0.4]), np.array([0.1, 0.5, 0.3]))
    >>> round(auc.value, 3), auc.n
    (0.889, 6)
    """
    n_positives, n_negatives = len(positives_M), len(negatives_N)
    below_M = _placements(positives_M, negatives_N)
    above_N = 1 - _placements(negatives_N, positives_M)
    value = float(below_M.mean())
    n = n_positives + n_negatives
    variance = _variance(below_M) / n_positives + _variance(above_N) / n_negatives
    if variance <= 0 or not 0 < value < 1:
        trials = min(n_positives, n_negatives)
        low, high = wilson_interval(value * trials, trials)
        return Estimate(value=value, low=low, high=high, n=n)
    log_odds = math.log(value / (1 - value))
    reach = Z_95 * math.sqrt(variance) / (value * (1 - value))
    low, high = (1 / (1 + math.exp(-(log_odds + sign * reach))) for sign in (-1, 1))
    return Estimate(value=value, low=low, high=high, n=n)


def _placements(scores: FloatArray, others: FloatArray) -> FloatArray:
    """Return the share of the others that each score is above, ties counting half."""
    ordered = np.sort(others)
    below, not_above = (np.searchsorted(ordered, scores, side) for side in ("left", "right"))
    shares: FloatArray = (below + not_above) / (2 * len(others))
    return shares


def _variance(values: FloatArray) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0
