"""Options of the commands for quantum hardware, and the request that they describe."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options.common import (
    SLOTS,
    SPACING,
    Command,
    give_options,
    option,
    qubits_from,
    slots_from,
)
from qmoe_qiskit.cli.output.documents import remark

if TYPE_CHECKING:
    from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
    from qmoe_qiskit.runs.on_hardware.prepare import Prepared
    from qmoe_qiskit.runs.on_hardware.request import DeviceRequest

_ACCOUNT = (
    "The account is the one that qiskit-ibm-runtime finds in its store or in the environment."
)
DeviceOrFake = Annotated[
    str,
    typer.Option(
        help="runtime:DEVICE, such as runtime:ibm_fez, runtime:least_busy, or runtime:fake_DEVICE, "
        f"which needs no account. {_ACCOUNT}"
    ),
]
_LEDGER = "Ledger of jobs; by default $QMOE_LEDGER or ~/.qmoe/ledger.sqlite."
LedgerFile = Annotated[Path | None, typer.Option(metavar="FILE", help=_LEDGER)]
Yes = Annotated[bool, typer.Option("--yes", help="Submit without asking and without a budget.")]

# The options that describe a request.
_REQUEST = [
    option("data", str, "Rows to evaluate; by default the run's own held-out rows.", "NAME|FILE"),
    option("target", str, "Column of the file with the labels; by default as in training."),
    option("samples", int, "Number of rows, from the start; by default all."),
    option("shots", int, "Number of shots per row; 4096 by default."),
    option(
        "options",
        Path,
        "Settings of the primitives: resilience_level, twirling, dynamical_decoupling, resilience "
        "(TREX, ZNE), execution, mode, precision, primitive.",
        "FILE.toml",
    ),
    option(
        "resilience",
        int,
        "0: no mitigation. 1: undo readout errors (default). 2: in addition, twirl gates and "
        "extrapolate to zero noise.",
    ),
    option("mode", str, "job (default), batch or session."),
    option(
        "repetition",
        int,
        "Work that was paid for is not sent again: another number asks for new shots.",
    ),
    option(
        "device_qubits",
        str,
        "Qubits to run on; by default those with the smallest expected error.",
        "Q,Q,...",
    ),
    option("slots", str, SLOTS, "auto|N"),
    option("spacing", int, SPACING),
    option(
        "budget",
        str,
        "QPU time that may be spent, such as 60s or 2min; work that could exceed it is not sent.",
        "TIME",
    ),
    option("ledger", Path, _LEDGER, "FILE"),
    option(
        "settle",
        float,
        "After a lost answer, time to look for the job before it is sent again; 180 by default.",
        "SECONDS",
    ),
]
# The values of these options.
DeviceOptions = dict[str, Any]


def device_options(*, without: Collection[str] = ()) -> Callable[[Command], Command]:
    """Return a decorator that gives a command the options, in place of its parameter `device`.

    Args:
        without: Parameters whose options the command does not have, or declares itself.
    """
    return give_options("device", [one for one in _REQUEST if one.name not in without])


def device_request(
    backend: str, device: DeviceOptions, *, file: Path | None = None, keep: tuple[str, ...] = ()
) -> DeviceRequest:
    """Return the request that options describe; equal options are equal work in every command.

    The rows are those that the options name, or those of a file to be predicted, some of whose
    columns are kept.

    Raises:
        InputError: If an option is not accepted, or the backend is a simulation.
    """
    from qmoe_qiskit.hardware.cost.budget import parse_seconds
    from qmoe_qiskit.hardware.options import read_options, runtime_options
    from qmoe_qiskit.runs.on_hardware.request import DeviceRequest

    rows: dict[str, Any] = {name: device.get(name) for name in ("data", "target", "samples")}
    settings = {name: device.get(name) for name in ("mode", "repetition")}
    settings["resilience_level"] = device["resilience"]
    given = {name: value for name, value in settings.items() if value is not None}
    settings_file, budget = device["options"], device.get("budget")
    return DeviceRequest(
        backend=backend,
        budget_s=None if budget is None else parse_seconds(budget),
        settle_s=device.get("settle"),
        options=runtime_options(
            ({} if settings_file is None else read_options(settings_file)) | given
        ),
        device_qubits=qubits_from(device["device_qubits"]),
        slots=slots_from(device["slots"]),
        spacing=device["spacing"],
        shots=device["shots"],
        ledger=device["ledger"],
        file=file,
        keep=keep,
        **rows,
    )


def prepare_on_device(
    run: runs.OpenedRun, request: DeviceRequest, report: Callable[[str], None]
) -> tuple[Prepared, RuntimeBackend]:
    """Lay a run's circuit out on the device that a request names; nothing is sent.

    What the device is doing is shown by `report`.

    Raises:
        InputError: If a setting is not accepted, or the device cannot run the circuit.
        HardwareError: If the service refuses.
    """
    from qmoe_qiskit.runs.on_hardware.prepare import prepare_rows, requested_rows

    # A run without a circuit and unusable rows are refused before the service is asked.
    run.load_circuit()
    rows = requested_rows(run, request)
    backend = open_on_device(run, request, report)
    return prepare_rows(run, backend, rows), backend


def open_on_device(
    run: runs.OpenedRun, request: DeviceRequest, report: Callable[[str], None]
) -> RuntimeBackend:
    """Open the device that a request names, for the circuit of a run, see `prepare_on_device`."""
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.runs.on_hardware.prepare import open_device

    if not request.is_fake:
        report("connecting to IBM Quantum")
    backend = open_device(request, run)
    if isinstance(backend.device, IBMDevice):
        client, backend.device.report = backend.device.client, report
        if len(client.instances) > 1:  # say which one pays
            remark(
                f"note: instance {client.instance!r} ({client.plan} plan) is used, of "
                f"{len(client.instances)}: QISKIT_IBM_INSTANCE names another"
            )
    return backend
