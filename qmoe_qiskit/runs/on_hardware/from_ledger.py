"""Evaluating a hardware run from the results that the ledger holds; no service is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.backends.runtime.compiled_router import Layout, request_key
from qmoe_qiskit.backends.slots.request import slot_request
from qmoe_qiskit.hardware.devices.from_ledger import LedgerDevice
from qmoe_qiskit.hardware.jobs.local import LOCAL
from qmoe_qiskit.hardware.jobs.work_records import load_work
from qmoe_qiskit.hardware.ledger.current_jobs import has_all_results
from qmoe_qiskit.hardware.ledger.schema import ledger_path
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.service import account
from qmoe_qiskit.runs.on_hardware.prepare import Prepared, circuit_arguments, requested_rows
from qmoe_qiskit.runs.on_hardware.recording_device import OutcomeRecorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmoe_qiskit.backends.slots.request import SlotRequest
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.hardware.work import WorkUnit
    from qmoe_qiskit.runs.on_hardware.request import DeviceRequest
    from qmoe_qiskit.runs.store.loading import OpenedRun
    from qmoe_qiskit.typing import FloatArray


def prepare_from_ledger(run: OpenedRun, request: DeviceRequest) -> Prepared | None:
    """Return what `prepare_run` returns, from a ledger alone; None if the ledger lacks a result.

    By then the device may be retired, the account closed, or the network down.

    Raises:
        InputError: If the data cannot be used.
        RunError: If the run cannot be used.
        LedgerError: If the ledger cannot be read.
    """
    if request.is_fake and not ledger_path(request.ledger).exists():
        return None  # nothing was recorded, and nothing needs to be
    request = request.for_run(run)
    ledger = Ledger(request.ledger)
    prepared = _prepare(run, request, ledger)
    if prepared is None:
        ledger.close()
    return prepared


def _prepare(run: OpenedRun, request: DeviceRequest, ledger: Ledger) -> Prepared | None:
    exact = run.load(BackendSpec(backend="statevector"))
    compiled = exact.classifier.compiled_router
    if compiled is None:
        return None
    rows = requested_rows(run, request)
    found = recorded_backend(
        compiled.router,
        circuit_arguments(exact, rows),
        request,
        ledger,
        slots=slot_request(request.slots, request.spacing),
    )
    if found is None:
        return None
    backend, works = found
    recorder = OutcomeRecorder(backend.device)
    loaded = run.load(BackendSpec(backend=replace(backend, device=recorder)))
    return Prepared(run=loaded, rows=rows, works=works, recorder=recorder)


def recorded_backend(
    router: RouterCircuit,
    arguments: Sequence[tuple[FloatArray, FloatArray]],
    request: DeviceRequest,
    ledger: Ledger,
    *,
    slots: SlotRequest | None,
) -> tuple[RuntimeBackend, tuple[WorkUnit, ...]] | None:
    """Return a backend that returns recorded results, and their works; None if one is missing.

    Args:
        router: The circuit.
        arguments: Inputs and weights of each work, in radians.
        request: The device and how it is used.
        ledger: The ledger; it stays open.
        slots: The slots in which the works ran.
    """
    service = LOCAL if request.is_fake else account.service_name()
    n_shots = request.options.shots(request.shots)
    keys = [
        request_key(
            "values",
            router,
            inputs_BF,
            weights_W,
            spec=request.backend,
            service=service,
            options=request.options,
            shots=n_shots,
            qubits=request.device_qubits,
            seed=request.seed,
            slots=slots,
        )
        for inputs_BF, weights_W in arguments
    ]
    if not keys or not all(has_all_results(key, ledger) for key in keys):
        return None
    records = [record for key in keys if (record := ledger.work(key)) is not None]
    works = tuple(map(load_work, records))
    backend = RuntimeBackend(
        name=request.backend,
        device=LedgerDevice(records[0], ledger, service=service),
        options=request.options,
        shots=n_shots,
        seed=request.seed,
        qubits=request.device_qubits,
        slots=slots,
        layout=Layout(
            circuit=works[0].circuit, physical_qubits=works[0].physical_qubits, profile=None
        ),
    )
    return backend, works
