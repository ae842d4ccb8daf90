"""Matrices of numbers as figures of studies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.figures.style import INK, edge_of, fitted
from qmoe_qiskit.studies.report.legend import width_of
from qmoe_qiskit.studies.report.summary import Draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def matrix(
    values_RC: NDArray[np.float64],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    label: str,
    x_label: str = "",
    y_label: str = "",
    digits: int = 2,
    limits: tuple[float, float] | None = None,
    centred: bool = False,
) -> Draw:
    """Draw a matrix as a heat map with its numbers in it.

    Args:
        values_RC: Numbers; nan is an empty cell.
        rows: Names of the rows.
        columns: Names of the columns.
        label: What the numbers are, with their unit.
        x_label: What the columns are.
        y_label: What the rows are.
        digits: Behind the decimal point.
        limits: Numbers at either end of the colour scale; by default the smallest and largest.
        centred: Whether zero is the middle of the scale, both directions growing darker; the
            numbers carry their sign.
    """
    values_RC = np.asarray(values_RC, dtype=np.float64)
    assert values_RC.shape == (len(rows), len(columns))

    def draw(figure: Figure) -> None:
        from matplotlib import colormaps
        from matplotlib.colors import Normalize

        axes = figure.subplots()
        low, high = limits if limits is not None else _range_of(values_RC)
        if centred:
            high = max(abs(low), abs(high))
            low = -high
        colour_map = colormaps["PuOr" if centred else "viridis"]
        scale = Normalize(low, high, clip=True)
        image = axes.imshow(values_RC, cmap=colour_map, norm=scale, aspect="auto")
        sign = "+" if centred else ""
        for (r, c), value in np.ndenumerate(values_RC):
            if math.isnan(value):
                axes.text(c, r, "-", ha="center", va="center", color=INK)
                continue
            red, green, blue, _ = colour_map(scale(value))
            ink = edge_of((red, green, blue))
            text = f"{round(value, digits) + 0.0:{sign}.{digits}f}"
            axes.text(c, r, text, ha="center", va="center", fontsize=8, color=ink)
        axes.set_xticks(range(len(columns)), labels=[fitted(name, 24) for name in columns])
        axes.set_yticks(range(len(rows)), labels=[fitted(name, 40) for name in rows])
        if sum(len(fitted(name, 24)) for name in columns) > 9 * width_of(figure):
            axes.tick_params(axis="x", labelrotation=90)
        axes.tick_params(length=0)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        figure.colorbar(image, ax=axes, label=label, fraction=0.06, pad=0.02)

    return draw


def _range_of(values_RC: NDArray[np.float64]) -> tuple[float, float]:
    known = values_RC[np.isfinite(values_RC)]
    if not known.size:
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)
