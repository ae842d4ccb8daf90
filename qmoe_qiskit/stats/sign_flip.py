"""The sign-flip test of paired differences, and its correction for many claims."""

import math
from collections.abc import Sequence

import numpy as np

from qmoe_qiskit.typing import FloatArray

ALPHA = 0.05
# Up to this number of nonzero differences, every assignment of signs is counted.
_EXACT = 24
_RANDOM_SIGNS = 19_999


def sign_flip_p_value(differences_N: FloatArray, *, seed: int = 0) -> float:
    """Return the one-sided p-value of a mean above zero: the share of sign flips that reach it.

    It is exact under the hypothesis that each difference is as likely as its negative, which holds
    if the two sides have the same distribution. Differences of zero are no evidence either way and
    change nothing. Since flipping signs keeps the sum of squares, the test is the same with
    Student's t in place of the mean, and so, with many seeds, also holds for skewed differences
    whose mean is zero (A. Janssen, Stat. Probab. Lett. 36, 9, 1997). With fewer than 6 nonzero
    differences the p-value cannot fall to 0.025.

    Args:
        differences_N: One difference per seed.
        seed: Seed of the random signs that replace all signs if there are more than 24 nonzero
            differences; the observed signs count as one of them.

    >>> sign_flip_p_value(np.array([0.1, 0.2, 0.3]))
    0.125
    """
    values_M = np.asarray(differences_N, dtype=np.float64)
    values_M = values_M[values_M != 0]
    # Sums that are equal in exact arithmetic must count as equal: that can only raise p.
    observed = values_M.sum() - 1e-9 * np.abs(values_M).sum()
    if len(values_M) <= _EXACT:
        # Sums over all signs are sums of one from each half: 2 sorted lists instead of 2^M sums.
        half = len(values_M) // 2
        firsts, seconds = _signed_sums(values_M[:half]), np.sort(_signed_sums(values_M[half:]))
        n_below = np.searchsorted(seconds, observed - firsts, side="left")
        return float(1 - n_below.mean() / len(seconds))
    shape = (_RANDOM_SIGNS, len(values_M))
    signs_RM = 1.0 - 2.0 * np.random.default_rng(seed).integers(0, 2, size=shape, dtype=np.int8)
    return float((1 + np.sum(signs_RM @ values_M >= observed)) / (1 + _RANDOM_SIGNS))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (S. Holm, Scand. J. Stat. 6, 65, 1979).

    The chance that any true hypothesis is rejected stays below the level that the corrected values
    are compared with, however the tests depend on each other.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    reached = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = reached
    return corrected


def fewest_seeds(n_claims: int) -> int:
    """Return the smallest number of seeds with which one of some claims can be decided at all.

    N equal signs have a two-sided p-value of 2 / 2^N, which the correction multiplies by the number
    of claims.

    >>> fewest_seeds(1), fewest_seeds(10)
    (6, 9)
    """
    return math.floor(math.log2(2 * n_claims / ALPHA)) + 1


def _signed_sums(values_M: FloatArray) -> FloatArray:
    """Return the sums of values under all assignments of signs, (2^M,)."""
    sums = np.zeros(1)
    for value in values_M:
        sums = np.concatenate([sums + value, sums - value])
    return sums
