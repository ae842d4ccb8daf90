"""The evaluation of a run on quantum hardware: metrics, predictions, and what they cost."""

from dataclasses import dataclass, field, fields, replace

import numpy as np

from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.hardware.jobs.work_records import load_work
from qmoe_qiskit.hardware.ledger.records import JobRecord
from qmoe_qiskit.noise_profiles import NoiseProfile
from qmoe_qiskit.runs.evaluation import Evaluation, EvaluationRows
from qmoe_qiskit.runs.metrics import Metric, Observed, observe, share_of, summarize
from qmoe_qiskit.runs.on_hardware.prepare import Prepared
from qmoe_qiskit.runs.predictions import FileRows, Predictions, predict_rows
from qmoe_qiskit.runs.provenance import (
    CalibrationRecord,
    Execution,
    described,
    execution_of,
    stated,
)
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


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DeviceEvaluation(Evaluation):
    """Metrics of a run's model whose circuit ran on a device, real or fake.

    Attributes:
        cost: What the evaluation cost.
        exact: What the exact circuit gives for each row.
        jobs: The jobs in the ledger; none on this machine.
        notes: What must be said of the metrics, in sentences.
    """

    cost: Cost
    exact: Observed = field(repr=False, compare=False)
    jobs: tuple[JobRecord, ...] = field(default=(), repr=False, compare=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DevicePredictions(Predictions):
    """Predictions of a run's model whose circuit ran on a device, real or fake.

    Attributes:
        cost: What they cost.
        notes: What must be said of the standard errors, in sentences.
    """

    cost: Cost
    notes: tuple[str, ...] = ()


def evaluate_prepared(prepared: Prepared) -> DeviceEvaluation:
    """Measure a run's model on a device; work whose results are in the ledger is not sent again.

    Returns:
        The metrics of `evaluate_run`; routing_flips, the share of rows that the exact router sends
        to another expert; and router_std_error, the mean standard error of the circuit's outputs,
        if it is known.

    Raises:
        HardwareError: If the service refuses or loses a job; what was done stays recorded.
    """
    run, rows = prepared.run, prepared.rows
    assert isinstance(rows, EvaluationRows)
    dataset = rows.dataset
    exactly = run.load(BackendSpec(backend="statevector"))
    exact = observe(exactly.classifier.whole_mixture(), dataset.features_NF, dataset.labels_N)
    outcomes = prepared.recorder.outcomes
    outcomes.clear()
    observed = observe(run.classifier, dataset.features_NF, dataset.labels_N)
    execution = _as_recorded(execution_of(run.classifier), prepared)
    how = described(run.router, execution, run.classifier.drawn_votes)
    produced_by = f"{rows}; {how}, seed {run.manifest.seed}"
    errors = np.concatenate([outcome.std_errors_PO.ravel() for outcome in outcomes])
    mean_error = _mean_error(errors, produced_by)
    return DeviceEvaluation(
        data=dataset.name,
        rows=rows.kind,
        n_rows=rows.n_rows,
        execution=execution,
        metrics={
            **summarize(observed, produced_by),
            "routing_flips": share_of(observed.experts_N != exact.experts_N, produced_by),
            **mean_error,
        },
        notes=_notes(prepared) if mean_error else (),
        selected=rows,
        observed=observed,
        cost=_cost(prepared),
        exact=exact,
        jobs=tuple(_jobs(prepared)),
    )


def predict_prepared(prepared: Prepared) -> DevicePredictions:
    """Predict rows of a file on a device; what the ledger has results of is not sent again.

    Raises:
        HardwareError: If the service refuses or loses a job; what was done stays recorded.
    """
    run, rows = prepared.run, prepared.rows
    assert isinstance(rows, FileRows)
    prepared.recorder.outcomes.clear()
    found = predict_rows(run, rows)
    parts = {part.name: getattr(found, part.name) for part in fields(Predictions)}
    parts["execution"] = _as_recorded(execution_of(run.classifier), prepared)
    return DevicePredictions(**parts, cost=_cost(prepared), notes=_notes(prepared))


def _notes(prepared: Prepared) -> tuple[str, ...]:
    return prepared.works[0].std_error_notes if prepared.works else ()


def _cost(prepared: Prepared) -> Cost:
    outcomes = prepared.recorder.outcomes
    return Cost(
        seconds=sum(outcome.seconds for outcome in outcomes),
        estimated_seconds=sum(job.estimated_seconds for job in _jobs(prepared)),
        executions=sum(outcome.executions for outcome in outcomes),
        jobs=tuple(job for outcome in outcomes for job in outcome.job_ids),
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
