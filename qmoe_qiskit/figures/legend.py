"""Legends of figures: markers of the classes, swatches of the regions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from qmoe_qiskit.data import Dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures.style import INK, MARKERS, RGB, edge_of, fitted, hatch, paled


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The classes of a data set in a figure, with one marker and one fill each.

    Attributes:
        target: Name of the quantity that the classes classify, such as "digit".
        values: The labels, in order.
        fills: Colour of the held-out points of each class.
    """

    target: str
    values: tuple[object, ...]
    fills: tuple[RGB, ...]

    def name(self, index: int) -> str:
        """Return the name of the class in a legend."""
        return f"{fitted(self.target, 14)} {fitted(self.values[index], 16)}"

    def marker(self, index: int) -> str:
        """Return the marker of a class."""
        return MARKERS[index % len(MARKERS)]

    def rows(self, data: Dataset) -> list[np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        """Return a mask of the rows of `data` for each class.

        Raises:
            InputError: If a label is not one of the classes.
        """
        labels = data.labels_N.tolist()
        strange = sorted({str(label) for label in labels if label not in self.values})
        if strange:
            raise InputError(
                f"data set {data.name!r} has the label {strange[0]!r}, which no model here "
                f"knows: classes are {', '.join(map(str, self.values))}"
            )
        return [np.array([label == value for label in labels], dtype=bool) for value in self.values]


def add_legend(figure: Figure, entries: Sequence[tuple[Any, str]]) -> None:
    """Put a legend below a figure, in as many columns as fit its width, and make room for it."""
    handles, labels = zip(*entries, strict=True)
    width, height = figure.get_size_inches()
    n_columns = len(labels)
    while n_columns > 1 and _legend_width(labels, n_columns) > width:
        n_columns -= 1
    n_rows = math.ceil(len(labels) / n_columns)
    n_columns = math.ceil(len(labels) / n_rows)  # columns of similar length
    figure.set_size_inches(width, height + 0.2 * n_rows)
    figure.legend(handles, labels, loc="outside lower center", ncols=n_columns)


def class_entries(classes: Classes, *, hatched: bool) -> list[tuple[Any, str]]:
    """Return a legend entry for each class: its marker, on its swatch if regions are hatched."""
    entries: list[tuple[Any, str]] = []
    for index, fill in enumerate(classes.fills):
        point = _point(classes.marker(index), fill)
        handle = (region_patch(index, fill), point) if hatched else point
        entries.append((handle, classes.name(index)))
    return entries


def split_entries() -> list[tuple[Any, str]]:
    """Return the legend entries of training and held-out points."""
    grey = (0.5, 0.5, 0.5)
    return [(_point("h", None), "hollow: training"), (_point("h", grey), "filled: held-out")]


def region_patch(index: int, colour: RGB) -> Any:  # noqa: ANN401 (matplotlib is loaded late)
    """Return the swatch of a region in the legend."""
    return Patch(facecolor=paled(colour), edgecolor=INK, hatch=hatch(index), linewidth=0.6)


def _point(marker: str, fill: RGB | None) -> Any:  # noqa: ANN401 (matplotlib is loaded late)
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker,
        markersize=3.5 if fill is None else 5.5,
        markerfacecolor="none" if fill is None else fill,
        markeredgecolor=INK if fill is None else edge_of(fill),
        markeredgewidth=0.6,
    )


def _legend_width(labels: Sequence[str], n_columns: int) -> float:
    """Estimate the width in inches of a legend, which is filled column after column."""
    columns = np.array_split([len(label) for label in labels], n_columns)
    return sum(0.65 + 0.065 * int(column.max()) for column in columns)
