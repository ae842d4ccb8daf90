"""The split into training and held-out test rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.data.sampling import stratified_rows
from qmoe_qiskit.errors import DataError, InputError

if TYPE_CHECKING:
    from qmoe_qiskit.data.dataset import Dataset


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
    """Hold out a share of the rows, the same share of every class.

    Both parts get at least one row of each class, so that every trained class is also tested. Rows
    keep the order of the source.

    Args:
        dataset: The data set to split.
        test_fraction: Share of the rows to hold out, between 0 and 1, both excluded.
        seed: The seed of the choice of rows; the same seed gives the same split.

    Raises:
        InputError: If `test_fraction` or `seed` is out of range.
        DataError: If a class has fewer than two rows.

    >>> from qmoe_qiskit.data import load_dataset
    >>> split = split_dataset(load_dataset("moons", n_samples=8), test_fraction=0.25)
    >>> len(split.train.labels_N), len(split.test.labels_N)
    (6, 2)
    """
    if not 0 < test_fraction < 1:
        raise InputError(
            f"test_fraction must lie between 0 and 1, both excluded, got {test_fraction!r}"
        )
    n_rows, n_classes = dataset.labels_N.size, _require_two_rows_a_class(dataset)
    n_test = min(max(round(test_fraction * n_rows), n_classes), n_rows - n_classes)
    held_out_N = np.zeros(n_rows, dtype=bool)
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
    raise DataError(
        f"{dataset.name}: {len(lonely)} of {len(classes_C)} classes of {dataset.target_name!r} in "
        f"{dataset.labels_N.size} rows have a single row ({shown}), and a split needs two of each "
        f"class: add rows or leave those classes out{hint}"
    )
