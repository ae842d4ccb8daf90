"""`qmoe surrogate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.consent import agree
from qmoe_qiskit.cli.options import common, hardware
from qmoe_qiskit.cli.output.documents import check_vacant_file, console, remark, write_json
from qmoe_qiskit.cli.output.interruption import waiting
from qmoe_qiskit.cli.output.surrogate import show_surrogate, surrogate_document
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qmoe_qiskit.backends.surrogate import FourierSurrogate
    from qmoe_qiskit.hardware.cost.estimate import CostEstimate
    from qmoe_qiskit.hardware.work import Outcome
    from qmoe_qiskit.runs.on_hardware.evaluate import Prepared

Backend = Annotated[
    str | None,
    typer.Option(
        help="Replaces the backend of training, with its shots, mitigation and qubits. "
        f"{common.BACKEND} On IBM Quantum: runtime:DEVICE, runtime:least_busy, or "
        "runtime:fake_DEVICE, simulated on this machine."
    ),
]
Shots = Annotated[
    int | None,
    typer.Option(
        help="Number of shots per point; by default as in training, with --backend runtime:... "
        "4096, and with another --backend exact values."
    ),
]


@hardware.device_options(without=("data", "target", "samples", "shots", "device_qubits"))
def surrogate(
    run_folder: common.RunFolder,
    *,
    backend: Backend = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write.")],
    points: Annotated[
        str | None,
        typer.Option(
            metavar="N|N,N,...",
            help="Number of points in total, or per input; by default the fewest, 2 L + 1 per "
            "input with frequencies up to L. More points lower the error from shots.",
        ),
    ] = None,
    checks: Annotated[
        int | None,
        typer.Option(
            help="Number of random points that check the surrogate; by default an eighth of the "
            "points, from 2 to 16."
        ),
    ] = None,
    check_level: Annotated[
        float, typer.Option(help="Rate at which a check may fail by chance.")
    ] = 0.01,
    on_failed_check: Annotated[
        str,
        typer.Option(metavar="raise|warn", help="A failed check is an error, or a warning."),
    ] = "raise",
    max_points: Annotated[
        int, typer.Option(help="Largest accepted number of points, check points included.")
    ] = 4096,
    shots: Shots = None,
    mitigation: common.OtherMitigation = None,
    device_qubits: common.OtherDeviceQubits = None,
    device: hardware.DeviceOptions,
    yes: hardware.Yes = False,
    force: common.ForceFile = False,
    as_json: common.Json = False,
) -> None:
    """Measure a run's circuit at a few points, from which its outputs follow for any input.

    The file goes to --surrogate of evaluate, predict and export, which then run no circuit. With
    --backend runtime:DEVICE the points run on IBM Quantum, as one unit of work: nothing is sent
    twice, or without --budget, --yes or an answer. The options from --options to --yes are for such
    devices.
    """
    check_vacant_file(out, force=force)
    settings = {
        "points": _points_from(points),
        "checks": checks,
        "check_level": check_level,
        "on_failed_check": on_failed_check,
        "max_points": max_points,
    }
    paid = {"--yes": yes or None} | {f"--{k}": device[k] for k in ("budget", "ledger", "settle")}
    estimate, outcome = None, None
    if backend is not None and backend.startswith("runtime:"):
        if mitigation is not None:
            raise InputError(
                f"--mitigation is for --backend noisy:DEVICE: {backend} mitigates by --resilience"
            )
        if backend.startswith("runtime:fake_"):
            _refuse(backend, paid)
        given = {**device, "shots": shots, "device_qubits": device_qubits}
        measured, estimate, outcome = _measure_on_device(
            run_folder, backend, given, settings, yes=yes, quiet=as_json
        )
    else:
        from qmoe_qiskit.runs.surrogates.simulated import measure_surrogate

        primitives = ("options", "resilience", "mode", "repetition")
        _refuse(backend, {f"--{name}": device[name] for name in primitives} | paid)
        run = runs.load_run(
            run_folder,
            backend=backend,
            shots=shots,
            mitigation=mitigation,
            device_qubits=common.qubits_from(device_qubits),
        )
        measured = measure_surrogate(run, **settings)
    measured.save(out)
    if as_json:
        write_json(
            {
                "run": str(run_folder),
                "file": str(out),
                **surrogate_document(measured, estimate, outcome),
            }
        )
    else:
        show_surrogate(console(), run_folder, measured, estimate, outcome)
        remark(f"surrogate: {out}")


def _measure_on_device(
    run_folder: Path,
    backend: str,
    given: hardware.DeviceOptions,
    settings: dict[str, Any],
    *,
    yes: bool,
    quiet: bool,
) -> tuple[FourierSurrogate, CostEstimate | None, Outcome]:
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.runs.surrogates.on_device import prepare_surrogate

    rows: dict[str, None] = {"data": None, "target": None, "samples": None}
    request = hardware.device_request(backend, {**given, **rows})
    run = runs.read_run(run_folder)
    with waiting() as shown:
        prepared = prepare_surrogate(run, request, settings, shown)
        device = prepared.device
        has_timing = isinstance(device, IBMDevice) or device.backend is not None
        estimate = prepared.estimate() if has_timing else None
        if isinstance(device, IBMDevice):
            # What is asked about has the same parts as the evaluation of a run.
            agree(cast("Prepared", prepared), device, shown, yes=yes, quiet=quiet)
        measured, outcome = prepared.measure()
    return measured, estimate, outcome


def _points_from(text: str | None) -> int | tuple[int, ...] | None:
    """Read a number of points, or one per input.

    Raises:
        InputError: If the text is neither.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise InputError(
            f"--points must be a number, or one per input with commas, such as 3,5, got {text!r}"
        )
    return int(parts[0]) if len(parts) == 1 else tuple(map(int, parts))


def _refuse(backend: str | None, given: dict[str, object]) -> None:
    """Refuse options for devices if the backend is not a device."""
    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"{name} is for a device of IBM Quantum, such as --backend runtime:ibm_fez, not "
                f"for {backend or 'the backend of training'}: omit it"
            )
