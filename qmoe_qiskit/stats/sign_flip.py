"""The sign-flip test of paired differences, and its correction for many claims."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from qmoe_qiskit.typing import FloatArray

ALPHA = 0.05
# Up to this many differences that are not zero, every assignment of signs is counted.
_EXACT = 24
_RANDOM_SIGNS = 19_999


def sign_flip_p_value(differences_N: FloatArray, *, seed: int = 0) -> float:
    """Return how likely a mean at least as large is when the signs of differences mean nothing.

    One-sided. Exact under the hypothesis that each difference is as likely as its negative, which
    is so if the two sides have the same distribution; differences of zero are no evidence either
    way and change nothing. Since flipping signs keeps the sum of squares, the test is the same with
    Student's t in place of the mean, and so, with many seeds, also holds for skewed differences
    whose mean is zero (A. Janssen, Stat. Probab. Lett. 36, 9, 1997). Under 6 differences that are
    not zero it cannot fall to 0.025.

    Args:
        differences_N: One a seed.
        seed: Of the random signs that take the place of all signs if there are more than 24
            differences; the observed signs count as one of them.
    """
    values_M = np.asarray(differences_N, dtype=np.float64)
    values_M = values_M[values_M != 0]
    # Sums that are equal in exact arithmetic shall count as equal: that can only raise p.
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

    Whatever depends on whatever, the chance that any true hypothesis is rejected stays below the
    level that the corrected values are compared with.
    """
    corrected = [0.0] * len(p_values)
    reached = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = reached
    return corrected


def fewest_seeds(n_claims: int) -> int:
    """Return with how many seeds a single one of some claims can be decided at all.

    All of N signs alike have a two-sided p-value of 2 / 2^N; correction multiplies it.
    """
    return math.floor(math.log2(2 * n_claims / ALPHA)) + 1


def _signed_sums(values_M: FloatArray) -> FloatArray:
    """Return the sums of values under all assignments of signs, (2^M,)."""
    sums = np.zeros(1)
    for value in values_M:
        sums = np.concatenate([sums + value, sums - value])
    return sums
