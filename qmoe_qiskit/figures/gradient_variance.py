"""The variance of a circuit's gradients against its number of qubits."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures.legend import add_legend
from qmoe_qiskit.figures.style import (
    DPI,
    INK,
    MARKERS,
    ShownFigure,
    edge_of,
    local_style,
    ordered_colours,
)


def gradient_variance_figure(
    variances: Mapping[int, Mapping[int, float]], *, title: str = ""
) -> Figure:
    """Draw variances of gradients by the number of qubits, with a curve per number of layers.

    A dashed line falls like 2^-n: on a barren plateau the curves are parallel to it.

    Args:
        variances: By the number of layers, then of qubits; zeros are left out.
        title: Title of the figure.

    Raises:
        InputError: If no variance is above 0.

    >>> gradient_variance_figure({4: {2: 0.1, 4: 0.03}}).axes[0].get_xlabel()
    'qubits'
    """
    drawn = {
        layers: {n: value for n, value in sorted(by_qubits.items()) if value > 0}
        for layers, by_qubits in variances.items()
    }
    qubits = sorted({n for by_qubits in drawn.values() for n in by_qubits})
    if not qubits:
        raise InputError("a figure of gradients needs a variance above 0, got none")
    with local_style():
        figure = ShownFigure(figsize=(4.8, 3.6), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        entries = []
        for index, (layers, by_qubits) in enumerate(drawn.items()):
            colour = ordered_colours(len(drawn))[index]
            (line,) = axes.plot(
                list(by_qubits),
                list(by_qubits.values()),
                color=colour,
                marker=MARKERS[index % len(MARKERS)],
                markersize=6,
                markeredgecolor=edge_of(colour),
                markeredgewidth=0.6,
                linewidth=1.1,
            )
            entries.append((line, f"{layers} layer{'s' * (layers != 1)}"))
        top = max(value for by_qubits in drawn.values() for value in by_qubits.values())
        (fall,) = axes.plot(
            qubits,
            [top * 2.0 ** (qubits[0] - n) for n in qubits],
            color=INK,
            linestyle="--",
            linewidth=0.9,
        )
        entries.append((fall, "falls like 2^-n"))
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_locator(FixedLocator(qubits))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("qubits")
        axes.set_ylabel("variance of the gradient")
        axes.set_title(title)
        axes.grid(visible=True, color="0.92", linewidth=0.6)
        axes.set_axisbelow(True)
        add_legend(figure, entries)
    return figure
