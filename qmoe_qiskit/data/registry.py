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


DATASETS = Registry(
    "dataset",
    [
        DatasetEntry(
            name="moons",
            help="two interleaved half circles, of scikit-learn",
            generated=True,
            load=partial(builtin.generate, builtin.moons),
        ),
        DatasetEntry(
            name="circles",
            help="a circle within another, of scikit-learn",
            generated=True,
            load=partial(builtin.generate, builtin.circles),
        ),
        DatasetEntry(
            name="xor",
            help="a square whose quadrants alternate between the classes",
            generated=True,
            load=partial(builtin.generate, builtin.xor),
        ),
        DatasetEntry(
            name="spirals",
            help="two interleaved spirals of one and a half turns",
            generated=True,
            load=partial(builtin.generate, builtin.spirals),
        ),
        DatasetEntry(
            name="digits",
            help="the images of 0 and 1 of scikit-learn's digits, pooled to 4x4 pixels",
            generated=False,
            load=partial(builtin.pooled_digits, 2),
        ),
        DatasetEntry(
            name="digits10",
            help="the images of all ten of scikit-learn's digits, pooled to 4x4 pixels",
            generated=False,
            load=partial(builtin.pooled_digits, 10),
        ),
    ],
)


def list_datasets() -> tuple[str, ...]:
    """Return the names of the built-in data sets.

    >>> list_datasets()
    ('moons', 'circles', 'xor', 'spirals', 'digits', 'digits10')
    """
    return DATASETS.names
