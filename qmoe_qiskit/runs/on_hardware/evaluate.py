"""The evaluation of a run on quantum hardware: its work, its estimated cost, its metrics."""

import warnings
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
from qmoe_qiskit.hardware.devices.ibm import IBMDevice
from qmoe_qiskit.hardware.devices.protocol import Device
from qmoe_qiskit.hardware.jobs.work_records import load_work
from qmoe_qiskit.hardware.ledger.records import JobRecord
from qmoe_qiskit.hardware.work import WorkUnit
from qmoe_qiskit.noise_profiles import NoiseProfile
from qmoe_qiskit.runs.evaluation import Evaluation, EvaluationRows, select_rows
from qmoe_qiskit.runs.metrics import Metric, observe, share_of, summarize
from qmoe_qiskit.runs.on_hardware.recording_device import OutcomeRecorder
from qmoe_qiskit.runs.on_hardware.request import DeviceRequest
from qmoe_qiskit.runs.provenance import (
    CalibrationRecord,
    Execution,
    described,
    execution_of,
    stated,
)
from qmoe_qiskit.runs.store.loading import OpenedRun, Run
from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an evaluation cost on a device, all jobs together.

    Attributes:
        seconds: Charged QPU time; 0 on this machine.
        estimated_seconds: QPU time as estimated before submission; 0 on this machine.
        executions: Number of circuit executions.
        jobs: Ids of the service's jobs.
    """

    seconds: float
    estimated_seconds: float
    executions: int
    jobs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class DeviceEvaluation(Evaluation):
    """Metrics of a run's model whose circuit ran on a device, real or fake.

    Attributes:
        cost: What the evaluation cost.
    """

    cost: Cost


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A run's rows, ready for a device.

    Attributes:
        run: The run, with its circuit on the device.
        rows: Rows to be evaluated.
        works: Work that the device would have to execute.
        recorder: The device, with a record of the outcomes that it returns.
    """

    run: Run
    rows: EvaluationRows
    works: tuple[WorkUnit, ...]
    recorder: OutcomeRecorder

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
    opened = open_backend(
        request.backend,
        shots=request.shots,
        seed=request.seed,
        qubits=request.device_qubits,
        options=request.options,
        ledger=request.ledger,
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
    recorder = OutcomeRecorder(backend.device)
    loaded = run.load(BackendSpec(backend=replace(backend, device=recorder)))
    rows = select_rows(loaded, data, target=target, samples=samples)
    compiled = loaded.classifier.compiled_router
    if not isinstance(compiled, RuntimeRouter):
        raise InputError(f"router {run.router!r} is classical: it has no circuit to execute")
    works = tuple(compiled.work(*arguments) for arguments in circuit_arguments(loaded, rows))
    return Prepared(run=loaded, rows=rows, works=works, recorder=recorder)


def circuit_arguments(run: Run, rows: EvaluationRows) -> list[tuple[FloatArray, FloatArray]]:
    """Return inputs (B, F) and weights (W,) of each evaluation of a run's circuit on some rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)  # the evaluation counts them
        warnings.filterwarnings("ignore", NO_NAMES)  # the columns are in the model's order
        return run.classifier.circuit_arguments(rows.dataset.features_NF)


def estimate_prepared(prepared: Prepared) -> CostEstimate:
    """Return what a run's work would cost; on a fake, what it would cost on the real device.

    Raises:
        InputError: If the device cannot run the work.
    """
    device = prepared.device
    if isinstance(device, IBMDevice):
        estimates = [device.estimate(work) for work in prepared.works]
    else:
        timing = device_timing(device.backend, name=device.name)
        estimates = [estimate_work(w, timing, plan_limits(None)) for w in prepared.works]
    return combine_estimates(estimates)


def evaluate_prepared(prepared: Prepared) -> DeviceEvaluation:
    """Measure a run's model on a device; work whose results are in the ledger is not sent again.

    Returns:
        The metrics of `evaluate_run`; routing_flips, the share of rows that the exact router sends
        to another expert; and router_std_error, the mean standard error of the circuit's outputs,
        if it is known.

    Raises:
        HardwareError: If the service refuses or loses a job; what was done stays recorded.
    """
    run, dataset = prepared.run, prepared.rows.dataset
    exactly = run.load(BackendSpec(backend="statevector"))
    exact = observe(exactly.classifier, dataset.features_NF, dataset.labels_N)
    outcomes = prepared.recorder.outcomes
    outcomes.clear()
    observed = observe(run.classifier, dataset.features_NF, dataset.labels_N)
    execution = _as_recorded(execution_of(run.classifier), prepared)
    produced_by = f"{prepared.rows}; {described(run.router, execution)}, seed {run.manifest.seed}"
    errors = np.concatenate([outcome.std_errors_PO.ravel() for outcome in outcomes])
    return DeviceEvaluation(
        data=dataset.name,
        rows=prepared.rows.kind,
        n_rows=prepared.rows.n_rows,
        execution=execution,
        metrics={
            **summarize(observed, produced_by),
            "routing_flips": share_of(observed.experts_N != exact.experts_N, produced_by),
            **_mean_error(errors, produced_by),
        },
        cost=Cost(
            seconds=sum(outcome.seconds for outcome in outcomes),
            estimated_seconds=sum(job.estimated_seconds for job in _jobs(prepared)),
            executions=sum(outcome.executions for outcome in outcomes),
            jobs=tuple(job for outcome in outcomes for job in outcome.job_ids),
        ),
    )


def _mean_error(errors: FloatArray, produced_by: str) -> dict[str, Metric]:
    """Return router_std_error; extrapolation from few shots leaves some or all outputs without."""
    known = errors[np.isfinite(errors)]
    if not len(known):
        return {}
    left_out = len(errors) - len(known)
    if left_out:
        produced_by += f"; without the {left_out} of {len(errors)} outputs that have no such error"
    value = float(known.mean())
    return {"router_std_error": Metric(value=value, uncertainty=None, produced_by=produced_by)}


def _as_recorded(execution: Execution | None, prepared: Prepared) -> Execution | None:
    """Return what the jobs ran on, which another process may have created earlier.

    Such jobs ran on the qubits, under the calibration, in the mode and, with "runtime:least_busy",
    on the device of that time.
    """
    ledger = prepared.device.ledger
    if execution is None or ledger is None:
        return execution
    record = ledger.work(prepared.works[0].key)
    assert record is not None
    found = [job.calibration_hash for job in _jobs(prepared) if job.calibration_hash is not None]
    calibration = NoiseProfile.loads(ledger.calibration(found[0])) if found else None
    return replace(
        execution,
        backend=f"runtime:{record.device}",
        calibration=None if calibration is None else CalibrationRecord.of(calibration),
        physical_qubits=record.physical_qubits,
        slots=None
        if execution.slots is None
        else len(record.physical_qubits) // prepared.run.load_circuit().n_qubits,
        instance=record.instance,
        **stated(load_work(record).options),
    )


def _jobs(prepared: Prepared) -> list[JobRecord]:
    """Return the jobs of a run's works in the ledger; a fake has no ledger and no jobs."""
    ledger = prepared.device.ledger
    if ledger is None:
        return []
    return [job for work in prepared.works for job in ledger.jobs(work.key)]
