"""Accuracy on a stream of rows, with the drifts that were found."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures.legend import add_legend
from qmoe_qiskit.figures.style import DPI, INK, ShownFigure, local_style, ordered_colours
from qmoe_qiskit.typing import FloatArray

_LINES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1, 1, 1)), (0, (8, 1, 1, 1, 1, 1)))
MOST_LEARNERS = len(_LINES)


def stream_figure(
    accuracies: Mapping[str, FloatArray],
    *,
    drifts: Sequence[int] = (),
    window: int,
    title: str = "",
) -> Figure:
    """Draw accuracies over the last rows of a stream, a line per learner.

    Args:
        accuracies: For each learner, the accuracy after each row, see `StreamReport.accuracies`.
        drifts: Rows at which a drift was found; each is a vertical line.
        window: Number of rows that an accuracy is over.
        title: Title of the figure.

    Raises:
        InputError: If there is no learner, or more than there are kinds of lines.
    """
    if not 1 <= len(accuracies) <= MOST_LEARNERS:
        raise InputError(
            f"a figure of a stream shows 1 to {MOST_LEARNERS} learners, got {len(accuracies)}"
        )
    with local_style():
        figure = ShownFigure(figsize=(5.6, 3.4), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        entries = []
        colours = ordered_colours(max(3, len(accuracies)))
        for (name, values), colour, dashes in zip(
            accuracies.items(), colours, _LINES, strict=False
        ):
            # The first rows are too few for a share.
            rows = np.arange(min(window, len(values)) - 1, len(values))
            (line,) = axes.plot(rows, values[rows], color=colour, linestyle=dashes, linewidth=1.2)
            entries.append((line, name))
        for number, row in enumerate(drifts):
            mark = axes.axvline(row, color=INK, linewidth=0.8, linestyle=":")
            if number == 0:
                entries.append((mark, "drift found"))
        axes.set_xlabel("rows since the beginning of the stream")
        axes.set_ylabel(f"accuracy on the last {window} rows")
        axes.set_title(title)
        axes.grid(visible=True, color="0.92", linewidth=0.6)
        axes.set_axisbelow(True)
        add_legend(figure, entries)
    return figure
