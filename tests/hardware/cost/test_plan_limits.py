"""Plans, and the split of work into jobs under their limits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.cost.plan_limits import PlanLimits, plan_limits, split_points

Cost = Callable[[int], float]


def linear(constant: float, per_point: float) -> Cost:
    """Return the cost of a job as a function of its number of points."""
    return lambda n_points: constant + per_point * n_points


FREE = linear(0, 0)


def test_the_open_plan_has_three_pending_jobs_and_no_sessions() -> None:
    limits = plan_limits("open")
    assert (limits.plan, limits.pending_jobs, limits.sessions) == ("open", 3, False)
    assert limits.creations_per_minute == 5
    assert plan_limits(" Open ") == limits


@pytest.mark.parametrize("plan", ["premium", "flex", "pay-as-you-go", None])
def test_other_plans_have_sessions(plan: str | None) -> None:
    limits = plan_limits(plan)
    assert limits.plan == (plan or "unknown")
    assert limits.sessions
    assert limits.pending_jobs is None
    assert limits.executions_per_job == 10_000_000
    assert limits.seconds_per_job == 3 * 3600


@given(
    n_points=st.integers(1, 5000),
    executions=st.builds(linear, constant=st.integers(0, 500), per_point=st.integers(0, 50)),
    seconds=st.builds(linear, constant=st.floats(0, 20), per_point=st.floats(0, 3)),
    most_executions=st.integers(1, 5000),
    most_seconds=st.floats(1, 300),
)
def test_a_split_covers_every_point_once_under_the_limits_in_as_few_jobs_as_possible(
    n_points: int,
    executions: Cost,
    seconds: Cost,
    most_executions: int,
    most_seconds: float,
) -> None:
    limits = PlanLimits(plan="p", executions_per_job=most_executions, seconds_per_job=most_seconds)

    def fits(size: int) -> bool:
        return executions(size) <= most_executions and seconds(size) <= most_seconds

    assume(fits(1))
    ranges = split_points(n_points, executions, seconds, limits)
    covered = [point for start, stop in ranges for point in range(start, stop)]
    assert covered == list(range(n_points))
    sizes = [stop - start for start, stop in ranges]
    assert all(fits(size) for size in sizes)
    assert max(sizes) - min(sizes) <= 1
    largest = max(size for size in range(1, n_points + 1) if fits(size))
    assert len(ranges) == -(-n_points // largest)


def test_the_constant_part_counts_in_every_job() -> None:
    limits = PlanLimits(plan="p", executions_per_job=100)
    assert split_points(9, linear(40, 20), FREE, limits) == [(0, 3), (3, 6), (6, 9)]


@pytest.mark.parametrize(
    ("executions", "seconds", "unit"),
    [
        (linear(1, 10_000_000), FREE, "10,000,001 executions"),
        (FREE, linear(2, 10_799.5), "seconds of QPU time"),
    ],
)
def test_a_point_beyond_the_limits_is_refused(executions: Cost, seconds: Cost, unit: str) -> None:
    with pytest.raises(InputError, match=unit) as caught:
        split_points(5, executions, seconds, plan_limits(None))
    assert "fewer shots" in str(caught.value)


def test_nothing_is_not_split() -> None:
    with pytest.raises(InputError, match="points must be"):
        split_points(0, FREE, FREE, plan_limits("open"))
