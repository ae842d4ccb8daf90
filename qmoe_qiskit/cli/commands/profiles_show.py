"""`qmoe profiles show`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import (
    check_vacant_file,
    console,
    remark,
    write_file,
    write_json,
)

if TYPE_CHECKING:
    from rich.table import Table

    from qmoe_qiskit.figures.device.couplers import Coupler
    from qmoe_qiskit.noise_profiles import NoiseProfile

_SHOWN_PAIRS = 8


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name or .json file.")],
    *,
    out: Annotated[
        Path | None, typer.Option(help="PNG file to draw to; by default ./NAME.png.")
    ] = None,
    no_figure: Annotated[bool, typer.Option("--no-figure", help="Do not draw.")] = False,
    force: common.ForceFile = False,
    as_json: common.Json = False,
) -> None:
    """Show a device: its numbers, its best pairs of qubits, and a figure of both."""
    from qmoe_qiskit.figures.device.couplers import couplers_of
    from qmoe_qiskit.noise_profiles import load_profile

    profile = load_profile(name)
    couplers = couplers_of(profile)
    figure = None if no_figure else out or Path(f"{Path(name).name.removesuffix('.json')}.png")
    if figure is not None:
        _draw(profile, figure, force=force)
    if as_json:
        document = _document(profile, couplers)
        write_json({**document, "figure": None if figure is None else str(figure)})
        return
    screen = console()
    screen.print(_facts(profile))
    screen.print(_numbers(profile))
    if couplers:
        screen.print("Best pairs, by one gate and both readouts:")
        screen.print(_pairs(couplers))
    if figure is not None:
        remark(f"figure: {figure}")


def _draw(profile: NoiseProfile, path: Path, *, force: bool) -> None:
    """Write the figure, unless the file holds the same figure already."""
    from qmoe_qiskit.figures import device_figure, figure_bytes

    content = figure_bytes(device_figure(profile))
    if not (path.is_file() and path.read_bytes() == content):
        check_vacant_file(path, force=force)
        write_file(path, content)


def _document(profile: NoiseProfile, couplers: list[Coupler]) -> dict[str, Any]:
    summary = profile.summary()
    summary["medians"] = summary.pop("qubits")
    return {
        **summary,
        "qubits": [
            asdict(qubit) | {"readout_error": qubit.readout_error} for qubit in profile.qubits
        ],
        "pairs": [asdict(coupler) for coupler in couplers],
    }


def _facts(profile: NoiseProfile) -> Table:
    from rich.table import Table

    summary = profile.summary()
    facts = {
        "device": ", ".join(filter(None, [profile.device, profile.family])),
        "calibrated": f"{profile.captured_at:%Y-%m-%d %H:%M} UTC",
        "qubits": f"{profile.n_qubits}, {summary['n_operational']} of them usable",
        "couplers": str(summary["n_couplers"]),
        "gates": ", ".join(profile.basis_gates),
        "source": profile.source,
        "history": "; ".join(profile.history),
        "repairs": ", ".join(f"{what} {count}" for what, count in summary["repairs"].items()),
        "hash": profile.content_hash,
    }
    grid = Table.grid(padding=(0, 2))
    for heading, text in facts.items():
        if text:
            grid.add_row(heading, text)
    return grid


def _numbers(profile: NoiseProfile) -> Table:
    from qmoe_qiskit.cli.output.tables import number, open_table

    summary = profile.summary()
    rows = {
        "T1 (µs)": (summary["qubits"]["t1"], 1e6),
        "T2 (µs)": (summary["qubits"]["t2"], 1e6),
        "readout error": (summary["qubits"]["readout_error"], 1.0),
        "readout length (ns)": (summary["qubits"]["readout_length"], 1e9),
    }
    for gate in profile.basis_gates:
        facts = summary["gates"].get(gate, {"error": None, "duration": None})
        rows[f"{gate} error"] = (facts["error"], 1.0)
        rows[f"{gate} duration (ns)"] = (facts["duration"], 1e9)
    table = open_table()
    table.add_column("")
    for heading in ("median", "least", "greatest"):
        table.add_column(heading, justify="right")
    for heading, (spread, unit) in rows.items():
        if spread is not None:
            table.add_row(
                heading, *(number(spread[key], unit, ".3g") for key in ("median", "min", "max"))
            )
    return table


def _pairs(couplers: list[Coupler]) -> Table:
    from qmoe_qiskit.cli.output.tables import number, open_table

    table = open_table()
    table.add_column("qubits")
    for heading in ("gate", "gate error", "readout errors", "expected error"):
        table.add_column(heading, justify="right")
    for coupler in couplers[:_SHOWN_PAIRS]:
        table.add_row(
            ", ".join(map(str, coupler.qubits)),
            coupler.gate,
            number(coupler.gate_error, 1, ".4f"),
            "  ".join(number(error, 1, ".4f") for error in coupler.readout_errors),
            number(coupler.expected_error, 1, ".4f"),
        )
    return table
