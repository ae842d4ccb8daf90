"""Legends below the figures of studies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Location = Literal["center", "upper center", "outside lower center"]
Legend = list[tuple[Any, str]]  # handles and their labels


def add_legend(figure: Figure, axes: Axes) -> None:
    """Put the legend of some axes below the figure."""
    handles, labels = axes.get_legend_handles_labels()
    entries = [(h, text) for h, text in zip(handles, labels, strict=True) if text]
    if entries:
        put_legend(figure, entries, loc="outside lower center")


def put_legend(figure: Figure, legend: Legend, *, loc: Location) -> None:
    """Put a legend into a figure, in as many columns of similar length as fit."""
    n_columns = math.ceil(len(legend) / legend_rows(legend, width_of(figure)))
    handles, labels = [handle for handle, _ in legend], [label for _, label in legend]
    figure.legend(handles, labels, loc=loc, ncols=n_columns)


def legend_rows(legend: Legend, width: float) -> int:
    """Return how many rows a legend takes in a width in inches."""
    widest = max(len(text) for _, text in legend)
    n_columns = max(1, min(len(legend), int(width / (0.075 * widest + 0.65))))
    return math.ceil(len(legend) / n_columns)


def width_of(figure: Figure) -> float:
    """Return the width of a figure, or of a part of one, in inches."""
    return float(figure.bbox.width / figure.dpi)
