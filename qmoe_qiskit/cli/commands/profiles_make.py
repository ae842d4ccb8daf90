"""`qmoe profiles capture` and `qmoe profiles scale`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from qmoe_qiskit import noise_profiles
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import (
    check_vacant_file,
    remark,
    write,
    write_file,
    write_json,
)
from qmoe_qiskit.errors import InputError

Out = Annotated[Path, typer.Option(help="File to write.")]


def capture(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A fake backend of qiskit-ibm-runtime, such as fake_torino; a device of IBM "
            "Quantum, such as ibm_torino, for which a saved account is needed; or a file of a "
            "device's calibration: .json with its properties, .csv as IBM Quantum Platform "
            "exports it.",
        ),
    ],
    *,
    out: Out,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Time of a device's calibration, such as 2026-03-01T12:00; by default now, or "
            "when the file was written.",
        ),
    ] = None,
    fractional_gates: Annotated[
        bool,
        typer.Option(
            "--fractional-gates",
            help="Let circuits use the fractional gates of a Heron device, rx and rzz.",
        ),
    ] = False,
    force: common.ForceFile = False,
    as_json: common.Json = False,
) -> None:
    """Capture the noise profile of a device, and write it to a file."""
    _check_out(out, force=force)
    moment = None if at is None else _moment(at)
    is_here = source.startswith("fake_") or source.endswith((".json", ".csv"))
    profile = noise_profiles.capture(source if is_here else _device(source), at=moment)
    if fractional_gates:
        profile = profile.with_fractional_gates()
    for what, count in profile.summary()["repairs"].items():
        remark(f"note: {what} {count} time{'' if count == 1 else 's'}; see repairs in the file")
    _finish(profile, out, as_json=as_json)


def scale(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name or .json file.")],
    *,
    out: Out,
    factor: Annotated[
        float | None,
        typer.Option(
            help="Factor on every mechanism without its own option: 0 is ideal, 1 as measured, "
            "above 1 amplified."
        ),
    ] = None,
    gates: Annotated[float | None, typer.Option(help="Factor on gate errors.")] = None,
    relaxation: Annotated[
        float | None, typer.Option(help="Factor on the rates 1/T1 and 1/T2.")
    ] = None,
    readout: Annotated[float | None, typer.Option(help="Factor on readout errors.")] = None,
    force: common.ForceFile = False,
    as_json: common.Json = False,
) -> None:
    """Weaken or amplify the noise of a profile, and write it to a file."""
    if factor is None and gates is None and relaxation is None and readout is None:
        raise InputError("scale needs --factor, or one of --gates, --relaxation and --readout")
    _check_out(out, force=force)
    profile = noise_profiles.load_profile(name)
    scaled = profile.scale(factor, gates=gates, relaxation=relaxation, readout=readout)
    _finish(scaled, out, as_json=as_json)


def _check_out(out: Path, *, force: bool) -> None:
    if out.suffix != ".json":
        raise InputError(
            f"--out must name a .json file, got {str(out)!r}: backends know it by that"
        )
    check_vacant_file(out, force=force)


def _finish(profile: noise_profiles.NoiseProfile, out: Path, *, as_json: bool) -> None:
    write_file(out, profile.dumps().encode())
    if as_json:
        write_json({"file": str(out), **profile.summary()})
    else:
        write(
            f"{profile.device}, {profile.n_qubits} qubits, calibration of "
            f"{profile.captured_at:%Y-%m-%d %H:%M} UTC, hash {profile.content_hash[:12]}: {out}\n"
        )


def _moment(text: str) -> datetime:
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).astimezone()  # a time without a zone is local
    except (ValueError, OverflowError):
        raise InputError(f"--at must be a time such as 2026-03-01T12:00, got {text!r}") from None


def _device(name: str) -> Any:  # noqa: ANN401 - Qiskit is untyped
    """Return a device of IBM Quantum, with the account that this machine has saved."""
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.exceptions import IBMError

    try:
        return QiskitRuntimeService().backend(name)
    except (IBMError, OSError) as error:  # OSError: no way to the service
        raise InputError(
            f"{name!r} is no fake backend, whose names begin with fake_, and IBM Quantum gives no "
            f"device of that name ({error}); an account is saved with "
            "QiskitRuntimeService.save_account"
        ) from error
