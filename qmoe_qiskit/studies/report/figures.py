"""The usual figures of studies: curves, and intervals side by side.

Each function returns a function that draws the figure, for `studies.report.summary.FigureSpec`.
Colour never carries information alone: series also differ by marker and line style.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from qmoe_qiskit.figures.style import INK, MARKERS, RGB, fitted, ordered_colours
from qmoe_qiskit.stats import mean_estimates
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.studies.report.summary import Draw
from qmoe_qiskit.typing import FloatArray

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


LINES = ("-", "--", "-.", ":")
_NAME = 40  # characters of a name in a legend
_MARKS: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.5, "zorder": 3}
_GRID: dict[str, Any] = {"color": "0.9", "linewidth": 0.6}


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A quantity over a numeric axis.

    Attributes:
        name: Name in the legend.
        levels: Positions on the axis, rising.
        estimates: One estimate per position; a value of nan leaves a gap.
    """

    name: str
    levels: tuple[float, ...]
    estimates: tuple[Estimate, ...]


def mean_curve(name: str, levels: Sequence[float], values: FloatArray) -> Curve:
    """Return the curve of means over N seeds.

    Args:
        name: Name in the legend.
        levels: L positions on the axis, rising.
        values: Values at each level, (N, L), or, for a flat curve, one value per seed, (N,).
    """
    values_NL = np.broadcast_to(values.reshape(len(values), -1), (len(values), len(levels)))
    return Curve(
        name=name, levels=tuple(map(float, levels)), estimates=tuple(mean_estimates(values_NL))
    )


def curves(
    series: Sequence[Curve],
    *,
    x_label: str,
    y_label: str,
    reference: float | None = None,
    reference_label: str = "",
    x_ticks: Mapping[float, str] | None = None,
    log_x: bool = False,
    y_limits: tuple[float, float] | None = None,
) -> Draw:
    """Draw curves with the bands of their intervals.

    Args:
        series: The curves.
        x_label: Label of the horizontal axis, with its unit.
        y_label: Label of the vertical axis, with its unit.
        reference: Height of a horizontal reference line, such as no difference.
        reference_label: Name of the reference line in the legend.
        x_ticks: Names of positions on the horizontal axis, shown in place of numbers.
        log_x: Whether the horizontal axis is logarithmic.
        y_limits: Ends of the vertical axis.
    """
    assert series

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        colours = _line_colours(len(series))
        for index, (curve, colour) in enumerate(zip(series, colours, strict=True)):
            axes.plot(
                curve.levels,
                [estimate.value for estimate in curve.estimates],
                label=fitted(curve.name, _NAME),
                color=colour,
                marker=MARKERS[index % len(MARKERS)],
                linestyle=LINES[index % len(LINES)],
                markersize=5,
                **_MARKS,
            )
            lows = [estimate.low for estimate in curve.estimates]
            highs = [estimate.high for estimate in curve.estimates]
            axes.fill_between(curve.levels, lows, highs, color=colour, alpha=0.15, linewidth=0)
            for ends in (lows, highs):  # the edges of the band survive a black-and-white printer
                axes.plot(curve.levels, ends, color=colour, linewidth=0.5, alpha=0.7)
        if reference is not None:
            axes.axhline(
                reference, color=INK, linewidth=0.9, linestyle=(0, (1, 1)), label=reference_label
            )
        if log_x:
            axes.set_xscale("log")
            # Matplotlib writes powers of ten as formulas, which names in figures are not.
            axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}" if x >= 1 else f"{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
        if x_ticks is not None:
            axes.set_xticks(list(x_ticks), labels=list(x_ticks.values()), minor=False)
            axes.minorticks_off()
        elif not log_x and all(x.is_integer() for curve in series for x in curve.levels):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if y_limits is not None:
            axes.set_ylim(*y_limits)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.grid(visible=True, **_GRID)
        add_legend(figure, axes)

    return draw


def intervals(
    series: Mapping[str, Mapping[str, Estimate]],
    *,
    label: str,
    reference: float | None = None,
    seeds: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
) -> Draw:
    """Draw estimates as dots with intervals, one line per row, such as a router.

    Args:
        series: Rows of each series, by name; `{"": rows}` draws one series without a legend.
        label: Label of the horizontal axis, with its unit.
        reference: Position of a vertical reference line, such as no difference.
        seeds: Values of the seeds by series and row, drawn as faint strokes: means hide that
            results are bimodal.
    """
    rows = list(dict.fromkeys(row for estimates in series.values() for row in estimates))
    assert rows

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        colours = _line_colours(len(series))
        step = 0.7 / len(series)
        for index, (name, estimates) in enumerate(series.items()):
            shift = (index - (len(series) - 1) / 2) * step
            heights = [rows.index(row) + shift for row in estimates]
            means = estimates.values()
            axes.errorbar(
                [mean.value for mean in means],
                heights,
                # nan where there is no interval to draw
                xerr=[[mean.value - mean.low for mean in means], [m.high - m.value for m in means]],
                linestyle="none",
                marker=MARKERS[index % len(MARKERS)],
                color=colours[index],
                ecolor=colours[index],
                elinewidth=1.4,
                capsize=3,
                markersize=5.5,
                label=fitted(name, _NAME),
                **_MARKS,
            )
            for row, height in zip(estimates, heights, strict=True):
                of_seeds, reach = (seeds or {}).get(name, {}).get(row, ()), 0.3 * step
                faint: dict[str, Any] = {"colors": [colours[index]], "alpha": 0.35}
                axes.vlines(of_seeds, height - reach, height + reach, linewidth=0.8, **faint)
        if reference is not None:
            axes.axvline(reference, color=INK, linewidth=0.9, linestyle=(0, (1, 1)))
        axes.set_yticks(range(len(rows)), labels=[fitted(row, _NAME) for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)  # the first row on top
        axes.set_xlabel(label)
        axes.grid(visible=True, axis="x", **_GRID)
        axes.tick_params(axis="y", length=0)
        if len(series) > 1:
            add_legend(figure, axes)

    return draw


def _line_colours(count: int) -> list[RGB]:
    """Return colours of rising lightness without the lightest, which is hard to see on white."""
    return ordered_colours(count + 1)[:-1] if count > 1 else [ordered_colours(4)[0]]
