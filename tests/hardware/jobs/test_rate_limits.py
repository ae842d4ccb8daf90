"""The plan's limits are kept on this side: the service has nothing to refuse."""

from __future__ import annotations

import signal
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hardware.jobs.trials import Stage, at, refused

from qmoe_qiskit.hardware.ledger.records import to_text
from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ibm_service import IBMService

SHOTS = 64
ONE_POINT_A_JOB = {"executions_per_job": SHOTS}
MANY_A_MINUTE = {"creations_per_minute": 1000}
PENDING_JOBS = 3
CREATIONS = 5


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, count=1, plan="open") as stage:
        yield stage


@pytest.fixture
def ibm(stage: Stage) -> IBMService:
    return stage.services[0]


def pass_time(ibm: IBMService, ledger: str, seconds: float) -> None:
    """Make everything that was created before older, for the service and for the ledger."""
    for job in ibm.jobs:
        job.created -= timedelta(seconds=seconds)
    with Ledger(ledger) as book, book._transaction() as database:
        for row, at_ in database.execute("SELECT rowid, at FROM attempts").fetchall():
            earlier = datetime.fromisoformat(at_) - timedelta(seconds=seconds)
            database.execute("UPDATE attempts SET at = ? WHERE rowid = ?", [to_text(earlier), row])


def test_pending_jobs(stage: Stage, ibm: IBMService) -> None:
    """Two processes, five jobs each, and never more than three that wait or run."""
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
    time.sleep(1.0)
    assert len(ibm.jobs) == PENDING_JOBS
    ibm.pace.running = 0.05
    ibm.pace.paused = False
    replies = [stage.fork_server.wait(command) for command in commands]
    assert [(r["status"], r["error"]) for r in replies] == [(0, None)] * 2
    assert any(f"the plan allows {PENDING_JOBS} pending jobs" in r["said"] for r in replies)
    assert stage.posted(ibm) == [200] * 10
    assert stage.results(orders[0]) == stage.results(orders[1])


def test_an_attempt_without_an_end_may_be_pending(stage: Stage, ibm: IBMService) -> None:
    """What a process that was killed had sent counts."""
    ibm.pending_limit = PENDING_JOBS
    ibm.pace.paused = True
    three = stage.template(n_points=3, shots=SHOTS)
    limits = MANY_A_MINUTE | ONE_POINT_A_JOB
    order = stage.order(three, "killed", limits=limits)
    third = at("jobs/submit.py", "session = getattr(mode", visit=3)
    assert stage.fork_server.run(**order, place=third)["status"] == -signal.SIGKILL
    assert [job.state for job in stage.records(order)] == ["submitted", "submitted", "sending"]
    other = {**stage.order(three, "other", limits=limits), "ledger": order["ledger"]}
    command = stage.fork_server.start(**other)
    time.sleep(1.0)
    assert stage.posted(ibm) == [200] * 3
    # The orphan was found on the way.
    assert [job.state for job in stage.records(order)] == ["submitted"] * 3
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
    """Two processes, three jobs each: after five of them both wait for the minute to end."""
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
    # Half a second before the minute is over for the service, and for us a little more.
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


def test_others_use_the_account_too(stage: Stage, ibm: IBMService) -> None:
    """What this ledger does not know of is refused, and then waited for as the service asks."""
    ibm.creations_per_minute = 2
    template = stage.template(shots=SHOTS)
    for name in ("first", "second"):
        stage.done(stage.order(template, name))
    for job in ibm.jobs:
        job.created -= timedelta(seconds=52)  # time for a busy machine to send the third
    stage.done(stage.order(template, "third"))
    assert stage.posted(ibm).count(429) >= 1
