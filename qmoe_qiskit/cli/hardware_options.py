"""Options of the commands that a device is for, and the backend that they describe."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.backends.runtime import RuntimeBackend

_ACCOUNT = (
    "The account is the one that qiskit-ibm-runtime finds in its store or in the environment."
)
Device = Annotated[
    str,
    typer.Option(
        "--backend",
        help=f"runtime:DEVICE, such as runtime:ibm_fez, or runtime:least_busy. {_ACCOUNT}",
        show_default=False,
    ),
]
DeviceOrFake = Annotated[
    str,
    typer.Option(
        "--backend",
        help="runtime:DEVICE, such as runtime:ibm_fez, runtime:least_busy, or runtime:fake_DEVICE, "
        f"which needs no account. {_ACCOUNT}",
        show_default=False,
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="NAME|FILE",
        help="Rows to run; by default the run's own held-out rows.",
        show_default=False,
    ),
]
Target = Annotated[
    str | None,
    typer.Option("--target", help="Column of the file with the labels.", show_default=False),
]
Samples = Annotated[
    int | None,
    typer.Option("--samples", help="Only the first so many rows.", show_default=False),
]
Shots = Annotated[
    int | None,
    typer.Option("--shots", help="Shots per row; 4096 by default.", show_default=False),
]
Options = Annotated[
    Path | None,
    typer.Option(
        "--options",
        metavar="FILE.toml",
        help="Settings of the primitives: resilience_level, twirling, dynamical_decoupling, "
        "resilience (TREX, ZNE), execution, mode, precision, primitive.",
        show_default=False,
    ),
]
Resilience = Annotated[
    int | None,
    typer.Option(
        "--resilience",
        help="0: nothing. 1: readout errors undone (default). 2: gate twirling and zero-noise "
        "extrapolation besides.",
        show_default=False,
    ),
]
Mode = Annotated[
    str | None,
    typer.Option("--mode", help="job (default), batch or session.", show_default=False),
]
Repetition = Annotated[
    int | None,
    typer.Option(
        "--repetition",
        help="Work that was paid for is not sent again: another number asks for new shots.",
        show_default=False,
    ),
]
DeviceQubits = Annotated[
    str | None,
    typer.Option(
        "--device-qubits",
        metavar="Q,Q,...",
        help="Qubits to run on; by default those with the smallest expected error.",
        show_default=False,
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="TIME",
        help="QPU time that may be spent, such as 60s or 2min: nothing is sent that could exceed "
        "it.",
        show_default=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Submit without asking and without a budget.")]
LedgerFile = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        metavar="FILE",
        help="Ledger of jobs; by default $QMOE_LEDGER or ~/.qmoe/ledger.sqlite.",
        show_default=False,
    ),
]
Settle = Annotated[
    float | None,
    typer.Option(
        "--settle",
        metavar="SECONDS",
        help="After a lost answer, how long a job is looked for before it is sent again; 60 by "
        "default.",
        show_default=False,
    ),
]


def open_for_run(
    backend: str,
    run: Path,
    *,
    shots: int | None,
    options: Path | None,
    resilience: int | None,
    mode: str | None,
    repetition: int | None,
    device_qubits: str | None,
    ledger: Path | None,
    settle: float | None = None,
    budget_s: float | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> RuntimeBackend:
    """Open the backend that the options of a command describe, for a run.

    Equal options give equal keys of work in every command.

    Raises:
        InputError: If it is none of IBM's runtime, a setting is not accepted, or the run has no
            circuit: all this before the service is asked for anything.
        HardwareError: If the service refuses.
    """
    if backend == "statevector" or backend.startswith("noisy:"):
        raise InputError(
            f"backend {backend!r} is a simulation, which needs no submission: use qmoe evaluate, "
            "or name a device, such as runtime:ibm_fez or runtime:fake_torino"
        )
    if settle is not None and not 0 <= settle < math.inf:
        raise InputError(f"--settle must be seconds, 0 or more, got {settle:g}")
    from qmoe_qiskit.backends import open_backend
    from qmoe_qiskit.backends.runtime import RuntimeBackend
    from qmoe_qiskit.cli.options import qubits_from
    from qmoe_qiskit.hardware.options import read_options, runtime_options
    from qmoe_qiskit.hardware.remote import RemoteDevice
    from qmoe_qiskit.hardware.submission import Patience
    from qmoe_qiskit.runs.on_device import check_has_circuit

    check_has_circuit(run)
    in_file = {} if options is None else read_options(options)
    given = {"resilience_level": resilience, "mode": mode, "repetition": repetition}
    settings = runtime_options(in_file | {k: v for k, v in given.items() if v is not None})
    if not backend.startswith("runtime:fake_"):
        report("connecting to IBM Quantum")
    opened = open_backend(
        backend,
        shots=shots,
        seed=0,
        qubits=qubits_from(device_qubits),
        options=settings,
        ledger=ledger,
    )
    assert isinstance(opened, RuntimeBackend)
    if isinstance(opened.device, RemoteDevice):
        opened.device.budget_s, opened.device.report = budget_s, report
        if settle is not None:
            opened.device.patience = Patience(settle_s=settle)
    return replace(opened, title=str(run))
