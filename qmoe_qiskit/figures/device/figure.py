"""A device at a glance: its coupling map coloured by error, its best pairs, and histograms."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qmoe_qiskit.figures.device.coupling_map import CouplingMap, draw_coupling_map
from qmoe_qiskit.figures.device.histograms import draw_spread, percent
from qmoe_qiskit.figures.style import DPI, ShownFigure, fitted, local_style
from qmoe_qiskit.noise_profiles import NoiseProfile

_HISTOGRAM = (4.2, 2.6)  # width and height in inches


def device_figure(profile: NoiseProfile) -> Figure:
    """Draw a device.

    In the coupling map, the colour of a coupler is the error of its two-qubit gate and the colour
    of a qubit its readout error, darker for larger errors; the best pairs are framed. Beside it, or
    below a map that is a line, histograms show T1 and T2, readout errors and gate errors with their
    medians.
    """
    coupling_map = CouplingMap.of(profile)
    wide, high = coupling_map.size
    with local_style():
        figure = ShownFigure(dpi=DPI, layout="constrained")
        if wide > 3 * high:
            figure.set_size_inches(10.0, high + 5.0)
            grid = figure.add_gridspec(2, 3, height_ratios=[high + 1.8, _HISTOGRAM[1]])
            axes = figure.add_subplot(grid[0, :])
            panels = [figure.add_subplot(grid[1, column]) for column in range(3)]
        else:
            figure.set_size_inches(wide + _HISTOGRAM[0] + 0.6, max(high + 2.2, 7.0))
            grid = figure.add_gridspec(3, 2, width_ratios=[wide, _HISTOGRAM[0]])
            axes = figure.add_subplot(grid[:, 0])
            panels = [figure.add_subplot(grid[row, 1]) for row in range(3)]
        figure.suptitle(_title(profile, int(13 * figure.get_size_inches()[0])), fontsize=9)
        draw_coupling_map(figure, axes, coupling_map)
        _draw_histograms(panels, coupling_map)
    return figure


def _title(profile: NoiseProfile, width: int) -> str:
    facts = [
        profile.device,
        *([profile.family] if profile.family else []),
        f"{profile.n_qubits} qubits",
        f"calibration of {profile.captured_at:%Y-%m-%d %H:%M} UTC",
        f"hash {profile.content_hash[:12]}",
    ]
    lines = [", ".join(facts), "; ".join(profile.history)]
    return "\n".join(fitted(line, width) for line in lines if line)


def _draw_histograms(panels: Sequence[Axes], coupling_map: CouplingMap) -> None:
    times, readout, gates = panels
    profile = coupling_map.profile
    usable = [qubit for qubit in profile.qubits if qubit.operational]
    draw_spread(
        times,
        {
            "T1": [q.t1 and 1e6 * q.t1 for q in usable],
            "T2": [q.t2 and 1e6 * q.t2 for q in usable],
        },
        label="relaxation and coherence time",
        counted="qubits",
        shown=lambda value: f"{value:.3g} µs",
    )
    draw_spread(
        readout,
        {
            "1 read, 0 prepared": [q.p_meas1_prep0 for q in usable],
            "0 read, 1 prepared": [q.p_meas0_prep1 for q in usable],
        },
        label="probability of a wrong outcome",
        counted="qubits",
        shown=percent,
    )
    name = _one_qubit_gate(profile)
    draw_spread(
        gates,
        {
            name: [g.error for g in profile.gates if g.name == name],
            coupling_map.gates: [c.gate_error for c in coupling_map.couplers],
        },
        label="error of a gate",
        counted="qubits, couplers",
        shown=percent,
    )


def _one_qubit_gate(profile: NoiseProfile) -> str:
    """Return the name of the one-qubit gate with errors; rz has none."""
    names = {g.name for g in profile.gates if len(g.qubits) == 1 and g.error}
    return min(names & set(profile.basis_gates), key=lambda name: (name != "sx", name), default="")
