"""A budget holds while charges are unknown, when jobs overrun, and in sessions."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from hardware.jobs.trials import Stage, at, refused

from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hardware.jobs.trials import ForkServer
    from ibm_service import IBMService

SHOTS = 64
N_JOBS = 3
SECONDS = 3  # estimate of each job in whole seconds
SPLIT = {"creations_per_minute": 1000, "executions_per_job": 2 * SHOTS}
AFTER_CREATION = at("jobs/submit.py", "session = self._mode.session_id")


@pytest.fixture
def stage(tmp_path: Path, fork_server: ForkServer) -> Iterator[Stage]:
    with Stage(tmp_path, fork_server, count=1, plan="payg") as stage:
        yield stage


@pytest.fixture
def ibm(stage: Stage) -> IBMService:
    return stage.services[0]


def test_an_ended_job_of_unknown_charge_counts_with_its_limit(
    stage: Stage, ibm: IBMService
) -> None:
    """Each job may have run up to its limit; the service reports charges later."""
    template = stage.template(n_points=2 * N_JOBS, shots=SHOTS)
    order = stage.order(template, "late", limits=SPLIT, budget_s=30.0)
    ibm.faults.arm("late_usage", seconds=60.0, times=N_JOBS)
    second = at("jobs/submit.py", "limit = self._mode.limit_of(job)", visit=2)
    assert stage.fork_server.run(**order, place=second)["status"] == -signal.SIGKILL
    stage.fork_server.run(**order, action="collect")
    (first, *_) = stage.records(order)
    assert (first.state, first.charged_seconds) == ("done", None)
    assert stage.fork_server.run(**order)["error"] is None
    limits = [job.cost for record in stage.records(order) for job in stage.created(record.tag)]
    assert len(limits) == N_JOBS
    assert sum(limit for limit in limits if limit is not None) <= 30


def test_the_budget_bounds_a_session(stage: Stage, ibm: IBMService) -> None:
    """The budget bounds it however long its jobs wait: the clock runs between them, too."""
    ibm.clock.rate = 1000.0
    template = stage.template(n_points=2 * N_JOBS, shots=SHOTS, mode="session")
    budget_s = N_JOBS * SECONDS + 2.0
    order = stage.order(template, "session", limits=SPLIT, budget_s=budget_s)
    stage.fork_server.run(**order)
    (session,) = ibm.store.sessions()
    assert session.max_ttl is not None
    assert session.max_ttl <= budget_s
    assert ibm.clock.elapsed(session) <= budget_s


def test_a_session_that_was_used_up_counts_by_the_clock(stage: Stage, ibm: IBMService) -> None:
    template = stage.template(n_points=2 * N_JOBS, shots=SHOTS, mode="session")
    budget_s = N_JOBS * SECONDS + 1.0
    order = stage.order(template, "used up", limits=SPLIT, budget_s=budget_s)
    killed = stage.fork_server.run(**order, place=AFTER_CREATION)
    assert killed["status"] == -signal.SIGKILL
    with ibm.store.changed:  # the service runs the job while no client does
        assert ibm.store.changed.wait_for(lambda: all(j.is_final for j in ibm.jobs), timeout=60)
    assert stage.fork_server.run(**order, action="collect")["error"] is None
    ibm.clock.rate = 1e6  # while no client was running
    ibm.clock.expire()
    (session,) = ibm.store.sessions()
    assert not session.accepting_jobs
    assert "left of a budget" in refused(stage.fork_server.run(**order))
    assert ibm.store.sessions() == [session]
    assert len(ibm.jobs) == 1


def test_a_session_without_a_budget_lasts_as_long_as_the_options_say(
    stage: Stage, ibm: IBMService
) -> None:
    template = stage.template(shots=SHOTS, mode="session", session_seconds=500)
    assert stage.fork_server.run(**stage.order(template, "free"))["error"] is None
    assert [session.max_ttl for session in ibm.store.sessions()] == [500]


@pytest.mark.parametrize("fault", ["fail_job", "cancel_job"])
def test_the_charge_of_a_job_that_did_not_succeed_is_fetched_later(
    stage: Stage, ibm: IBMService, fault: str
) -> None:
    order = stage.order(stage.template(shots=SHOTS), "failed")
    ibm.faults.arm(fault)
    ibm.faults.arm("late_usage", seconds=0.5)
    refused(stage.fork_server.run(**order))
    assert stage.records(order)[0].charged_seconds is None
    ibm.jobs[0].pending_usage = 0.0
    stage.fork_server.run(**order, action="collect")
    assert stage.records(order)[0].charged_seconds == ibm.jobs[0].charge > 0
    with Ledger(order["ledger"]) as book:
        assert book.charged(order["key"]) == ibm.jobs[0].charge
