"""The coupling map of a device, coloured by error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from qmoe_qiskit.figures.device.couplers import Coupler, broken_couplers, couplers_of
from qmoe_qiskit.figures.device.histograms import percent, set_log_ticks
from qmoe_qiskit.figures.device.lattice import lattice_positions
from qmoe_qiskit.figures.style import DPI, INK, RGB, edge_of
from qmoe_qiskit.noise_profiles import NoiseProfile
from qmoe_qiskit.typing import FloatArray

N_BEST = 5
MIN_WIDTH = 4.6  # in inches
RADIUS = 0.36  # radius of a qubit, in couplers
_MARGIN = RADIUS + 0.15
_BAR = 0.15  # thickness of a colour bar in inches
_POINTS = 72.0  # points per inch


@dataclass(frozen=True, kw_only=True, eq=False)
class CouplingMap:
    """A coupling map and its layout.

    Attributes:
        profile: The device.
        couplers: Couplers of the device, the best first.
        broken: Pairs of qubits whose coupler is out of order.
        positions_Q2: Positions of the qubits; a coupler is about 1 long.
    """

    profile: NoiseProfile
    couplers: list[Coupler]
    broken: list[tuple[int, int]]
    positions_Q2: FloatArray

    @classmethod
    def of(cls, profile: NoiseProfile) -> CouplingMap:
        """Lay out the coupling map of a device."""
        couplers, broken = couplers_of(profile), broken_couplers(profile)
        pairs = [*(coupler.qubits for coupler in couplers), *broken]
        return cls(
            profile=profile,
            couplers=couplers,
            broken=broken,
            positions_Q2=lattice_positions(profile.n_qubits, pairs),
        )

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height, in couplers."""
        wide, high = np.ptp(self.positions_Q2, axis=0) + 2 * _MARGIN
        return float(wide), float(high)

    @property
    def unit(self) -> float:
        """Length of a coupler in inches."""
        return min(max(0.34, 4.5 / max(self.extent)), 0.6)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches."""
        wide, high = self.extent
        return max(self.unit * wide, MIN_WIDTH), self.unit * high

    @property
    def gates(self) -> str:
        """Names of the two-qubit gates."""
        return "/".join(sorted({coupler.gate for coupler in self.couplers}))

    @property
    def best(self) -> list[Coupler]:
        """The couplers to frame: five, or fewer on a small device."""
        if len({coupler.expected_error for coupler in self.couplers}) < 2:
            return []
        return self.couplers[: min(N_BEST, len(self.couplers) // 3 + 1)]


def draw_coupling_map(figure: Figure, axes: Axes, coupling_map: CouplingMap) -> None:
    """Draw couplers and qubits, darker for larger errors, with colour bars below."""
    of_gates = colour_scale(coupler.gate_error for coupler in coupling_map.couplers)
    of_readout = colour_scale(qubit.readout_error for qubit in coupling_map.profile.qubits)
    for pair in coupling_map.broken:
        ends = coupling_map.positions_Q2[list(pair)].T
        axes.plot(*ends, color=INK, linestyle=":", linewidth=1, zorder=1)
    _draw_couplers(axes, coupling_map, of_gates)
    _draw_qubits(axes, coupling_map, of_readout)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_xlim(axis_limits(coupling_map.positions_Q2[:, 0], MIN_WIDTH / coupling_map.unit))
    axes.set_ylim(axis_limits(coupling_map.positions_Q2[:, 1]))
    axes.set_title(_legend(coupling_map))
    add_bar(figure, axes, of_readout, "qubit: readout error")
    add_bar(figure, axes, of_gates, f"coupler: error of {coupling_map.gates}")


def _draw_couplers(axes: Axes, coupling_map: CouplingMap, scale: ScalarMappable | None) -> None:
    width = min(0.16 * coupling_map.unit * _POINTS, 6)
    for coupler in coupling_map.couplers:
        ends = coupling_map.positions_Q2[list(coupler.qubits)].T
        # A black line below, because a pale line would be lost on white.
        below = width + (4.5 if coupler in coupling_map.best else 1.2)
        fill = colour_of(scale, coupler.gate_error)
        axes.plot(*ends, color=INK, linewidth=below, solid_capstyle="butt", zorder=2)
        axes.plot(*ends, color=fill, linewidth=width, solid_capstyle="butt", zorder=3)


def _draw_qubits(axes: Axes, coupling_map: CouplingMap, scale: ScalarMappable | None) -> None:
    framed = {q for coupler in coupling_map.best for q in coupler.qubits}
    for qubit, place in zip(coupling_map.profile.qubits, coupling_map.positions_Q2, strict=True):
        fill = colour_of(scale, qubit.readout_error) if qubit.operational else (1.0, 1.0, 1.0)
        axes.add_patch(
            Circle(
                place,
                RADIUS,
                facecolor=fill,
                edgecolor=INK,
                linewidth=2.4 if qubit.qubit in framed else 0.7,
                linestyle="-" if qubit.operational else ":",
                zorder=4,
            )
        )
        axes.text(
            float(place[0]),
            float(place[1]),
            str(qubit.qubit),
            fontsize=min(0.36 * coupling_map.unit * _POINTS, 9),
            color=edge_of(fill),
            ha="center",
            va="center_baseline",
            zorder=5,
        )


def _legend(coupling_map: CouplingMap) -> str:
    best = [
        f"{coupler.qubits[0]}-{coupler.qubits[1]} {percent(coupler.expected_error)}"
        for coupler in coupling_map.best
    ]
    lines = []
    if best:
        lines += ["framed: best pairs, by one gate and both readouts", ",  ".join(best)]
    if coupling_map.broken:
        lines.append("dotted: coupler out of order")
    return "\n".join(lines)


def colour_scale(values: Iterable[float | None]) -> ScalarMappable | None:
    """Return a logarithmic scale of colours that darken with the error; None without errors."""
    known = [value for value in values if value is not None and value > 0]
    if not known:
        return None
    low, high = min(known), max(known)
    return ScalarMappable(LogNorm(low, max(high, 1.01 * low)), colormaps["viridis_r"])


def colour_of(scale: ScalarMappable | None, value: float | None) -> RGB:
    """Return the colour of an error; white if it is unknown."""
    if scale is None or value is None:
        return (1.0, 1.0, 1.0)
    low, _ = scale.get_clim()
    red, green, blue, _ = scale.to_rgba(np.maximum(value, low))
    return red, green, blue


def add_bar(figure: Figure, axes: Axes, scale: ScalarMappable | None, label: str) -> None:
    """Put a horizontal colour bar below axes, if there is a scale."""
    if scale is None:
        return
    share = _BAR * DPI / axes.get_window_extent().height
    bar = figure.colorbar(
        scale, ax=axes, orientation="horizontal", label=label, fraction=share, pad=0.01, aspect=30
    )
    low, high = scale.get_clim()
    set_log_ticks(bar.ax.xaxis, high / low, percent)


def axis_limits(values_Q: FloatArray, at_least: float = 0.0) -> tuple[float, float]:
    """Return the ends of an axis with a margin, at least some distance apart."""
    low, high = float(values_Q.min()) - _MARGIN, float(values_Q.max()) + _MARGIN
    spare = max(0.0, at_least - (high - low)) / 2
    return low - spare, high + spare
