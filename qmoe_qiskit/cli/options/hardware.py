"""Options of the commands that a device is for, and the backend that they describe."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qmoe_qiskit.cli.output.documents import remark
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
    from qmoe_qiskit.hardware.options import RuntimeOptions
    from qmoe_qiskit.hardware.service.client import Client
    from qmoe_qiskit.runs.on_hardware.evaluate import Prepared

# Of Qiskit's routing: the same for all commands, for it is part of what makes work equal.
SEED = 0

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
        help="WorkUnit that was paid for is not sent again: another number asks for new shots.",
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
        help="After a lost answer, how long a job is looked for before it is sent again; 180 by "
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
    from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
    from qmoe_qiskit.cli.options.common import qubits_from
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.runs.on_hardware.evaluate import circuit_of

    router = circuit_of(run)
    settings = runtime_settings(options, resilience, mode, repetition)
    if not backend.startswith("runtime:fake_"):
        report("connecting to IBM Quantum")
    opened = open_backend(
        backend,
        shots=shots,
        seed=SEED,
        qubits=qubits_from(device_qubits),
        options=settings,
        ledger=ledger,
        n_qubits=router.n_qubits,
    )
    assert isinstance(opened, RuntimeBackend)
    if isinstance(opened.device, IBMDevice):
        device = opened.device
        _name_instance(device.client)
        device.budget_s, device.report = budget_s, report
        if settle is not None:
            device.timeouts = replace(device.timeouts, settle_s=settle)
    return replace(opened, title=str(run))


def _name_instance(client: Client) -> None:
    """Say which instance pays, where there is a choice."""
    n_instances = len(client.instances)
    if n_instances > 1:
        remark(
            f"note: instance {client.instance!r} ({client.plan} plan) is used, of {n_instances}: "
            "QISKIT_IBM_INSTANCE names another"
        )


def recorded_for_run(
    backend: str,
    run: Path,
    data: str | None,
    *,
    target: str | None,
    samples: int | None,
    shots: int | None,
    options: Path | None,
    resilience: int | None,
    mode: str | None,
    repetition: int | None,
    device_qubits: str | None,
    ledger: Path | None,
) -> Prepared | None:
    """Return a run on a device, if the ledger has all that it takes: nobody is asked then.

    Raises:
        InputError: If a setting is not accepted.
        LedgerError: If the ledger cannot be used.
    """
    from qmoe_qiskit.cli.options.common import qubits_from
    from qmoe_qiskit.hardware.ledger.store import Ledger
    from qmoe_qiskit.runs.on_hardware.from_ledger import prepare_recorded

    records = Ledger(ledger)
    prepared = prepare_recorded(
        run,
        backend,
        records,
        data,
        options=runtime_settings(options, resilience, mode, repetition),
        shots=shots,
        seed=SEED,
        qubits=qubits_from(device_qubits),
        target=target,
        samples=samples,
    )
    if prepared is None:
        records.close()
    return prepared


def runtime_settings(
    options: Path | None, resilience: int | None, mode: str | None, repetition: int | None
) -> RuntimeOptions:
    """Return what a file and the options of a command say, the latter first.

    Raises:
        InputError: If what comes of both is not accepted.
    """
    from qmoe_qiskit.hardware.options import read_options, runtime_options

    in_file = {} if options is None else read_options(options)
    given = {"resilience_level": resilience, "mode": mode, "repetition": repetition}
    return runtime_options(in_file | {k: v for k, v in given.items() if v is not None})
