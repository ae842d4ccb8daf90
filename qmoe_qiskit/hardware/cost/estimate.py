"""What a piece of work takes of a device, worked out before anything is sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qiskit_ibm_runtime.options_models.dynamical_decoupling import DynamicalDecouplingOptions

from qmoe_qiskit.hardware.cost.device_timing import USUAL_REP_DELAY_S
from qmoe_qiskit.hardware.cost.durations import duration_s
from qmoe_qiskit.hardware.cost.plan_limits import Growth, split
from qmoe_qiskit.hardware.primitives import program_of

if TYPE_CHECKING:
    from qmoe_qiskit.hardware.cost.device_timing import Machine
    from qmoe_qiskit.hardware.cost.plan_limits import Limits
    from qmoe_qiskit.hardware.work import WorkUnit

JOB_OVERHEAD_S = 2.0
"""What the service charges for a job besides its executions, in seconds: about, it says."""


@dataclass(frozen=True, kw_only=True)
class JobEstimate:
    """What one job takes.

    Attributes:
        start: First point.
        stop: One past the last point.
        circuits: Circuits that are executed: points, times randomizations, times noise factors,
            and those that calibrate the readout.
        shots: Of each circuit.
        executions: circuits * shots.
        seconds: QPU time.
    """

    start: int
    stop: int
    circuits: int
    shots: int
    executions: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class CostEstimate:
    """What a piece of work takes: executions exactly, seconds by the formula.

    Attributes:
        jobs: Per job, in the order of the points.
        formula: How the seconds come about, with the numbers put in.
        assumptions: What it rests on, a sentence each.
    """

    jobs: tuple[JobEstimate, ...]
    formula: str
    assumptions: tuple[str, ...]

    @property
    def circuits(self) -> int:
        """Circuits of all jobs."""
        return sum(job.circuits for job in self.jobs)

    @property
    def executions(self) -> int:
        """Executions of all jobs."""
        return sum(job.executions for job in self.jobs)

    @property
    def seconds(self) -> float:
        """QPU time of all jobs."""
        return sum(job.seconds for job in self.jobs)

    def cost(self, price: float) -> float:
        """Return the cost in dollars, at a price in dollars per QPU second."""
        return self.seconds * price

    def document(self) -> dict[str, Any]:
        """Return it as JSON values, totals included; `estimate_from` reads it back."""
        return {
            "circuits": self.circuits,
            "executions": self.executions,
            "seconds": self.seconds,
            "formula": self.formula,
            "assumptions": list(self.assumptions),
            "jobs": [dataclasses.asdict(job) for job in self.jobs],
        }


def estimate_from(document: Mapping[str, Any]) -> CostEstimate:
    """Return the estimate that `CostEstimate.document` wrote."""
    return CostEstimate(
        jobs=tuple(JobEstimate(**job) for job in document["jobs"]),
        formula=document["formula"],
        assumptions=tuple(document["assumptions"]),
    )


def combined(estimates: Sequence[CostEstimate]) -> CostEstimate:
    """Return several estimates as one; points are counted within each piece of work."""
    return CostEstimate(
        jobs=tuple(job for estimate in estimates for job in estimate.jobs),
        formula="; ".join(estimate.formula for estimate in estimates),
        assumptions=tuple(dict.fromkeys(said for e in estimates for said in e.assumptions)),
    )


def estimate_work(work: WorkUnit, machine: Machine, limits: Limits) -> CostEstimate:
    """CostEstimate a piece of work; nothing is sent.

    The programs that IBM's primitives would send are prepared for one point and for two. What
    they hold grows by the same with every further point, or not at all, so that these two tell
    the executions of any number of points exactly.

    Raises:
        InputError: If the repetition delay is not accepted, the device states no duration for a
            gate, or a single point is beyond the limits of a job.
    """
    rep_delay_s = machine.rep_delay(work.options)
    one, two = (_program(work, n_points) for n_points in (1, 2))
    durations_s = np.array([duration_s(item.circuit, machine.target) for item in one.items])
    first = np.array([item.size() for item in one.items])
    slopes = np.array([item.size() for item in two.items]) - first
    constants = first - slopes
    shots = int(one.shots)
    per_execution_s = rep_delay_s + durations_s
    circuits = Growth(constant=int(constants.sum()), per_point=int(slopes.sum()))
    executions = Growth(constant=shots * circuits.constant, per_point=shots * circuits.per_point)
    seconds = Growth(
        constant=JOB_OVERHEAD_S + shots * float(constants @ per_execution_s),
        per_point=shots * float(slopes @ per_execution_s),
    )
    jobs = tuple(
        JobEstimate(
            start=start,
            stop=stop,
            circuits=int(circuits(stop - start)),
            shots=shots,
            executions=int(executions(stop - start)),
            seconds=seconds(stop - start),
        )
        for start, stop in split(work.n_points, executions, seconds, limits)
    )
    total = CostEstimate(jobs=jobs, formula="", assumptions=())
    return dataclasses.replace(
        total,
        formula=_formula(total, rep_delay_s),
        assumptions=_assumptions(work, machine, slopes, constants, shots),
    )


def share_of_allowance(estimate: CostEstimate, usage: Mapping[str, Any]) -> float | None:
    """Return the part of the remaining allowance that the work takes; above 1 is too much.

    Args:
        estimate: Of the work.
        usage: What `QiskitRuntimeService.usage()` returns.

    Returns:
        The share, infinite where nothing remains; None where the instance has no allowance.
    """
    remaining = usage.get("usage_remaining_seconds")
    if remaining is None:
        return None
    return estimate.seconds / remaining if remaining > 0 else float("inf")


def _program(work: WorkUnit, n_points: int) -> Any:  # noqa: ANN401 - IBM's quantum program
    """Return the program for some points, at the cost of its sizes and durations alone."""
    options = work.options
    # Decoupling pulses fill idle time: they change neither sizes nor durations, but take seconds.
    changed: dict[str, Any] = {"dynamical_decoupling": DynamicalDecouplingOptions()}
    zne = options.resilience.zne
    if zne.amplifier == "gate_folding":  # which folds random gates: equal work, equal estimate
        front = zne.model_copy(update={"amplifier": "gate_folding_front"})
        changed["resilience"] = options.resilience.model_copy(update={"zne": front})
    points_PG = np.zeros((n_points, work.points_PG.shape[1]))
    probe = dataclasses.replace(
        work, points_PG=points_PG, options=options.model_copy(update=changed)
    )
    return program_of(probe, 0, n_points, None)


def _formula(estimate: CostEstimate, rep_delay_s: float) -> str:
    n_jobs = len(estimate.jobs)
    executed_s = estimate.seconds - n_jobs * JOB_OVERHEAD_S
    circuit_us = (executed_s / estimate.executions - rep_delay_s) * 1e6
    return (
        f"{n_jobs} job{'s' * (n_jobs > 1)} x {JOB_OVERHEAD_S:g} s + {estimate.executions:,} "
        f"executions x ({rep_delay_s * 1e6:g} us repetition delay + {circuit_us:.2f} us circuit) "
        f"= {estimate.seconds:.1f} s"
    )


def _assumptions(
    work: WorkUnit,
    machine: Machine,
    slopes: NDArray[np.int64],
    constants: NDArray[np.int64],
    shots: int,
) -> tuple[str, ...]:
    """Say what the estimate rests on; slopes and constants are circuits of each program item."""
    said = [f"each job costs {JOB_OVERHEAD_S:g} s besides its executions"]
    if work.options.execution.rep_delay is not None:
        said.append("the repetition delay is the one that the options set")
    elif machine.rep_delay_s is not None:
        said.append(f"the repetition delay is the default of {machine.name}")
    else:
        said.append(
            f"{machine.name} states no repetition delay: {USUAL_REP_DELAY_S * 1e6:g} us is usual"
        )
    said.append(
        f"the circuit's time, readout included, is from the durations that {machine.name} states "
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
