"""What a plan of IBM Quantum allows, and the split of a long work into jobs under it."""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass

from qmoe_qiskit.errors import InputError, require_positive


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a plan.

    Attributes:
        plan: Its name, such as "open".
        creations_per_minute: Jobs that may be created in a minute, per token.
        pending_jobs: Jobs that may wait or run at once, None if there is no limit.
        executions_per_job: Circuits times shots.
        seconds_per_job: QPU seconds, after which the service ends a job.
        sessions: Whether session mode is allowed.
    """

    plan: str
    creations_per_minute: int = 5
    pending_jobs: int | None = None
    executions_per_job: int = 10_000_000
    seconds_per_job: float = 10_800.0
    sessions: bool = True


def limits_of(plan: str | None) -> Limits:
    """Return the limits of a plan; None is a plan that is not known.

    Sources: 5 creations a minute per token is in the description of job creation in IBM's
    Runtime REST API; 10 million executions a job in IBM's guide "Job limits", for the sampler, and
    kept for the estimator, which is executed in the same way now; 3 hours in the guide "Maximum
    execution time"; 3 pending jobs and no sessions are the Open plan's.
    """
    if plan is not None and plan.strip().lower() == "open":
        return Limits(plan="open", pending_jobs=3, sessions=False)
    return Limits(plan=plan or "unknown")


@dataclass(frozen=True, kw_only=True)
class Growth:
    """A cost of a job that grows with its number of points: constant + per_point * points."""

    constant: float
    per_point: float

    def __call__(self, n_points: int) -> float:
        """Return the cost of a job of this many points."""
        return self.constant + self.per_point * n_points


def split(
    n_points: int, executions: Growth, seconds: Growth, limits: Limits
) -> list[tuple[int, int]]:
    """Split points into ranges [start, stop), one a job: as few as possible, of near-equal size.

    Args:
        n_points: P.
        executions: Of a job, by its points.
        seconds: QPU seconds of a job, by its points.
        limits: What a job may take.

    Raises:
        InputError: If a single point is beyond a limit.
    """
    require_positive("points", n_points)
    ceilings = (
        (executions, limits.executions_per_job, "executions"),
        (seconds, limits.seconds_per_job, "seconds of QPU time"),
    )
    most = n_points
    for cost, limit, unit in ceilings:
        if cost(1) > limit:
            raise InputError(
                f"a single point takes {cost(1):,.0f} {unit}, a job may take {limit:,.0f}: use "
                "fewer shots, fewer randomizations or less mitigation"
            )
        most = bisect.bisect_right(range(1, most + 1), limit, key=cost)
    n_jobs = math.ceil(n_points / most)
    edges = [n_points * job // n_jobs for job in range(n_jobs + 1)]
    return list(itertools.pairwise(edges))
