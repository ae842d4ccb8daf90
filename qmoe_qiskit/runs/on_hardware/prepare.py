"""A run's rows, ready for a device: the works that would be executed, and their estimated cost."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from qmoe_qiskit.backends import BackendSpec, open_backend
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.backends.runtime.compiled_router import RuntimeRouter
from qmoe_qiskit.errors import NO_NAMES, InputError, OutOfRangeWarning
from qmoe_qiskit.hardware.cost.device_timing import device_timing
from qmoe_qiskit.hardware.cost.estimate import CostEstimate, combine_estimates, estimate_work
from qmoe_qiskit.hardware.cost.plan_limits import plan_limits
from qmoe_qiskit.hardware.devices.fake import FakeDevice
from qmoe_qiskit.hardware.devices.ibm import IBMDevice
from qmoe_qiskit.hardware.devices.protocol import Device
from qmoe_qiskit.hardware.work import WorkUnit
from qmoe_qiskit.runs.evaluation import EvaluationRows, select_rows
from qmoe_qiskit.runs.on_hardware.recording_device import OutcomeRecorder
from qmoe_qiskit.runs.on_hardware.request import DeviceRequest
from qmoe_qiskit.runs.predictions import FileRows, read_rows
from qmoe_qiskit.runs.store.loading import OpenedRun, Run, require_classes
from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A run's rows, ready for a device.

    Attributes:
        run: The run, with its circuit on the device.
        rows: Rows to be evaluated, or to be predicted.
        works: Work that the device would have to execute.
        recorder: The device, with a record of the outcomes that it returns.
    """

    run: Run
    rows: EvaluationRows | FileRows
    works: tuple[WorkUnit, ...]
    recorder: OutcomeRecorder

    def __repr__(self) -> str:
        return f"<Prepared: {self.rows} on {self.device.name!r}, {len(self.works)} units of work>"

    @property
    def device(self) -> Device:
        """The device that is to execute the works."""
        return self.recorder.device


def open_device(request: DeviceRequest, run: OpenedRun) -> RuntimeBackend:
    """Open the backend that a request names, for the circuit of a run.

    Raises:
        InputError: If the router is classical or a setting is not accepted: all this is found
            before the service is asked.
        HardwareError: If the service refuses.
    """
    require_classes(run, "an evaluation on a device")
    request = request.for_run(run)
    opened = open_backend(
        request.backend,
        shots=request.shots,
        seed=request.seed,
        qubits=request.device_qubits,
        options=request.options,
        ledger=None if request.is_fake else request.ledger,
        n_qubits=run.load_circuit().n_qubits,
        slots=request.slots,
        spacing=request.spacing,
    )
    assert isinstance(opened, RuntimeBackend)
    device = opened.device
    if isinstance(device, IBMDevice):
        device.budget_s = request.budget_s
        if request.settle_s is not None:
            device.timeouts = replace(device.timeouts, settle_s=request.settle_s)
    elif request.options.repetition:  # new shots, on the qubits of the first time
        seeds = np.random.SeedSequence([request.seed, request.options.repetition])
        seed = int(seeds.generate_state(1)[0])
        opened = replace(opened, device=FakeDevice(device.name, seed=seed))
    return replace(opened, title=str(run.path))


def prepare_run(
    run: OpenedRun,
    backend: RuntimeBackend,
    data: str | Path | None = None,
    *,
    target: str | None = None,
    samples: int | None = None,
) -> Prepared:
    """Lay a run's circuit out on a device, for some rows, see `evaluate_run`; nothing is sent.

    Raises:
        InputError: If the device cannot run the circuit, the router is classical, or the data
            cannot be used.
        RunError: If the run cannot be used.
    """
    rows = select_rows(run, data, target=target, samples=samples)
    return prepare_rows(run, backend, rows)


def requested_rows(run: OpenedRun, request: DeviceRequest) -> EvaluationRows | FileRows:
    """Return the rows that a request is about.

    Raises:
        InputError: If the data cannot be used.
        RunError: If the run's own data have changed.
    """
    if request.file is not None:
        return read_rows(run, request.file, keep=request.keep)
    return select_rows(run, request.data, target=request.target, samples=request.samples)


def prepare_rows(
    run: OpenedRun, backend: RuntimeBackend, rows: EvaluationRows | FileRows
) -> Prepared:
    """Lay a run's circuit out on a device, for rows that were selected; nothing is sent.

    Raises:
        InputError: If the device cannot run the circuit, or the router is classical.
        RunError: If the run cannot be used.
    """
    recorder = OutcomeRecorder(backend.device)
    loaded = run.load(BackendSpec(backend=replace(backend, device=recorder)))
    compiled = loaded.classifier.compiled_router
    if not isinstance(compiled, RuntimeRouter):
        raise InputError(f"router {run.router!r} is classical: it has no circuit to execute")
    works = tuple(compiled.work(*arguments) for arguments in circuit_arguments(loaded, rows))
    return Prepared(run=loaded, rows=rows, works=works, recorder=recorder)


def circuit_arguments(
    run: Run, rows: EvaluationRows | FileRows
) -> list[tuple[FloatArray, FloatArray]]:
    """Return inputs (B, F) and weights (W,) of each evaluation of a run's circuit on some rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)  # the evaluation counts them
        warnings.filterwarnings("ignore", NO_NAMES)  # the columns are in the model's order
        evaluations: list[tuple[FloatArray, FloatArray]] = run.classifier.circuit_arguments(
            rows.features_NF
        )
        return evaluations


def estimate_prepared(prepared: Prepared) -> CostEstimate:
    """Return what a run's work would cost; on a fake, what it would cost on the real device.

    Raises:
        InputError: If the device cannot run the work.
    """
    return combine_estimates(estimate_works(prepared))


def estimate_works(prepared: Prepared) -> list[CostEstimate]:
    """Return the estimates of a run's works, see `estimate_prepared`."""
    return estimate_on(prepared.device, prepared.works)


def estimate_on(device: Device, works: Sequence[WorkUnit]) -> list[CostEstimate]:
    """Return the estimates of works on a device, see `estimate_prepared`."""
    if isinstance(device, IBMDevice):
        return [device.estimate(work) for work in works]
    timing = device_timing(device.backend, name=device.name)
    return [estimate_work(work, timing, plan_limits(None)) for work in works]
