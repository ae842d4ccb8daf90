"""Estimated against charged QPU time of jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures.legend import add_legend
from qmoe_qiskit.figures.panels import make_square
from qmoe_qiskit.figures.style import DPI, INK, MARKERS, fitted, local_style


@dataclass(frozen=True, kw_only=True)
class JobTime:
    """The QPU time of a job.

    Attributes:
        device: Name of the device.
        estimated_s: Estimate before submission, in seconds.
        charged_s: Charge of the service, in seconds.
        highlighted: Whether the job belongs to what the figure is about.
    """

    device: str
    estimated_s: float
    charged_s: float
    highlighted: bool = True


def qpu_time_figure(jobs: Sequence[JobTime]) -> Figure:
    """Draw the charge of each job against its estimate, with a marker per device.

    Both axes are logarithmic. Highlighted jobs are filled, others hollow.

    Raises:
        InputError: If no job was charged more than nothing.
    """
    charged = [job for job in jobs if job.charged_s > 0 and job.estimated_s > 0]
    if not charged:
        raise InputError("no job has been charged: there is no QPU time to draw")
    devices = list(dict.fromkeys(job.device for job in charged))
    times = [t for job in charged for t in (job.estimated_s, job.charged_s)]
    low, high = min(times) / 2, max(times) * 2
    with local_style():
        figure = Figure(figsize=(4.2, 3.8), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        axes.plot([low, high], [low, high], color=INK, linestyle="--", linewidth=0.9, gid="equal")
        entries: list[tuple[Line2D, str]] = []
        for index, device in enumerate(devices):
            marker = MARKERS[index % len(MARKERS)]
            for own in (False, True):
                here = [j for j in charged if j.device == device and j.highlighted is own]
                axes.plot(
                    [job.estimated_s for job in here],
                    [job.charged_s for job in here],
                    linestyle="none",
                    **_look(marker, filled=own),
                    gid=f"{device} {'own' if own else 'other'}",
                )
            handle = Line2D([], [], linestyle="none", **_look(marker, filled=True))
            entries.append((handle, fitted(device, 24)))
        for axis, set_scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
            set_scale("log")
            subs = (1.0, 2.0, 5.0) if high / low < 200 else (1.0,)
            axis.set_major_locator(LogLocator(subs=subs))
            axis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
            axis.set_minor_formatter(NullFormatter())
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.grid(visible=True, color="0.92", linewidth=0.6)
        axes.set_xlabel("estimated QPU time of a job (s)")
        axes.set_ylabel("charged QPU time (s)")
        total_s = sum(job.charged_s for job in charged if job.highlighted)
        estimate_s = sum(job.estimated_s for job in charged if job.highlighted)
        if total_s:
            axes.set_title(
                f"this evaluation: {total_s:.1f} s charged,\n{estimate_s:.1f} s estimated"
            )
        if any(not job.highlighted for job in charged):
            grey = Line2D([], [], linestyle="none", **_look("o", filled=False))
            entries.append((grey, "hollow: other jobs in the ledger"))
        line = Line2D([], [], color=INK, linestyle="--", linewidth=0.9)
        add_legend(figure, [*entries, (line, "charge = estimate")])
        make_square(figure, [axes])
    return figure


def _look(marker: str, *, filled: bool) -> dict[str, Any]:
    return {
        "marker": marker,
        "markersize": 6 if filled else 5,
        "markerfacecolor": "0.35" if filled else "none",
        "markeredgecolor": INK,
        "markeredgewidth": 0.8,
    }
