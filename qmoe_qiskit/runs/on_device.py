"""A run on quantum hardware: what it would cost, its submission, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.runs.evaluation import Evaluation, Rows, select_rows
from qmoe_qiskit.runs.execution import described, execution_of
from qmoe_qiskit.runs.loading import Run, load_run
from qmoe_qiskit.runs.metrics import Metric, observe, share_of, summarize

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.backends.runtime import RuntimeBackend
    from qmoe_qiskit.hardware.device import Device, Outcome
    from qmoe_qiskit.hardware.estimate import Estimate
    from qmoe_qiskit.hardware.work import Work


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an evaluation took of a device, all jobs together.

    Attributes:
        seconds: QPU time charged; 0 on this machine.
        executions: How often a circuit was executed.
        jobs: Ids of the service's jobs.
    """

    seconds: float
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
    """

    run: Run
    rows: Rows
    works: tuple[Work, ...]

    @property
    def device(self) -> Device:
        """Where the works are to be executed."""
        device: Device = self.run.classifier.backend_.device
        return device


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
    from qmoe_qiskit.backends.runtime_router import RuntimeRouter

    run = load_run(path, backend=backend)
    rows = select_rows(run, data, target=target, samples=samples)
    compiled = run.classifier.compiled_router
    if not isinstance(compiled, RuntimeRouter):
        raise InputError(f"router {run.router!r} is classical: it has no circuit to execute")
    works = [
        compiled.work(inputs_BF, weights_W)
        for inputs_BF, weights_W in run.classifier.circuit_arguments(rows.dataset.features_NF)
    ]
    return Prepared(run=run, rows=rows, works=tuple(works))


def estimate_prepared(prepared: Prepared) -> Estimate:
    """Return what a run's work would take of its device, as if it were a real one where it is fake.

    Raises:
        InputError: If the device cannot run it.
    """
    from qmoe_qiskit.hardware.estimate import combined, estimate_work
    from qmoe_qiskit.hardware.limits import limits_of
    from qmoe_qiskit.hardware.machine import machine_of
    from qmoe_qiskit.hardware.remote import RemoteDevice

    device = prepared.device
    if isinstance(device, RemoteDevice):
        estimates = [device.estimate(work) for work in prepared.works]
    else:
        machine = machine_of(device.backend, name=device.name)
        estimates = [estimate_work(w, machine, limits_of(None)) for w in prepared.works]
    return combined(estimates)


def evaluate_prepared(prepared: Prepared) -> DeviceEvaluation:
    """Measure a run's model on a device; work whose results are in the ledger is not sent again.

    Returns:
        The metrics of `evaluate_run`; routing_flips, the share of rows that another expert serves
        than by the exact router; and router_std_error, the mean standard error of the circuit's
        outputs.

    Raises:
        HardwareError: If the service refuses or loses something; what was done stays recorded.
    """
    from qmoe_qiskit.backends.runtime_router import RuntimeRouter

    run, dataset = prepared.run, prepared.rows.dataset
    exact = observe(
        load_run(run.path, backend="statevector").classifier,
        dataset.features_NF,
        dataset.labels_N,
    )
    compiled = run.classifier.compiled_router
    assert isinstance(compiled, RuntimeRouter)
    compiled.outcomes.clear()
    observed = observe(run.classifier, dataset.features_NF, dataset.labels_N)
    outcomes: list[Outcome] = list(compiled.outcomes)
    execution = execution_of(run.classifier)
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
            "router_std_error": Metric(
                value=float(errors.mean()), uncertainty=None, produced_by=produced_by
            ),
        },
        cost=Cost(
            seconds=sum(outcome.seconds for outcome in outcomes),
            executions=sum(outcome.executions for outcome in outcomes),
            jobs=tuple(job for outcome in outcomes for job in outcome.job_ids),
        ),
    )
