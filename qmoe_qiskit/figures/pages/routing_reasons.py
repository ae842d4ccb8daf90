"""Why a router sends which rows where: sensitivity, spectrum and specialization in figures."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from qmoe_qiskit.figures.style import (
    DPI,
    INK,
    ShownFigure,
    edge_of,
    fitted,
    local_style,
    ordered_colours,
    paled,
)
from qmoe_qiskit.typing import FloatArray

MOST_BARS = 20
_NAME = 26  # characters of a name beside a bar
_HEIGHT = 0.24  # of a bar with its gap, in inches
_GRID: dict[str, Any] = {"color": "0.92", "linewidth": 0.6}


def sensitivity_figure(
    names_F: Sequence[str], panels: Sequence[tuple[str, FloatArray, FloatArray]]
) -> Figure:
    """Draw quantities by feature as bars with error bars, in one panel per quantity.

    Args:
        names_F: Names of the features, from top to bottom; at most 20 are drawn.
        panels: For each panel the label of its axis, the values and the reach of the error bars.
    """
    n_bars = min(len(names_F), MOST_BARS)
    with local_style():
        figure = _figure(1.6 + 2.5 * len(panels), n_bars)
        all_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (label, values_F, errors_F) in zip(all_axes, panels, strict=True):
            _bars(axes, values_F[:n_bars], errors_F[:n_bars])
            axes.set_xlabel(label)
        _name_bars(all_axes[0], names_F[:n_bars])
    return figure


def spectrum_figure(names_T: Sequence[str], shares_T: FloatArray) -> Figure:
    """Draw the shares of waves in the power of a router's spectrum, from the strongest one.

    Args:
        names_T: Names of the waves; at most 20 are drawn, the others as one bar.
        shares_T: Shares of the power.
    """
    shown, names = shares_T[:MOST_BARS], list(names_T[:MOST_BARS])
    if len(shares_T) > MOST_BARS:
        n_others = len(shares_T) - MOST_BARS
        shown = np.append(shown, shares_T[MOST_BARS:].sum())
        names.append(f"{n_others} other{'s' * (n_others > 1)}")
    with local_style():
        figure = _figure(5.2, len(names))
        axes = figure.subplots()
        _bars(axes, 100 * shown, np.full(len(shown), np.nan))
        axes.set_xlabel("share of the power (%)")
        _name_bars(axes, names)
    return figure


def specialization_figure(
    counts_EC: NDArray[np.intp], class_names_C: Sequence[str], target: str
) -> Figure:
    """Draw which expert serves which class: counts, on the share of the class that they are.

    Args:
        counts_EC: Number of rows of each expert (E) and class (C).
        class_names_C: Names of the classes.
        target: Name of what the classes classify.
    """
    n_experts, n_classes = counts_EC.shape
    shares_EC = counts_EC / np.maximum(counts_EC.sum(axis=0), 1)
    pale = [(1.0, 1.0, 1.0), paled(ordered_colours(4)[1]), ordered_colours(4)[1]]
    with local_style():
        size = (2.4 + 0.55 * max(n_classes, 3), 1.5 + 0.32 * n_experts)
        figure = ShownFigure(figsize=size, dpi=DPI, layout="constrained")
        axes = figure.subplots()
        colours = LinearSegmentedColormap.from_list("shares", pale)
        image = axes.imshow(100 * shares_EC, cmap=colours, vmin=0, vmax=100, aspect="auto")
        if counts_EC.size <= 400:
            for (e, c), count in np.ndenumerate(counts_EC):
                dark = edge_of(colours(shares_EC[e, c])[:3]) == "white"
                ink = "white" if dark else INK
                axes.text(c, e, str(count), ha="center", va="center", color=ink, fontsize=7)
        axes.set_xticks(
            range(n_classes),
            labels=[fitted(name, 12) for name in class_names_C],
            rotation=90 if n_classes > 12 or max(map(len, class_names_C)) > 6 else 0,
        )
        axes.set_yticks(range(n_experts), labels=[f"expert {e}" for e in range(n_experts)])
        axes.set_xlabel(fitted(target, 30))
        axes.tick_params(length=0)
        figure.colorbar(image, ax=axes, label="share of the class (%)", pad=0.03)
    return figure


def _figure(width: float, n_bars: int) -> Figure:
    size = (width, 0.75 + _HEIGHT * max(n_bars, 2))
    return ShownFigure(figsize=size, dpi=DPI, layout="constrained")


def _bars(axes: Axes, values: FloatArray, errors: FloatArray) -> None:
    heights, colour = np.arange(len(values)), ordered_colours(4)[1]
    axes.barh(heights, values, height=0.7, color=paled(colour), edgecolor=colour, linewidth=0.8)
    known = np.isfinite(errors)
    axes.errorbar(
        values[known],
        heights[known],
        xerr=errors[known],
        linestyle="none",
        ecolor=INK,
        elinewidth=0.9,
        capsize=2,
    )
    axes.set_xlim(left=0.0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x", **_GRID)
    axes.set_axisbelow(True)


def _name_bars(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), labels=[fitted(name, _NAME) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)  # the first one on top
