"""`qmoe profiles`: list, show, compare and check noise profiles."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit import limits, noise_profiles
from qmoe_qiskit.cli.commands.profiles_make import capture, scale
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import (
    check_vacant_file,
    console,
    remark,
    write,
    write_file,
    write_json,
)
from qmoe_qiskit.cli.output.tables import facts_table, number, open_table
from qmoe_qiskit.io.regular_files import read_regular

if TYPE_CHECKING:
    from rich.table import Table

    from qmoe_qiskit.figures.device.couplers import Coupler

_SHOWN_PAIRS = 8

profiles = typer.Typer(
    name="profiles",
    help="Noise profiles: calibrations of real devices.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def list_(*, as_json: common.Json = False) -> None:
    """List the profiles that come with the program."""
    rows = [
        _row(name, noise_profiles.load_profile(name)) for name in noise_profiles.list_profiles()
    ]
    if as_json:
        write_json({"profiles": rows})
        return
    numbers = ("qubits", "readout\nerror", "two-qubit\ngate error")
    table = open_table("name", "family", "calibrated", numbers=numbers, no_wrap=True)
    for row in rows:
        table.add_row(
            row["name"],
            row["family"] or "",
            row["captured_at"][:10],
            str(row["n_qubits"]),
            number(row["readout_error"], 1, ".4f"),
            f"{row['two_qubit_gate']} {number(row['two_qubit_error'], 1, '.4f')}",
        )
    console().print(table)
    console().print("Errors are medians. Use a profile as --backend noisy:NAME.")


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

    profile = noise_profiles.load_profile(name)
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


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="Name or .json file.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Name or .json file.")],
    *,
    as_json: common.Json = False,
) -> None:
    """Compare two profiles, parameter by parameter."""
    difference = noise_profiles.load_profile(first).diff(noise_profiles.load_profile(second))
    if as_json:
        write_json({"differ": bool(difference), **difference.to_dict()})
    else:
        write(f"{difference}\n")


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file.")],
    *,
    as_json: common.Json = False,
) -> None:
    """Check that a file is a sound profile; exits with 2 and says what is wrong if it is not.

    What is sound but odd is noted: times and errors that no device has, gates that are not used.
    """
    profile = noise_profiles.NoiseProfile.load(file)
    notes = profile.notes()
    if as_json:
        write_json({"file": str(file), "sound": True, **profile.summary(), "notes": notes})
        return
    for note in notes:
        remark(f"note: {note}")
    write(
        f"{str(file)!r} is sound: {profile.device}, {profile.n_qubits} qubits, calibration of "
        f"{profile.captured_at:%Y-%m-%d %H:%M} UTC, hash {profile.content_hash[:12]}\n"
    )


def _row(name: str, profile: noise_profiles.NoiseProfile) -> dict[str, Any]:
    summary = profile.summary()
    pairs = {gate.name for gate in profile.gates if len(gate.qubits) == 2}
    medians = {
        gate: spread["median"]
        for gate in pairs.intersection(profile.basis_gates)
        if (spread := summary["gates"][gate]["error"]) is not None
    }
    qubits = {key: summary["qubits"][key] for key in ("t1", "t2", "readout_error")}
    best = min(medians, key=lambda gate: (medians[gate], gate), default="")
    return {
        "name": name,
        **{key: summary[key] for key in ("family", "captured_at", "n_qubits", "n_operational")},
        **{k: spread and spread["median"] for k, spread in qubits.items()},
        "two_qubit_gate": best,
        "two_qubit_error": medians.get(best),
        "content_hash": summary["content_hash"],
    }


def _draw(profile: noise_profiles.NoiseProfile, path: Path, *, force: bool) -> None:
    """Write the figure, unless the file holds the same figure already."""
    from qmoe_qiskit.figures import device_figure, figure_bytes

    content = figure_bytes(device_figure(profile))
    try:
        is_there = read_regular(path, limits.DOCUMENT_BYTES) == content
    except OSError:
        is_there = False
    if not is_there:
        check_vacant_file(path, force=force)
        write_file(path, content)


def _document(profile: noise_profiles.NoiseProfile, couplers: list[Coupler]) -> dict[str, Any]:
    summary = profile.summary()
    summary["medians"] = summary.pop("qubits")
    return {
        **summary,
        "qubits": [
            asdict(qubit) | {"readout_error": qubit.readout_error} for qubit in profile.qubits
        ],
        "pairs": [asdict(coupler) for coupler in couplers],
    }


def _facts(profile: noise_profiles.NoiseProfile) -> Table:
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
    return facts_table({heading: text for heading, text in facts.items() if text})


def _numbers(profile: noise_profiles.NoiseProfile) -> Table:
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
    table = open_table("", numbers=("median", "least", "greatest"))
    for heading, (spread, unit) in rows.items():
        if spread is not None:
            table.add_row(
                heading, *(number(spread[key], unit, ".3g") for key in ("median", "min", "max"))
            )
    return table


def _pairs(couplers: list[Coupler]) -> Table:
    headings = ("gate", "gate error", "readout errors", "expected error")
    table = open_table("qubits", numbers=headings)
    for coupler in couplers[:_SHOWN_PAIRS]:
        table.add_row(
            ", ".join(map(str, coupler.qubits)),
            coupler.gate,
            number(coupler.gate_error, 1, ".4f"),
            "  ".join(number(error, 1, ".4f") for error in coupler.readout_errors),
            number(coupler.expected_error, 1, ".4f"),
        )
    return table


profiles.command("list")(list_)
for _command in (show, capture, scale, diff, check):
    profiles.command()(_command)
