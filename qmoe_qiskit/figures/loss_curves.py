"""Loss curves of one or more trainings."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures.legend import add_legend
from qmoe_qiskit.figures.style import DPI, INK, MARKERS, fitted, local_style, ordered_colours


def loss_curves_figure(histories: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Draw the loss of each model by epoch: training solid, validation dashed.

    The vertical axis is logarithmic where the losses span more than a factor of ten.

    Args:
        histories: Epochs of each model by its name, each with "epoch" (from 1), "train_loss" and,
            after validation, "valid_loss", both in nat.

    Raises:
        InputError: If no model is given, or a model has no epochs.
    """
    if not histories:
        raise InputError("a figure needs at least one model, got an empty mapping")
    for name, history in histories.items():
        if not history:
            raise InputError(f"model {name!r} has no epochs: train it for at least one to draw it")
    with local_style():
        figure = Figure(figsize=(5.6, 3.6), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        # Light yellow is hard to see as a line: leave out the top of the map.
        colours = ordered_colours(len(histories) + 1)[:-1]
        entries: list[tuple[Line2D, str]] = []
        epochs: list[float] = []
        losses: list[float] = []
        validated = False
        for index, (name, history) in enumerate(histories.items()):
            marker, colour = MARKERS[index % len(MARKERS)], colours[index]
            for key, line in (("train_loss", "-"), ("valid_loss", "--")):
                known = [epoch for epoch in history if key in epoch]
                every = max(1, len(known) // 10)
                axes.plot(
                    [epoch["epoch"] for epoch in known],
                    [epoch[key] for epoch in known],
                    linestyle=line,
                    color=colour,
                    marker=marker,
                    markersize=5,
                    markerfacecolor=colour if line == "-" else "white",
                    # Each model marks other epochs, so that markers do not hide each other.
                    markevery=(index * every // len(histories), every),
                )
                epochs += [epoch["epoch"] for epoch in known]
                losses += [epoch[key] for epoch in known]
                validated |= bool(known) and key == "valid_loss"
            entries.append((Line2D([], [], color=colour, marker=marker), fitted(name, 40)))
        if validated:
            entries.append((Line2D([], [], color=INK, linestyle="-"), "training"))
            entries.append((Line2D([], [], color=INK, linestyle="--"), "validation"))
        axes.set_xlabel("epoch")
        axes.set_ylabel("cross entropy (nat)" if validated else "training cross entropy (nat)")
        axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
        whole = MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10])
        axes.xaxis.set_major_locator(whole)
        finite = [loss for loss in losses if math.isfinite(loss)]
        if finite and min(finite) > 0.0 and max(finite) > 10.0 * min(finite):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"{loss:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(visible=True, color="0.9", linewidth=0.6)
        add_legend(figure, entries)
    return figure
