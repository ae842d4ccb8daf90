"""Drawing rows class by class, from a seed, and the split into training and test rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.data.dataset import Dataset
from qmoe_qiskit.errors import DataError, InputError

_SEED_LIMIT = 2**32  # scikit-learn's bound, kept for every data set alike


def require_seed(seed: int) -> int:
    """Return `seed`; InputError if it is not a whole number from 0 to 2**32 - 1."""
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
    if dataset.is_regression:
        order_N = np.random.default_rng(require_seed(seed)).permutation(n_rows)
        return dataset.take(np.sort(order_N[:n_samples]), f"{n_samples} of {n_rows} rows, {seed=}")
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


@dataclass(frozen=True, kw_only=True)
class Split:
    """A data set in two parts that share no row.

    Attributes:
        train: Rows for training.
        test: Held-out rows.
    """

    train: Dataset
    test: Dataset


def split_dataset(dataset: Dataset, *, test_fraction: float = 0.25, seed: int = 0) -> Split:
    """Hold out a share of the rows, the same share of every class; of numbers, at random.

    Both parts get at least one row of each class, so that every trained class is also tested. Rows
    keep the order of the source.

    Args:
        dataset: The data set to split.
        test_fraction: Share of the rows to hold out, between 0 and 1, both excluded.
        seed: The seed of the choice of rows; the same seed gives the same split.

    Raises:
        InputError: If `test_fraction` or `seed` is out of range.
        DataError: If a class has fewer than two rows, or a regression has fewer than four.

    >>> from qmoe_qiskit.data import load_dataset
    >>> split = split_dataset(load_dataset("moons", n_samples=8), test_fraction=0.25)
    >>> len(split.train.labels_N), len(split.test.labels_N)
    (6, 2)
    """
    if not 0 < test_fraction < 1:
        raise InputError(
            f"test_fraction must lie between 0 and 1, both excluded, got {test_fraction!r}"
        )
    n_rows = dataset.labels_N.size
    held_out_N = np.zeros(n_rows, dtype=bool)
    if dataset.is_regression:
        if n_rows < 4:
            raise DataError(f"{dataset.name}: {n_rows} rows are too few to hold some out: add rows")
        n_test = min(max(round(test_fraction * n_rows), 2), n_rows - 2)
        held_out_N[np.random.default_rng(require_seed(seed)).permutation(n_rows)[:n_test]] = True
    else:
        n_classes = _require_two_rows_a_class(dataset)
        n_test = min(max(round(test_fraction * n_rows), n_classes), n_rows - n_classes)
        held_out_N[stratified_rows(dataset.labels_N, n_test, seed, leave_one=True)] = True
    how = f"test_fraction={test_fraction}, seed={seed}"
    return Split(
        train=dataset.take(np.flatnonzero(~held_out_N), f"training rows of a split with {how}"),
        test=dataset.take(np.flatnonzero(held_out_N), f"test rows of a split with {how}"),
    )


def _require_two_rows_a_class(dataset: Dataset) -> int:
    """Return the number of classes."""
    classes_C, counts_C = np.unique(dataset.labels_N, return_counts=True)
    lonely = classes_C[counts_C < 2].tolist()
    if not lonely:
        return len(classes_C)
    shown = ", ".join(map(repr, lonely[:5])) + (", ..." if len(lonely) > 5 else "")
    # The usual cause of many such classes is an identifier taken for the target.
    hint = ", or name another target" if len(lonely) > 5 or len(lonely) == len(classes_C) else ""
    if hint and dataset.labels_N.dtype.kind in "iu":
        hint += ", or use --task regression if they are numbers to predict"
    raise DataError(
        f"{dataset.name}: {len(lonely)} of {len(classes_C)} classes of {dataset.target_name!r} in "
        f"{dataset.labels_N.size} rows have a single row ({shown}), and a split needs two of each "
        f"class: add rows or leave those classes out{hint}"
    )
