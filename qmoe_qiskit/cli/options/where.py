"""The options of commands that run a circuit on a device of IBM Quantum or on a simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.consent import agree
from qmoe_qiskit.cli.options import common, hardware
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.cli.output.interruption import Waiting
    from qmoe_qiskit.runs.on_hardware.prepare import Prepared
    from qmoe_qiskit.runs.on_hardware.request import DeviceRequest

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
        help="Number of shots per row; by default as in training, with --backend runtime:... 4096, "
        "and with another --backend exact values."
    ),
]


def requested_device(
    backend: str | None,
    given: hardware.DeviceOptions,
    *,
    mitigation: str | None,
    yes: bool,
    file: Path | None = None,
    keep: tuple[str, ...] = (),
) -> DeviceRequest | None:
    """Return the request for a device, or None if the options name a simulation.

    Args:
        backend: The option --backend.
        given: The options for devices, with shots and device_qubits.
        mitigation: The option --mitigation, which is for simulations.
        yes: The option --yes, which is for devices.
        file: File of rows to predict, see `hardware.device_request`.
        keep: Columns of that file that are kept.

    Raises:
        InputError: If an option is not for the backend, or is not accepted.
    """
    paid = {"--yes": yes or None} | {f"--{name}": given[name] for name in ("budget", "settle")}
    if backend is None or not backend.startswith("runtime:"):
        others = ("options", "resilience", "mode", "repetition", "ledger")
        _refuse(backend, {f"--{name}": given[name] for name in others} | paid)
        return None
    if mitigation is not None:
        raise InputError(
            f"--mitigation is for --backend noisy:DEVICE: {backend} mitigates by --resilience"
        )
    if backend.startswith("runtime:fake_"):
        _refuse(backend, paid)
    return hardware.device_request(backend, given, file=file, keep=keep)


def load_simulated(
    run_folder: Path, backend: str | None, given: hardware.DeviceOptions, *, mitigation: str | None
) -> runs.Run:
    """Load a run whose circuit is simulated; arguments are those of `requested_device`.

    Raises:
        InputError: If a setting is not accepted.
        RunError: If the run cannot be used.
    """
    return runs.load_run(
        run_folder,
        backend=backend,
        shots=given["shots"],
        mitigation=mitigation,
        device_qubits=common.qubits_from(given["device_qubits"]),
        slots=common.slots_from(given["slots"]),
        spacing=given["spacing"],
    )


def prepare_with_consent(
    run: runs.OpenedRun, request: DeviceRequest, shown: Waiting, *, yes: bool, quiet: bool
) -> Prepared:
    """Prepare work whose results are in the ledger, or that the user agrees to pay for.

    Raises:
        BudgetError: If the estimate exceeds the budget: nothing was sent.
        InputError: If a setting is not accepted, or nobody can be asked.
        HardwareError: If the service refuses.
    """
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.runs.on_hardware.from_ledger import prepare_from_ledger

    prepared = prepare_from_ledger(run, request)
    if prepared is None:
        prepared, backend = hardware.prepare_on_device(run, request, shown)
        if isinstance(backend.device, IBMDevice):
            agree(prepared, backend.device, shown, yes=yes, quiet=quiet)
    return prepared


def _refuse(backend: str | None, given: dict[str, object]) -> None:
    """Refuse options for devices if the backend is not a device."""
    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"{name} is for a device of IBM Quantum, such as --backend runtime:ibm_fez, not "
                f"for {backend or 'the backend of training'}: omit it"
            )
