"""The built-in data sets, by name; add one by registering it here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from qmoe_qiskit.data import builtin
from qmoe_qiskit.registry import Entry, Registry

if TYPE_CHECKING:
    from qmoe_qiskit.data.dataset import Dataset


@dataclass(frozen=True, kw_only=True)
class DatasetEntry(Entry):
    """A built-in data set.

    Attributes:
        load: Takes the name, a number of rows (None for the default) and a seed to the data set;
            raises DataError if it does not have that many rows, or fewer rows than classes are
            asked for.
        generated: Whether every seed gives other points. Otherwise the rows are fixed, and a seed
            decides which of them are drawn.
    """

    load: Callable[[str, int | None, int], Dataset]
    generated: bool


def _generated(name: str, help: str, points: builtin.PointMaker) -> DatasetEntry:  # noqa: A002
    load = partial(builtin.generate, points)
    return DatasetEntry(name=name, help=help, load=load, generated=True)


def _images(name: str, help: str, n_classes: int) -> DatasetEntry:  # noqa: A002
    load = partial(builtin.pooled_digits, n_classes)
    return DatasetEntry(name=name, help=help, load=load, generated=False)


DATASETS = Registry(
    "dataset",
    [
        _generated("moons", "two interleaved half circles, of scikit-learn", builtin.moons),
        _generated("circles", "a circle within another, of scikit-learn", builtin.circles),
        _generated("xor", "a square whose quadrants alternate between classes", builtin.xor),
        _generated("spirals", "two interleaved spirals of one and a half turns", builtin.spirals),
        _images("digits", "scikit-learn's images of 0 and 1, pooled to 4x4 pixels", 2),
        _images("digits10", "scikit-learn's images of all digits, pooled to 4x4 pixels", 10),
    ],
)


def list_datasets() -> tuple[str, ...]:
    """Return the names of the built-in data sets.

    >>> list_datasets()
    ('moons', 'circles', 'xor', 'spirals', 'digits', 'digits10')
    """
    return DATASETS.names
