"""A run on quantum hardware: what it would cost, its submission, and what came of it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.errors import InputError, OutOfRangeWarning
from qmoe_qiskit.runs.evaluation import Evaluation, Rows, select_rows
from qmoe_qiskit.runs.metrics import Metric, observe, share_of, summarize
from qmoe_qiskit.runs.on_hardware.recording_device import OutcomeRecorder
from qmoe_qiskit.runs.provenance import (
    CalibrationRecord,
    Execution,
    described,
    execution_of,
    stated,
)
from qmoe_qiskit.runs.store.loading import Run, load_run, read_run

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.hardware.cost.estimate import CostEstimate
    from qmoe_qiskit.hardware.devices.protocol import Device
    from qmoe_qiskit.hardware.ledger.records import JobRecord
    from qmoe_qiskit.hardware.work import WorkUnit
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an evaluation took of a device, all jobs together.

    Attributes:
        seconds: QPU time charged; 0 on this machine.
        estimated_seconds: QPU time as estimated before it was sent; 0 on this machine.
        executions: How often a circuit was executed.
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
        cost: What it took.
    """

    cost: Cost


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A run's rows, ready for a device.

    Attributes:
        run: The run, with its circuit on the device.
        rows: What is to be evaluated.
        works: What the device would have to execute.
        watched: The device, keeping what comes back from it.
    """

    run: Run
    rows: Rows
    works: tuple[WorkUnit, ...]
    watched: OutcomeRecorder

    @property
    def device(self) -> Device:
        """Where the works are to be executed."""
        return self.watched.device


def circuit_of(path: str | Path) -> RouterCircuit:
    """Return a run's circuit.

    Raises:
        InputError: If its router is classical.
        RunError: If the run cannot be used.
    """
    from qmoe_qiskit.circuits import RouterCircuit

    record = read_run(path)
    if record.circuit is None:
        raise InputError(f"router {record.router!r} is classical: it has no circuit to execute")
    return RouterCircuit.from_qpy(record.circuit)


def prepare_run(
    path: str | Path,
    backend: RuntimeBackend,
    data: str | Path | None = None,
    *,
    target: str | None = None,
    samples: int | None = None,
) -> Prepared:
    """Lay a run's circuit out on a device, for some rows; nothing is sent.

    Args:
        path: The run's folder.
        backend: The device.
        data: See `evaluate_run`.
        target: See `evaluate_run`.
        samples: See `evaluate_run`.

    Raises:
        InputError: If the device cannot run the circuit, the router is classical, or the data
            cannot be used.
        RunError: If the run cannot be used.
    """
    from qmoe_qiskit.backends.runtime.compiled_router import RuntimeRouter

    watched = OutcomeRecorder(backend.device)
    run = load_run(path, backend=replace(backend, device=watched))
    rows = select_rows(run, data, target=target, samples=samples)
    compiled = run.classifier.compiled_router
    if not isinstance(compiled, RuntimeRouter):
        raise InputError(f"router {run.router!r} is classical: it has no circuit to execute")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)  # the evaluation counts them
        arguments = run.classifier.circuit_arguments(rows.dataset.features_NF)
    works = tuple(compiled.work(inputs_BF, weights_W) for inputs_BF, weights_W in arguments)
    return Prepared(run=run, rows=rows, works=works, watched=watched)


def estimate_prepared(prepared: Prepared) -> CostEstimate:
    """Return what a run's work would take of its device, as if it were a real one where it is fake.

    Raises:
        InputError: If the device cannot run it.
    """
    from qmoe_qiskit.hardware.cost.device_timing import device_timing
    from qmoe_qiskit.hardware.cost.estimate import combine_estimates, estimate_work
    from qmoe_qiskit.hardware.cost.plan_limits import plan_limits
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice

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
        The metrics of `evaluate_run`; routing_flips, the share of rows that another expert serves
        than by the exact router; and router_std_error, the mean standard error of the circuit's
        outputs, where there is one.

    Raises:
        HardwareError: If the service refuses or loses something; what was done stays recorded.
    """
    run, dataset = prepared.run, prepared.rows.dataset
    exact = observe(
        load_run(run.path, backend="statevector").classifier,
        dataset.features_NF,
        dataset.labels_N,
    )
    outcomes = prepared.watched.outcomes
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
    """Return router_std_error; extrapolation by few shots leaves some outputs, or all, without."""
    known = errors[np.isfinite(errors)]
    if not len(known):
        return {}
    left_out = len(errors) - len(known)
    if left_out:
        produced_by += f"; without the {left_out} of {len(errors)} outputs that have no such error"
    value = float(known.mean())
    return {"router_std_error": Metric(value=value, uncertainty=None, produced_by=produced_by)}


def _as_recorded(execution: Execution | None, prepared: Prepared) -> Execution | None:
    """Return what the jobs ran on, which may have been created earlier than this process.

    Then they ran on the qubits, under the calibration, in the mode and, with "runtime:least_busy",
    on the device of then.
    """
    from qmoe_qiskit.hardware.jobs.work_records import load_work
    from qmoe_qiskit.noise_profiles import NoiseProfile

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
        instance=record.instance,
        **stated(load_work(record).options),
    )


def _jobs(prepared: Prepared) -> list[JobRecord]:
    """Return the jobs of a run's works in the ledger; none on this machine."""
    ledger = prepared.device.ledger
    if ledger is None:
        return []
    return [job for work in prepared.works for job in ledger.jobs(work.key)]
