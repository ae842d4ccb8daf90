"""Slots on the coupling map of a device, and the trade of their number against their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from qmoe_qiskit.backends.slots.finding import Tradeoff
from qmoe_qiskit.figures.device.coupling_map import (
    RADIUS,
    CouplingMap,
    add_bar,
    axis_limits,
    colour_of,
    colour_scale,
)
from qmoe_qiskit.figures.device.histograms import percent
from qmoe_qiskit.figures.style import DPI, INK, edge_of, fitted, local_style, ordered_colours
from qmoe_qiskit.noise_profiles import NoiseProfile

_PANEL = (4.2, 3.6)  # width and height of the second panel in inches
_WHITE = (1.0, 1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class DrawnSlot:
    """A slot to draw.

    Attributes:
        qubits: All device qubits that it acts on.
        expected_error: Its expected error.
    """

    qubits: tuple[int, ...]
    expected_error: float


def slots_figure(
    profile: NoiseProfile, slots: Sequence[DrawnSlot], tradeoffs: Sequence[Tradeoff], note: str = ""
) -> Figure:
    """Draw slots on a coupling map, and beside it how errors grow with the number of slots.

    Qubits of a slot have the colour of its expected error, darker for larger errors, and are joined
    by bold lines; idle qubits are white.

    Args:
        profile: The device.
        slots: The slots.
        tradeoffs: The errors for several numbers of slots, ascending.
        note: What else to say above the figure.
    """
    coupling_map = CouplingMap.of(profile)
    wide, high = coupling_map.size
    with local_style():
        figure = Figure(dpi=DPI, layout="constrained")
        figure.set_size_inches(wide + _PANEL[0] + 0.6, max(high + 1.4, _PANEL[1] + 0.8))
        grid = figure.add_gridspec(1, 2, width_ratios=[wide, _PANEL[0]])
        axes, panel = (figure.add_subplot(grid[0, column]) for column in range(2))
        calibration = f"calibration of {profile.captured_at:%Y-%m-%d %H:%M} UTC"
        lines = [f"{profile.device}, {calibration}, hash {profile.content_hash[:12]}", note]
        width = int(13 * figure.get_size_inches()[0])
        figure.suptitle("\n".join(fitted(line, width) for line in lines if line), fontsize=9)
        _draw_slots(figure, axes, coupling_map, slots)
        panel.set_box_aspect(_PANEL[1] / _PANEL[0])
        _draw_tradeoffs(panel, tradeoffs, len(slots))
    return figure


def _draw_slots(
    figure: Figure, axes: Axes, coupling_map: CouplingMap, slots: Sequence[DrawnSlot]
) -> None:
    scale = colour_scale(slot.expected_error for slot in slots)
    slot_of = {q: k for k, slot in enumerate(slots) for q in slot.qubits}
    places = coupling_map.positions_Q2
    for pair in [*(c.qubits for c in coupling_map.couplers), *coupling_map.broken]:
        inside = slot_of.get(pair[0], -1) == slot_of.get(pair[1], -2)
        broken = pair in coupling_map.broken
        axes.plot(
            *places[list(pair)].T,
            color=INK if inside else "#808080",
            linewidth=3.5 if inside else 0.8,
            linestyle=":" if broken else "-",
            zorder=2 if inside else 1,
        )
    _draw_qubits(axes, coupling_map, slots, slot_of, scale)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_xlim(axis_limits(places[:, 0]))
    axes.set_ylim(axis_limits(places[:, 1]))
    axes.set_title(f"{len(slots)} slots, joined by bold lines; white: idle qubits")
    add_bar(figure, axes, scale, "slot: expected error")


def _draw_qubits(
    axes: Axes,
    coupling_map: CouplingMap,
    slots: Sequence[DrawnSlot],
    slot_of: dict[int, int],
    scale: ScalarMappable | None,
) -> None:
    for qubit, place in zip(coupling_map.profile.qubits, coupling_map.positions_Q2, strict=True):
        slot = slot_of.get(qubit.qubit)
        fill = _WHITE if slot is None else colour_of(scale, slots[slot].expected_error)
        axes.add_patch(
            Circle(
                place,
                RADIUS,
                facecolor=fill,
                edgecolor=INK if slot is not None else "#808080",
                linewidth=1.4 if slot is not None else 0.6,
                linestyle="-" if qubit.operational else ":",
                zorder=4,
            )
        )
        axes.text(
            float(place[0]),
            float(place[1]),
            str(qubit.qubit),
            fontsize=min(0.36 * coupling_map.unit * 72.0, 9),
            color=edge_of(fill) if slot is not None else "#606060",
            ha="center",
            va="center_baseline",
            zorder=5,
        )


def _draw_tradeoffs(axes: Axes, tradeoffs: Sequence[Tradeoff], chosen: int) -> None:
    counts = [each.n_slots for each in tradeoffs]
    dark, light = ordered_colours(3)[:2]
    for label, values, colour, marker, line in (
        ("worst slot", [each.largest_error for each in tradeoffs], dark, "^", "--"),
        ("mean", [each.mean_error for each in tradeoffs], light, "o", "-"),
    ):
        axes.plot(counts, values, color=colour, marker=marker, linestyle=line, label=label)
    axes.axvline(chosen, color=INK, linewidth=0.8, linestyle=":", label=f"chosen: {chosen}")
    axes.set_xlabel("number of slots, of the smallest total error")
    axes.set_ylabel("expected error")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: percent(value))
    axes.legend(loc="upper left")
