"""Accuracy against the number of parameters."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite, log2

from matplotlib.figure import Figure

from qmoe_qiskit.figures.style import MARKERS, ordered_colours
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.studies.report.figures import LINES, add_legend
from qmoe_qiskit.studies.report.summary import Draw

# How far points with equally many parameters lie apart, as a share of the axis.
_STEP = 0.016


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
    """Draw accuracies with intervals over a logarithmic axis, one line per series.

    Points with equally many parameters stand side by side, around their number.
    """
    families = list(dict.fromkeys(point.series for point in points))
    ordered = sorted(points, key=lambda point: (point.x, families.index(point.series)))
    places = list(zip(ordered, side_by_side([point.x for point in ordered]), strict=True))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        colours = ordered_colours(len(families) + 1)  # the palest colour is too pale for a line
        for index, family in enumerate(families):
            own = [(point.y, place) for point, place in places if point.series == family]
            positions, values = [place for _, place in own], [y.value for y, _ in own]
            axes.plot(
                positions,
                values,
                label=family,
                color=colours[index],
                marker=MARKERS[index],
                linestyle=LINES[index % len(LINES)],
                linewidth=1.2,
                markersize=5.5,
                markeredgecolor="white",
                markeredgewidth=0.5,
                zorder=3,
            )
            axes.errorbar(
                positions,
                values,
                # nan where there is no interval to draw
                yerr=[[y.value - y.low for y, _ in own], [y.high - y.value for y, _ in own]],
                linestyle="none",
                ecolor=colours[index],
                elinewidth=1.0,
                capsize=2,
            )
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_ylim(*y_limits)
        axes.set_xlabel(x_label)
        axes.set_ylabel("held-out accuracy")
        axes.grid(visible=True, color="0.9", linewidth=0.6)
        add_legend(figure, axes)

    return draw


def side_by_side(positions: Sequence[float]) -> list[float]:
    """Return positions on a logarithmic axis at which equal ones do not hide each other.

    >>> side_by_side([4.0, 16.0])
    [4.0, 16.0]
    >>> [round(place, 2) for place in side_by_side([4.0, 16.0, 16.0])]
    [4.0, 15.82, 16.18]
    """
    octaves = log2(max(positions) / min(positions)) or 1.0
    counts, seen = Counter(positions), Counter[float]()
    places = []
    for position in positions:
        steps = seen[position] - (counts[position] - 1) / 2
        seen[position] += 1
        places.append(position * 2 ** (_STEP * octaves * steps))
    return places


def common_limits(estimates: Iterable[Estimate]) -> tuple[float, float]:
    """Return the ends of an axis that holds all intervals, with a margin."""
    ends = [(e.low, e.high) if isfinite(e.low) else (e.value, e.value) for e in estimates]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    room = 0.05 * (high - low) or 0.01
    return low - room, high + room
