"""The client keeps to the plan's limits: the service has nothing to refuse."""

from __future__ import annotations

import signal
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hardware.jobs.trials import Stage, at, refused
from ibm_service.messages import RefusalError

from qmoe_qiskit.hardware.ledger.records import to_text
from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hardware.jobs.trials import ForkServer
    from ibm_service import IBMService
    from ibm_service.store import Job

SHOTS = 64
ONE_POINT_A_JOB = {"executions_per_job": SHOTS}
MANY_A_MINUTE = {"creations_per_minute": 1000}
PENDING_JOBS = 3
CREATIONS = 5


@pytest.fixture
def stage(tmp_path: Path, fork_server: ForkServer) -> Iterator[Stage]:
    with Stage(tmp_path, fork_server, count=1, plan="open") as stage:
        yield stage


@pytest.fixture
def ibm(stage: Stage) -> IBMService:
    return stage.services[0]


def pass_time(ibm: IBMService, ledger: str, seconds: float) -> None:
    """Make all existing jobs and attempts older, at the service and in the ledger."""
    for job in ibm.jobs:
        job.created -= timedelta(seconds=seconds)
    with Ledger(ledger) as book, book._transaction() as database:
        for row, at_ in database.execute("SELECT rowid, at FROM attempts").fetchall():
            earlier = datetime.fromisoformat(at_) - timedelta(seconds=seconds)
            database.execute("UPDATE attempts SET at = ? WHERE rowid = ?", [to_text(earlier), row])


def looked_again(ibm: IBMService) -> None:
    """Wait until clients have asked ten times whether a job of theirs is still pending."""
    seen = len(ibm.requests)
    while sum(r["path"].startswith("/jobs/") for r in ibm.requests[seen:]) < 10:
        time.sleep(0.05)


def test_pending_jobs(stage: Stage, ibm: IBMService) -> None:
    """Two processes create five jobs each; never more than three wait or run."""
    ibm.pending_limit = PENDING_JOBS
    ibm.pace.paused = True
    template = stage.template(n_points=5, shots=SHOTS)
    limits = MANY_A_MINUTE | ONE_POINT_A_JOB
    orders: list[dict[str, Any]] = [
        {**stage.order(template, name, limits=limits), "ledger": str(stage.folder / "both.sqlite")}
        for name in ("first", "second")
    ]
    commands = [stage.fork_server.start(**order) for order in orders]
    while len(ibm.jobs) < PENDING_JOBS:
        time.sleep(0.05)
    looked_again(ibm)
    assert len(ibm.jobs) == PENDING_JOBS
    ibm.pace.running = 0.05
    ibm.pace.paused = False
    replies = [stage.fork_server.wait(command) for command in commands]
    assert [(r["status"], r["error"]) for r in replies] == [(0, None)] * 2
    assert any(f"the plan allows {PENDING_JOBS} pending jobs" in r["said"] for r in replies)
    assert stage.posted(ibm) == [200] * 10
    assert stage.results(orders[0]) == stage.results(orders[1])


def test_an_attempt_without_an_end_may_be_pending(stage: Stage, ibm: IBMService) -> None:
    """A job that a killed process has sent counts as pending."""
    ibm.pending_limit = PENDING_JOBS
    ibm.pace.paused = True
    three = stage.template(n_points=3, shots=SHOTS)
    limits = MANY_A_MINUTE | ONE_POINT_A_JOB
    order = stage.order(three, "killed", limits=limits)
    third = at("jobs/submit.py", "session = self._mode.session_id", visit=3)
    assert stage.fork_server.run(**order, place=third)["status"] == -signal.SIGKILL
    assert [job.state for job in stage.records(order)] == ["submitted", "submitted", "sending"]
    other = {**stage.order(three, "other", limits=limits), "ledger": order["ledger"]}
    command = stage.fork_server.start(**other)
    # The orphan is found on the way.
    while [job.state for job in stage.records(order)] != ["submitted"] * 3:
        time.sleep(0.05)
    looked_again(ibm)
    assert stage.posted(ibm) == [200] * 3
    ibm.pace.paused = False
    assert stage.fork_server.wait(command)["error"] is None
    assert stage.posted(ibm) == [200] * 6
    assert stage.done(order) == stage.results(other)


def test_a_deleted_job_is_not_pending(stage: Stage, ibm: IBMService) -> None:
    limits = MANY_A_MINUTE | ONE_POINT_A_JOB
    three = stage.template(n_points=3, shots=SHOTS)
    order = stage.order(three, "deleted", limits=limits)
    assert stage.fork_server.run(**order, action="submit")["error"] is None
    for job in ibm.jobs:
        ibm.store.delete(job.id)
    other = {**stage.order(three, "other", limits=limits), "ledger": order["ledger"]}
    stage.done(other)


def test_creations_a_minute(stage: Stage, ibm: IBMService) -> None:
    """Two processes create three jobs each: after five jobs both wait for the minute to end."""
    ibm.creations_per_minute = CREATIONS
    template = stage.template(n_points=3, shots=SHOTS)
    ledger = str(stage.folder / "both.sqlite")
    orders: list[dict[str, Any]] = [
        {**stage.order(template, name, limits=ONE_POINT_A_JOB), "ledger": ledger}
        for name in ("first", "second")
    ]
    commands = [stage.fork_server.start(**order) for order in orders]
    while len(ibm.jobs) < CREATIONS:
        time.sleep(0.05)
    time.sleep(1.0)
    assert stage.posted(ibm) == [200] * CREATIONS
    # Half a second before the minute ends for the service; for the client it ends later.
    pass_time(ibm, ledger, 60.0 - 0.5 - 1.0)
    replies = [stage.fork_server.wait(command) for command in commands]
    assert [(r["status"], r["error"]) for r in replies] == [(0, None)] * 2
    assert stage.posted(ibm) == [200] * (CREATIONS + 1)
    assert stage.results(orders[0]) == stage.results(orders[1])


def test_others_have_pending_jobs(stage: Stage, ibm: IBMService) -> None:
    ibm.pending_limit = 1
    ibm.pace.paused = True
    template = stage.template(shots=SHOTS)
    first, second = (stage.order(template, name) for name in ("first", "second"))
    assert stage.fork_server.run(**first, action="submit")["error"] is None
    assert "limit of 1 pending" in refused(stage.fork_server.run(**second))
    ibm.pace.paused = False
    stage.done(first)
    stage.done(second)


def test_others_use_the_account_too(
    stage: Stage, ibm: IBMService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service refuses what this ledger cannot know of; the client then waits as it asks."""
    ibm.creations_per_minute = 2
    template = stage.template(shots=SHOTS)
    for name in ("first", "second"):
        stage.done(stage.order(template, name))
    for job in ibm.jobs:  # within the last minute, however slow this machine is
        job.created += timedelta(hours=1)
    check_limits = ibm.check_limits

    def let_time_pass(jobs: list[Job]) -> None:
        try:
            check_limits(jobs)
        except RefusalError as refusal:
            for job in jobs:
                job.created -= timedelta(hours=2)
            raise RefusalError(429, 1202, str(refusal), {"Retry-After": "1"}) from refusal

    monkeypatch.setattr(ibm, "check_limits", let_time_pass)
    stage.done(stage.order(template, "third"))
    assert stage.posted(ibm) == [200, 200, 429, 200]
    times = [r["time"] for r in ibm.requests if (r["method"], r["path"]) == ("POST", "/jobs")]
    assert times[3] - times[2] > 0.99
