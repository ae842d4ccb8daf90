"""Accuracy against the number of parameters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

from matplotlib.figure import Figure

from qmoe_qiskit.figures.style import MARKERS, ordered_colours
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.studies.report.figures import LINES, add_legend
from qmoe_qiskit.studies.report.summary import Draw


@dataclass(frozen=True, kw_only=True)
class Point:
    """A router in the figure.

    Attributes:
        series: Name of the line that the router is drawn on.
        x: Number of parameters.
        y: Held-out accuracy.
    """

    series: str
    x: float
    y: Estimate


def by_parameters(points: Sequence[Point], *, x_label: str, y_limits: tuple[float, float]) -> Draw:
    """Draw accuracies with intervals over a logarithmic axis, one line per series."""
    families = list(dict.fromkeys(point.series for point in points))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        colours = ordered_colours(len(families) + 1)  # the palest colour is too pale for a line
        for index, family in enumerate(families):
            own = sorted((p for p in points if p.series == family), key=lambda point: point.x)
            positions = [point.x for point in own]
            axes.plot(
                positions,
                [point.y.value for point in own],
                label=family,
                color=colours[index],
                marker=MARKERS[index],
                linestyle=LINES[index % len(LINES)],
                linewidth=1.2,
                markersize=5,
            )
            axes.vlines(
                positions,
                [point.y.low for point in own],
                [point.y.high for point in own],
                color=colours[index],
                linewidth=1.0,
            )
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_ylim(*y_limits)
        axes.set_xlabel(x_label)
        axes.set_ylabel("held-out accuracy")
        axes.grid(visible=True, color="0.9", linewidth=0.6)
        add_legend(figure, axes)

    return draw


def common_limits(estimates: Iterable[Estimate]) -> tuple[float, float]:
    """Return the ends of an axis that holds all intervals, with a margin."""
    ends = [(e.low, e.high) if isfinite(e.low) else (e.value, e.value) for e in estimates]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    room = 0.05 * (high - low) or 0.01
    return low - room, high + room
