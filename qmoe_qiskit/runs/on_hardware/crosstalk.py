"""What crosstalk costs on a device: the same points in the best slot, alone and beside others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.backends.slots.runtime import PackedRouter
from qmoe_qiskit.errors import HardwareError, InputError
from qmoe_qiskit.hardware.devices.ibm import IBMDevice
from qmoe_qiskit.hardware.work import Outcome
from qmoe_qiskit.runs.on_hardware.evaluate import Cost
from qmoe_qiskit.runs.on_hardware.prepare import Prepared, circuit_arguments, prepare_run
from qmoe_qiskit.runs.store.loading import OpenedRun
from qmoe_qiskit.stats.crosstalk import CrosstalkTest, crosstalk_test
from qmoe_qiskit.typing import FloatArray

# With fewer points no sign-flip test can reach the level.
FEWEST_POINTS = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Crosstalk:
    """What crosstalk costs.

    Attributes:
        device: Name of the device.
        qubits: Device qubits of the slot that was compared.
        n_slots: Number of slots beside which it was measured, itself included.
        n_points: Number of points.
        shots: Number of shots per point, in each of the two measurements.
        test: The comparison.
        cost: What both measurements cost.
        simulated: Whether the device was a fake, whose noise has no crosstalk.
    """

    device: str
    qubits: tuple[int, ...]
    n_slots: int
    n_points: int
    shots: int
    test: CrosstalkTest
    cost: Cost
    simulated: bool

    @property
    def verdict(self) -> str:
        """The result as a sentence."""
        test = self.test
        loss = (
            f"{test.loss.value:+.4f} of an expectation value is lost beside the others, 95 % "
            f"interval {test.loss.low:+.4f} to {test.loss.high:+.4f}, p = {test.p_loss:.2g}"
        )
        shift = (
            f"; values shift by {test.shift:.4f} beyond shot noise, 95 % interval "
            f"{test.shift_low:.4f} to {test.shift_high:.4f}, p = {test.p_shift:.2g}"
            if np.isfinite(test.shift)
            else "; shifts were not tested: the standard errors of mitigated values are not known "
            "well enough, use --resilience 0"
        )
        return (
            f"{'crosstalk seen' if test.seen else 'no crosstalk seen'}: {loss}{shift}. Without "
            "crosstalk, at most 5 % of such experiments see some"
        )


def prepare_crosstalk(
    run: OpenedRun,
    backend: RuntimeBackend,
    data: str | Path | None = None,
    *,
    target: str | None = None,
    samples: int | None = None,
) -> Prepared:
    """Lay out the two measurements of the experiment, alone and beside others; nothing is sent.

    Raises:
        InputError: If there are fewer than two slots or too few rows, or as `prepare_run` does.
    """
    prepared = prepare_run(run, backend, data, target=target, samples=samples)
    compiled = prepared.run.classifier.compiled_router
    if not isinstance(compiled, PackedRouter) or compiled.n_slots < 2:
        raise InputError("crosstalk is between slots: ask for at least 2 of them (--slots)")
    if prepared.rows.n_rows < FEWEST_POINTS:
        raise InputError(
            f"{prepared.rows.n_rows} rows are too few to tell crosstalk from noise: take at least "
            f"{FEWEST_POINTS} (--samples)"
        )
    inputs_PF, weights_W = _arguments(prepared)
    return Prepared(
        run=prepared.run,
        rows=prepared.rows,
        works=compiled.crosstalk_works(inputs_PF, weights_W),
        recorder=prepared.recorder,
    )


def submit_both(prepared: Prepared, device: IBMDevice) -> None:
    """Send both measurements of `prepare_crosstalk`, one right after the other, within the budget.

    A job may use all that is left of a budget, until its charge is known: so the first one gets its
    estimate and half of the rest.

    Raises:
        BudgetError: If the budget does not cover both: nothing was sent.
        HardwareError: If the service refuses; what was created stays recorded.
    """
    first, second = prepared.works
    budget_s = device.budget_s
    if budget_s is not None:
        needed = [
            sum(max(1, math.ceil(job.seconds)) for job in device.unsent_estimate(work).jobs)
            for work in prepared.works
        ]
        used_s = sum(device.committed_qpu_seconds(work.key) for work in prepared.works)
        spare_s = budget_s - used_s - sum(needed)
        device.budget_s = used_s + needed[0] + max(0.0, spare_s / 2)
    try:
        device.submit(first)
    finally:
        device.budget_s = budget_s
    device.submit(second)


def measure_crosstalk(prepared: Prepared) -> Crosstalk:
    """Execute what `prepare_crosstalk` prepared, or take it from the ledger, and compare.

    Raises:
        HardwareError: If the service refuses or loses a job; what was done stays recorded.
    """
    inputs_PF, weights_W = _arguments(prepared)
    router = prepared.run.load_circuit()
    exact_PO = open_backend("statevector").compile(router).expectations(inputs_PF, weights_W).values
    alone_work = prepared.works[0]
    alone, beside = (prepared.recorder.execute(work) for work in prepared.works)
    qubits, all_qubits = (_qubits(prepared, k) for k in range(2))
    n_slots = len(all_qubits) // router.n_qubits
    starts = [
        k for k in range(n_slots) if all_qubits[k * router.n_qubits :][: len(qubits)] == qubits
    ]
    if not starts:
        raise HardwareError(
            "the two measurements were laid out under different calibrations, in different slots: "
            "repeat them with another --repetition"
        )
    columns = slice(starts[0] * router.n_outputs, (starts[0] + 1) * router.n_outputs)
    known = alone_work.options.mitigation == "none"
    errors_PO = np.hypot(alone.std_errors_PO, beside.std_errors_PO[:, columns]) if known else None
    return Crosstalk(
        device=prepared.device.name,
        qubits=qubits,
        n_slots=n_slots,
        n_points=len(inputs_PF),
        shots=alone_work.shots,
        test=crosstalk_test(alone.values_PO, beside.values_PO[:, columns], exact_PO, errors_PO),
        cost=_cost(prepared, (alone, beside)),
        simulated=prepared.device.is_local,
    )


def _arguments(prepared: Prepared) -> tuple[FloatArray, FloatArray]:
    """Return the inputs (P, F) of all evaluations of the rows, and the weights (W,)."""
    found = circuit_arguments(prepared.run, prepared.rows)
    return np.concatenate([inputs_BF for inputs_BF, _ in found]), found[0][1]


def _qubits(prepared: Prepared, index: int) -> tuple[int, ...]:
    """Return the device qubits that a work was recorded with, or has on a fake."""
    work, ledger = prepared.works[index], prepared.device.ledger
    record = None if ledger is None else ledger.work(work.key)
    return work.physical_qubits if record is None else record.physical_qubits


def _cost(prepared: Prepared, outcomes: tuple[Outcome, ...]) -> Cost:
    ledger = prepared.device.ledger
    jobs = [] if ledger is None else [j for w in prepared.works for j in ledger.jobs(w.key)]
    return Cost(
        seconds=sum(outcome.seconds for outcome in outcomes),
        estimated_seconds=sum(job.estimated_seconds for job in jobs),
        executions=sum(outcome.executions for outcome in outcomes),
        jobs=tuple(job for outcome in outcomes for job in outcome.job_ids),
    )
