"""Histograms of two similar quantities, one over the other, that differ without colour."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from qmoe_qiskit.figures.style import INK, ordered_colours, paled

_MAX_BINS = 24


def draw_spread(
    axes: Axes,
    series: Mapping[str, Sequence[float | None]],
    *,
    label: str,
    counted: str,
    shown: Callable[[float], str],
) -> None:
    """Draw histograms of values above 0 on a logarithmic axis: the first filled, others hatched.

    Args:
        axes: Axes to draw on.
        series: Values of each quantity by its name; None and values not above 0 are left out.
        label: Label of the values, with their unit.
        counted: Name of the things that are counted.
        shown: Function that writes a value as text.
    """
    known = {
        name: [v for v in values if v is not None and v > 0] for name, values in series.items()
    }
    known = {name: values for name, values in known.items() if values}
    axes.set_xlabel(label)
    axes.set_ylabel(counted)
    if not known:
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", va="center")
        axes.set_xticks([])
        axes.set_yticks([])
        return
    every = np.concatenate([np.asarray(values) for values in known.values()])
    n_bins = int(np.clip(np.sqrt(len(every)) * 1.5, 5, _MAX_BINS))
    low, high = every.min() / 1.05, every.max() * 1.05
    edges = np.geomspace(low, high, n_bins + 1)
    colours = ordered_colours(3)
    for index, (name, values) in enumerate(known.items()):
        median = float(np.median(values))
        axes.hist(
            values,
            bins=list(edges),
            histtype="stepfilled",
            facecolor=paled(colours[2]) if index == 0 else "none",
            edgecolor=INK,
            linestyle="-" if index == 0 else "--",
            hatch="" if index == 0 else "///",
            label=f"{name}, median {shown(median)}",
        )
        axes.axvline(median, color=INK, linestyle="-" if index == 0 else "--", linewidth=1.4)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    set_log_ticks(axes.xaxis, high / low, shown)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0))


def set_log_ticks(axis: Axis, ratio: float, shown: Callable[[float], str]) -> None:
    """Put as many ticks on a logarithmic axis as fit.

    Args:
        axis: The axis.
        ratio: Ratio of the largest value on the axis to the smallest.
        shown: Function that writes a value as text.
    """
    subs = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if ratio < 8 else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(subs=subs if ratio < 200 else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: shown(value)))
    axis.set_minor_formatter(NullFormatter())


def percent(value: float) -> str:
    """Return a probability as text in per cent.

    >>> percent(0.0123)
    '1.2 %'
    """
    return f"{100 * value:.2g} %"
