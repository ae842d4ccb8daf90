"""The estimate of a work's executions and QPU time, made before anything is sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit_ibm_runtime.options_models.dynamical_decoupling import DynamicalDecouplingOptions

from qmoe_qiskit.hardware.cost.device_timing import USUAL_REP_DELAY_S, DeviceTiming
from qmoe_qiskit.hardware.cost.plan_limits import PlanLimits, split_points
from qmoe_qiskit.hardware.primitives import program_of
from qmoe_qiskit.hardware.work import WorkUnit

JOB_OVERHEAD_S = 2.0
"""Approximate charge per job besides its executions, in seconds, as IBM states it."""


@dataclass(frozen=True, kw_only=True)
class JobEstimate:
    """The estimate of one job.

    Attributes:
        start: First point.
        stop: One past the last point.
        circuits: Number of circuits: points times randomizations times noise factors, plus the
            circuits that calibrate the readout.
        shots: Number of shots per circuit.
        executions: Number of circuit executions: circuits * shots.
        seconds: QPU time in seconds.
    """

    start: int
    stop: int
    circuits: int
    shots: int
    executions: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class CostEstimate:
    """The estimate of a unit of work: exact in the executions, approximate in the seconds.

    Attributes:
        formula: The formula of the seconds, with its numbers.
        assumptions: The assumptions of the estimate, one sentence each.
        jobs: The estimates of its jobs, in the order of the points.
    """

    formula: str
    assumptions: tuple[str, ...]
    jobs: tuple[JobEstimate, ...]

    def __repr__(self) -> str:
        return (
            f"<CostEstimate: {len(self.jobs)} job(s), {self.circuits:,} circuits, "
            f"{self.executions:,} executions, {self.seconds:.1f} s of QPU time>"
        )

    @property
    def circuits(self) -> int:
        """Number of circuits of all jobs."""
        return sum(job.circuits for job in self.jobs)

    @property
    def executions(self) -> int:
        """Number of executions of all jobs."""
        return sum(job.executions for job in self.jobs)

    @property
    def seconds(self) -> float:
        """QPU time of all jobs in seconds."""
        return sum(job.seconds for job in self.jobs)

    def cost(self, price: float) -> float:
        """Return the cost in dollars, at a price in dollars per QPU second."""
        return self.seconds * price

    def document(self) -> dict[str, Any]:
        """Return the estimate as JSON values, totals included."""
        totals = {"circuits": self.circuits, "executions": self.executions, "seconds": self.seconds}
        return totals | dataclasses.asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> CostEstimate:
        """Return the estimate that `document` wrote."""
        return cls(
            jobs=tuple(JobEstimate(**job) for job in document["jobs"]),
            formula=document["formula"],
            assumptions=tuple(document["assumptions"]),
        )


def combine_estimates(estimates: Sequence[CostEstimate]) -> CostEstimate:
    """Return one estimate for several; each job's points count within its own work."""
    return CostEstimate(
        jobs=tuple(job for estimate in estimates for job in estimate.jobs),
        formula="; ".join(estimate.formula for estimate in estimates),
        assumptions=tuple(dict.fromkeys(said for e in estimates for said in e.assumptions)),
    )


def estimate_work(work: WorkUnit, timing: DeviceTiming, limits: PlanLimits) -> CostEstimate:
    """Estimate the cost of a unit of work; nothing is sent.

    IBM's primitives prepare their programs for one point and for two. The size of each program item
    is constant or linear in the number of points: so these two programs determine the executions
    of any number of points exactly.

    Raises:
        InputError: If the device refuses the repetition delay or states no duration for a gate, or
            a single point exceeds the limits of a job.
    """
    rep_delay_s = timing.rep_delay(work.options)
    one, two = (_program(work, n_points) for n_points in (1, 2))
    per_execution_s = np.array([rep_delay_s + timing.duration_s(i.circuit) for i in one.items])
    slopes, constants = _sizes(one, two)
    shots = int(one.shots)
    fixed_s = JOB_OVERHEAD_S + shots * float(constants @ per_execution_s)
    point_s = shots * float(slopes @ per_execution_s)

    def circuits(n_points: int) -> int:
        return int((constants + slopes * n_points).sum())

    def executions(n_points: int) -> int:
        return shots * circuits(n_points)

    def seconds(n_points: int) -> float:
        return fixed_s + point_s * n_points

    jobs = tuple(
        JobEstimate(
            start=start,
            stop=stop,
            circuits=circuits(stop - start),
            shots=shots,
            executions=executions(stop - start),
            seconds=seconds(stop - start),
        )
        for start, stop in split_points(work.n_points, executions, seconds, limits)
    )
    return CostEstimate(
        jobs=jobs,
        formula=_formula(jobs, rep_delay_s),
        assumptions=_assumptions(work, timing, slopes, constants, shots),
    )


def program_sizes(work: WorkUnit) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return the circuits of every program item per point and per job, and the shots of each."""
    one, two = (_program(work, n_points) for n_points in (1, 2))
    return *_sizes(one, two), int(one.shots)


def _sizes(one: Any, two: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:  # noqa: ANN401
    """Return the circuits of every item per point and per job, from programs of 1 and 2 points."""
    first = np.array([item.size() for item in one.items])
    slopes = np.array([item.size() for item in two.items]) - first
    return slopes, first - slopes


def _program(work: WorkUnit, n_points: int) -> Any:  # noqa: ANN401 - IBM's quantum program
    """Return a program with the sizes and durations of the real one, but cheaper to prepare."""
    options = work.options
    # Decoupling pulses fill idle time: they change neither sizes nor durations, but preparing them
    # takes seconds.
    changed: dict[str, Any] = {"dynamical_decoupling": DynamicalDecouplingOptions()}
    zne = options.resilience.zne
    if zne.amplifier == "gate_folding":  # it folds random gates; equal work needs equal estimates
        front = zne.model_copy(update={"amplifier": "gate_folding_front"})
        changed["resilience"] = options.resilience.model_copy(update={"zne": front})
    points_PG = np.zeros((n_points, work.points_PG.shape[1]))
    cheaper = options.model_copy(update=changed)
    probe = dataclasses.replace(work, points_PG=points_PG, options=cheaper)
    return program_of(probe, 0, n_points, None)


def _formula(jobs: Sequence[JobEstimate], rep_delay_s: float) -> str:
    n_jobs, seconds = len(jobs), sum(job.seconds for job in jobs)
    executions = sum(job.executions for job in jobs)
    circuit_us = ((seconds - n_jobs * JOB_OVERHEAD_S) / executions - rep_delay_s) * 1e6
    return (
        f"{n_jobs} job{'s' * (n_jobs > 1)} x {JOB_OVERHEAD_S:g} s + {executions:,} "
        f"executions x ({rep_delay_s * 1e6:g} us repetition delay + {circuit_us:.2f} us circuit) "
        f"= {seconds:.1f} s"
    )


def _assumptions(
    work: WorkUnit,
    timing: DeviceTiming,
    slopes: NDArray[np.int64],
    constants: NDArray[np.int64],
    shots: int,
) -> tuple[str, ...]:
    """Return the assumptions; slopes and constants count the circuits of each program item."""
    said = [f"each job costs {JOB_OVERHEAD_S:g} s besides its executions"]
    if work.options.execution.rep_delay is not None:
        said.append("the repetition delay is the one that the options set")
    elif timing.rep_delay_s is not None:
        said.append(f"the repetition delay is the default of {timing.name}")
    else:
        said.append(
            f"{timing.name} states no repetition delay: {USUAL_REP_DELAY_S * 1e6:g} us is usual"
        )
    said.append(
        f"the circuit's time, readout included, is from the durations that {timing.name} states "
        "now; qubits are initialized within the repetition delay"
    )
    per_point = slopes[slopes > 0]
    factors = [f"{shots} shots"]
    if per_point[0] > 1:
        factors.append(f"{per_point[0]} randomizations (twirling)")
    if len(per_point) > 1:
        factors.append(f"{len(per_point)} noise factors (ZNE)")
    said.append(
        f"a point is executed {shots * int(per_point.sum()):,} times: {' x '.join(factors)}"
    )
    if shots * int(per_point[0]) != work.shots:
        said.append(
            f"randomizations take equally many shots: {shots * int(per_point[0])} instead of the "
            f"{work.shots} asked for"
        )
    if constants.sum():
        said.append(
            f"each job calibrates the readout (TREX) by {shots * int(constants.sum()):,} executions"
        )
    if work.options.mode == "session":
        said.append("a session is charged by the clock, from its first job to its end: more")
    said.append("jobs that fail by the user's fault, or are cancelled, are charged for their time")
    return tuple(said)
