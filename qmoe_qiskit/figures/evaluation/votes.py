"""Accuracy against the number of votes per row."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures.legend import add_legend
from qmoe_qiskit.figures.style import (
    DPI,
    INK,
    MARKERS,
    ShownFigure,
    local_style,
    ordered_colours,
    paled,
)

Interval = tuple[float, float]


def accuracy_by_votes_figure(
    accuracies: Mapping[int, float],
    intervals: Mapping[int, Interval],
    *,
    exact: float,
    exact_interval: Interval,
    title: str = "",
) -> Figure:
    """Draw accuracies with intervals by the number of votes, on a logarithmic axis.

    The accuracy of the exact router is a dashed line with a band.

    Args:
        accuracies: Accuracy by the number of votes.
        intervals: Its 95 % interval.
        exact: Accuracy of the exact router.
        exact_interval: Its 95 % interval.
        title: Title of the figure.

    Raises:
        InputError: If no accuracy is given.
    """
    if not accuracies:
        raise InputError("a figure of votes needs at least one number of votes, got none")
    counts = sorted(accuracies)
    values = [accuracies[count] for count in counts]
    errors = [
        [max(0.0, accuracies[n] - intervals[n][0]) for n in counts],
        [max(0.0, intervals[n][1] - accuracies[n]) for n in counts],
    ]
    colour = ordered_colours(3)[1]
    with local_style():
        figure = ShownFigure(figsize=(4.8, 3.4), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        axes.axhspan(*exact_interval, color="0.92", linewidth=0.0)
        line = axes.axhline(exact, color=INK, linestyle="--", linewidth=0.9)
        drawn = axes.errorbar(
            counts,
            values,
            yerr=errors,
            color=colour,
            marker=MARKERS[0],
            markersize=5,
            capsize=2.5,
            linewidth=1.1,
            markeredgecolor=paled(colour),
        )
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(counts))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:g}"))
        axes.set_xlabel("votes per row")
        axes.set_ylabel("accuracy")
        axes.set_title(title)
        axes.grid(visible=True, color="0.92", linewidth=0.6)
        axes.set_axisbelow(True)
        add_legend(figure, [(drawn.lines[0], "votes"), (line, "exact router")])
    return figure
