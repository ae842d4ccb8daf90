"""The outputs of a circuit as a device estimated them, against the exact ones."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures.legend import add_legend
from qmoe_qiskit.figures.panels import PANEL, PANELS_PER_ROW, make_square
from qmoe_qiskit.figures.style import DPI, INK, fitted, local_style
from qmoe_qiskit.stats.intervals import Z_95
from qmoe_qiskit.typing import FloatArray


def circuit_outputs_figure(
    exact_NO: FloatArray,
    values_NO: FloatArray,
    std_errors_NO: FloatArray,
    labels: Sequence[str],
    *,
    title: str = "",
) -> Figure:
    """Draw each observable's estimates with their standard errors against the exact values.

    Above each panel stand the mean difference and how many estimates are more than 1.96 standard
    errors from the exact value: one in twenty of them without noise.

    Args:
        exact_NO: Exact values, a row per row of the data.
        values_NO: Estimates.
        std_errors_NO: Their standard errors; NaN where there is none, zero for exact values.
        labels: Names of the observables.
        title: A line above the figure, such as the name of the device.

    Raises:
        InputError: If shapes differ, or there is nothing to draw.
    """
    shape = exact_NO.shape
    if values_NO.shape != shape or std_errors_NO.shape != shape or shape[1:] != (len(labels),):
        raise InputError(
            f"exact values, estimates and errors need one shape (N, {len(labels)}), got {shape}, "
            f"{values_NO.shape} and {std_errors_NO.shape}"
        )
    if not exact_NO.size:
        raise InputError("a figure needs at least one row and one observable, got none")
    n_columns = min(len(labels), PANELS_PER_ROW)
    n_rows = math.ceil(len(labels) / n_columns)
    errors_NO = np.nan_to_num(std_errors_NO)
    low = float(min(exact_NO.min(), (values_NO - errors_NO).min()))
    high = float(max(exact_NO.max(), (values_NO + errors_NO).max()))
    room = 0.06 * (high - low) or 0.5
    with local_style():
        size = (max(4.2, PANEL * n_columns + 0.4), (PANEL + 0.5) * n_rows + 0.3)
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        grid = figure.subplots(n_rows, n_columns, sharex="all", sharey="all", squeeze=False)
        for spare in grid.flat[len(labels) :]:
            spare.remove()
        for k, (axes, label) in enumerate(zip(grid.flat, labels, strict=False)):
            _draw(axes, exact_NO[:, k], values_NO[:, k], std_errors_NO[:, k])
            axes.set_xlim(low - room, high + room)
            axes.set_ylim(low - room, high + room)
            axes.tick_params(labelbottom=True)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
            axes.set_xlabel("exact expectation value")
            if k % n_columns == 0:
                axes.set_ylabel("estimated expectation value")
            axes.set_title(
                f"{fitted(label, 30)}\n"
                + _facts(exact_NO[:, k], values_NO[:, k], std_errors_NO[:, k])
            )
        if title:
            figure.suptitle(fitted(title, int(13 * size[0])), fontsize=9)
        add_legend(
            figure,
            [
                (_marker(), "estimate of a row, 1 standard error"),
                (Line2D([], [], color=INK, linestyle="--", linewidth=0.9), "estimate = exact"),
            ],
        )
        make_square(figure, list(grid.flat[: len(labels)]))
    return figure


def _draw(axes: Axes, exact_N: FloatArray, values_N: FloatArray, errors_N: FloatArray) -> None:
    axes.axline((0.0, 0.0), slope=1.0, color=INK, linestyle="--", linewidth=0.9, gid="equal")
    axes.grid(visible=True, color="0.92", linewidth=0.6)
    axes.errorbar(
        exact_N,
        values_N,
        yerr=np.nan_to_num(errors_N),
        linestyle="none",
        marker="o",
        markersize=3.2,
        markerfacecolor="0.65",
        markeredgecolor=INK,
        markeredgewidth=0.5,
        ecolor=INK,
        elinewidth=0.8,
        gid="estimates",
    )


def _facts(exact_N: FloatArray, values_N: FloatArray, errors_N: FloatArray) -> str:
    difference_N = values_N - exact_N
    known_N = np.isfinite(errors_N) & (errors_N > 0)
    beyond_N = np.abs(difference_N[known_N]) > Z_95 * errors_N[known_N]
    facts = f"mean difference {difference_N.mean():+.3f}"
    if known_N.any():
        facts += f"\n{beyond_N.sum()} of {known_N.sum()} beyond 1.96 std. errors"
    return facts


def _marker() -> Line2D:
    return Line2D(
        [],
        [],
        color=INK,
        linewidth=0.8,
        marker="o",
        markersize=3.2,
        markerfacecolor="0.65",
        markeredgecolor=INK,
        markeredgewidth=0.5,
    )
