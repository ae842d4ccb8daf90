"""Drawing rows class by class, from a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.errors import DataError, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qmoe_qiskit.data.dataset import Dataset

_SEED_LIMIT = 2**32  # scikit-learn's bound, kept for every data set alike


def require_seed(seed: int) -> int:
    """Return `seed` if every generator in use accepts it.

    Raises:
        InputError: If it is not a whole number from 0 to 2**32 - 1.
    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed < _SEED_LIMIT:
        raise InputError(f"seed must be a whole number from 0 to {_SEED_LIMIT - 1}, got {seed!r}")
    return int(seed)


def require_each_class(name: str, n_samples: int, n_classes: int) -> None:
    """Raise DataError if there are fewer rows than classes."""
    if n_samples < n_classes:
        raise DataError(
            f"{name} has {n_classes} classes: n_samples must be at least that, got {n_samples}"
        )


def draw(dataset: Dataset, n_samples: int, seed: int) -> Dataset:
    """Draw a stratified part of a data set that has a fixed number of rows.

    Raises:
        DataError: If there are fewer rows than `n_samples`, or fewer `n_samples` than classes.
    """
    n_rows = dataset.labels_N.size
    if n_samples > n_rows:
        raise DataError(f"{dataset.name} has {n_rows} rows, fewer than n_samples={n_samples}")
    require_each_class(dataset.name, n_samples, len(np.unique(dataset.labels_N)))
    rows_K = stratified_rows(dataset.labels_N, n_samples, seed)
    return dataset.take(rows_K, f"{n_samples} of {n_rows} rows, stratified, seed={seed}")


def stratified_rows(
    labels_N: NDArray[Any], n_rows: int, seed: int, *, leave_one: bool = False
) -> NDArray[np.int64]:
    """Draw rows so that the classes keep their shares, and none is lost.

    Each class is shuffled, then rows are taken in the order of rank / class size: all classes are
    drawn from at the same pace, beginning with one row of each.

    Args:
        labels_N: The class of each row, (N,).
        n_rows: The number of rows to draw, at least the number of classes.
        seed: The seed of the draw.
        leave_one: Whether at least one row of each class stays undrawn.

    Returns:
        The numbers of the rows, (n_rows,), ascending.
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
