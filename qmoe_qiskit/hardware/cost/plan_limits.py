"""The limits of IBM Quantum's plans, and the split of work into jobs that keep to them."""

import bisect
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from qmoe_qiskit.errors import InputError, require_positive


@dataclass(frozen=True, kw_only=True)
class PlanLimits:
    """The limits of a plan.

    Attributes:
        plan: The name of the plan, such as "open".
        creations_per_minute: Number of jobs that one token may create per minute.
        pending_jobs: Number of jobs that may wait or run at once; None if the plan has no limit.
        executions_per_job: Number of executions of a job: circuits times shots.
        seconds_per_job: QPU time, in seconds, after which the service ends a job.
        sessions: Whether the plan allows session mode.
    """

    plan: str
    creations_per_minute: int = 5
    pending_jobs: int | None = None
    executions_per_job: int = 10_000_000
    seconds_per_job: float = 10_800.0
    sessions: bool = True


def plan_limits(plan: str | None) -> PlanLimits:
    """Return the limits of a plan; None stands for an unknown plan.

    Sources: IBM's Runtime REST API states 5 creations per minute and token. IBM's guide "Job
    limits" states 10 million executions per job for the sampler; the estimator executes in the
    same way. The guide "Maximum execution time" states 3 hours. The Open plan allows 3 pending jobs
    and no sessions.
    """
    if plan is not None and plan.strip().lower() == "open":
        return PlanLimits(plan="open", pending_jobs=3, sessions=False)
    return PlanLimits(plan=plan or "unknown")


def split_points(
    n_points: int,
    executions: Callable[[int], float],
    seconds: Callable[[int], float],
    limits: PlanLimits,
) -> list[tuple[int, int]]:
    """Split points into one range [start, stop) per job: as few as possible, of near-equal size.

    Executions and QPU seconds of a job grow with its number of points.

    Raises:
        InputError: If a single point exceeds a limit.
    """
    require_positive("points", n_points)
    most = n_points
    for cost, limit, unit in (
        (executions, limits.executions_per_job, "executions"),
        (seconds, limits.seconds_per_job, "seconds of QPU time"),
    ):
        if cost(1) > limit:
            raise InputError(
                f"a single point takes {cost(1):,.0f} {unit}, a job may take {limit:,.0f}: use "
                "fewer shots, fewer randomizations or less mitigation"
            )
        most = bisect.bisect_right(range(1, most + 1), limit, key=cost)
    n_jobs = math.ceil(n_points / most)
    edges = [n_points * job // n_jobs for job in range(n_jobs + 1)]
    return list(itertools.pairwise(edges))
