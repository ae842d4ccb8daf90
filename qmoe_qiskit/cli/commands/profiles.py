"""`qmoe profiles`: list, compare and check noise profiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit.cli.commands.profiles_make import capture, scale
from qmoe_qiskit.cli.commands.profiles_show import show
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import console, write, write_json

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles import NoiseProfile

profiles = typer.Typer(
    name="profiles",
    help="Noise profiles: calibrations of real devices.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def list_(*, as_json: common.Json = False) -> None:
    """List the profiles that come with the program."""
    from qmoe_qiskit.noise_profiles import list_profiles, load_profile

    rows = [_row(name, load_profile(name)) for name in list_profiles()]
    if as_json:
        write_json({"profiles": rows})
        return
    from qmoe_qiskit.cli.output.tables import number, open_table

    table = open_table()
    for heading in ("name", "family", "calibrated"):
        table.add_column(heading, no_wrap=True)
    for heading in ("qubits", "readout\nerror", "two-qubit\ngate error"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row["name"],
            row["family"] or "",
            row["captured_at"][:10],
            str(row["n_qubits"]),
            number(row["readout_error"], 1, ".4f"),
            f"{row['two_qubit_gate']} {number(row['two_qubit_error'], 1, '.4f')}",
        )
    screen = console()
    screen.print(table)
    screen.print("Errors are medians. Use a profile as --backend noisy:NAME.")


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="Name or .json file.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Name or .json file.")],
    *,
    as_json: common.Json = False,
) -> None:
    """Compare two profiles, parameter by parameter."""
    from qmoe_qiskit.noise_profiles import load_profile

    difference = load_profile(first).diff(load_profile(second))
    if as_json:
        write_json({"differ": bool(difference), **difference.to_dict()})
    else:
        write(f"{difference}\n")


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file.")],
    *,
    as_json: common.Json = False,
) -> None:
    """Check that a file is a sound profile; exits with 2 and says what is wrong if it is not."""
    from qmoe_qiskit.noise_profiles import NoiseProfile

    profile = NoiseProfile.load(file)
    if as_json:
        write_json({"file": str(file), "sound": True, **profile.summary()})
        return
    write(
        f"{str(file)!r} is sound: {profile.device}, {profile.n_qubits} qubits, calibration of "
        f"{profile.captured_at:%Y-%m-%d %H:%M} UTC, hash {profile.content_hash[:12]}\n"
    )


def _row(name: str, profile: NoiseProfile) -> dict[str, Any]:
    summary = profile.summary()
    pairs = {gate for gate in profile.basis_gates if any(
        g.name == gate and len(g.qubits) == 2 for g in profile.gates
    )}  # fmt: skip
    medians = {
        gate: spread["median"]
        for gate in pairs
        if (spread := summary["gates"][gate]["error"]) is not None
    }
    best = min(medians, key=lambda gate: (medians[gate], gate), default="")
    return {
        "name": name,
        **{key: summary[key] for key in ("family", "captured_at", "n_qubits", "n_operational")},
        **{key: _median(summary["qubits"][key]) for key in ("t1", "t2", "readout_error")},
        "two_qubit_gate": best,
        "two_qubit_error": medians.get(best),
        "content_hash": summary["content_hash"],
    }


def _median(spread: dict[str, float] | None) -> float | None:
    return None if spread is None else spread["median"]


profiles.command("list")(list_)
for _command in (show, capture, scale, diff, check):
    profiles.command()(_command)
