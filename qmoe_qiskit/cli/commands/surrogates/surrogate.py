"""`qmoe surrogate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.consent import agree
from qmoe_qiskit.cli.options import common, hardware, where
from qmoe_qiskit.cli.output.documents import check_vacant_file, console, remark, write_json
from qmoe_qiskit.cli.output.interruption import waiting
from qmoe_qiskit.cli.output.surrogate import show_surrogate, surrogate_document
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qmoe_qiskit.backends.surrogate import FourierSurrogate
    from qmoe_qiskit.hardware.cost.estimate import CostEstimate
    from qmoe_qiskit.hardware.work import Outcome
    from qmoe_qiskit.runs.on_hardware.prepare import Prepared
    from qmoe_qiskit.runs.on_hardware.request import DeviceRequest

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
    backend: where.Backend = None,
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
    given = {**device, "shots": shots, "device_qubits": device_qubits}
    request = where.requested_device(backend, given, mitigation=mitigation, yes=yes)
    estimate, outcome = None, None
    if request is not None:
        measured, estimate, outcome = _measure_on_device(
            run_folder, request, settings, yes=yes, quiet=as_json
        )
    else:
        from qmoe_qiskit.runs.surrogates.simulated import measure_surrogate

        run = where.load_simulated(run_folder, backend, given, mitigation=mitigation)
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
    run_folder: Path, request: DeviceRequest, settings: dict[str, Any], *, yes: bool, quiet: bool
) -> tuple[FourierSurrogate, CostEstimate | None, Outcome]:
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.runs.surrogates.on_device import prepare_surrogate

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
