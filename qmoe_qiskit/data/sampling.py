"""Drawing rows class by class, from a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SEED_LIMIT = 2**32  # scikit-learn's bound, kept for every data set alike


def require_seed(seed: int) -> int:
    """Return `seed` if every generator in use accepts it.

    Raises:
        InputError: If it is not a whole number from 0 to 2**32 - 1.
    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed < _SEED_LIMIT:
        raise InputError(f"seed must be a whole number from 0 to {_SEED_LIMIT - 1}, got {seed!r}")
    return int(seed)


def stratified_rows(
    labels_N: NDArray[Any], n_rows: int, seed: int, *, leave_one: bool = False
) -> NDArray[np.int64]:
    """Draw rows so that the classes keep their shares, and none is lost.

    Each class is shuffled, then rows are taken in the order of rank / class size: all classes are
    drawn from at the same pace, beginning with one row of each.

    Args:
        labels_N: Class of each row (N,).
        n_rows: Number of rows to draw; at least the number of classes.
        seed: Decides which rows.
        leave_one: Leave at least one row of each class undrawn.

    Returns:
        Row numbers (n_rows,), ascending.
    """
    _, class_N, counts_C = np.unique(labels_N, return_inverse=True, return_counts=True)
    order_N = np.random.default_rng(require_seed(seed)).permutation(labels_N.size)
    by_class_N = order_N[np.argsort(class_N[order_N], kind="stable")]
    ranks_N = np.arange(labels_N.size) - np.repeat(np.cumsum(counts_C) - counts_C, counts_C)
    sizes_N = np.repeat(counts_C, counts_C)
    pace_N = np.empty(labels_N.size)
    pace_N[by_class_N] = ranks_N / sizes_N
    if leave_one:
        pace_N[by_class_N[ranks_N == sizes_N - 1]] = np.inf
    return np.sort(np.argsort(pace_N, kind="stable")[:n_rows])
