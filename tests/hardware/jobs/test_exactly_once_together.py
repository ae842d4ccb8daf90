"""Several processes, a lost ledger, another account, cancellation: each job is created once."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hardware.jobs.trials import Stage, Undisturbed, at, refused

from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hardware.jobs.trials import ForkServer

TIMEOUTS = {"settle_s": 1.2, "poll_s": 0.1, "read_timeout_s": 5.0}
AFTER_CREATION = at("jobs/submit.py", "session = self._mode.session_id")
BEFORE_CREATION = at("jobs/submit.py", "job_id = self.client.create(")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("together"), fork_server, count=1) as stage:
        yield stage


@pytest.fixture(scope="module")
def template(stage: Stage) -> str:
    return stage.template()


@pytest.fixture(scope="module")
def split(stage: Stage) -> str:
    """Work of 6 points: with `SPLIT`, three jobs of two points."""
    return stage.template(n_points=6)


SPLIT = {"creations_per_minute": 1000, "executions_per_job": 2 * 64}


@pytest.fixture(scope="module")
def undisturbed(stage: Stage, template: str) -> Undisturbed:
    return stage.undisturbed(template)


def test_the_same_work_by_three_processes(
    stage: Stage, template: str, undisturbed: Undisturbed, *, whole: bool
) -> None:
    for number in range(5 if whole else 2):
        order = stage.order(template, f"same-{whole}-{number}")
        commands = [stage.fork_server.start(**order) for _ in range(3)]
        replies = [stage.fork_server.wait(command) for command in commands]
        assert [(r["status"], r["error"]) for r in replies] == [(0, None)] * 3
        assert stage.results(order) == undisturbed.results


def test_two_works_by_two_processes(stage: Stage, template: str, undisturbed: Undisturbed) -> None:
    """The second process waits, and does not fail, while the request of the first is held."""
    (ibm,) = stage.services
    ibm.faults.arm("hold", when="after", seconds=1.5)
    first = stage.order(template, "first", timeouts=TIMEOUTS)
    second = {**stage.order(template, "second", timeouts=TIMEOUTS), "ledger": first["ledger"]}
    commands = [stage.fork_server.start(**order) for order in (first, second)]
    assert all(stage.fork_server.wait(command)["error"] is None for command in commands)
    for order in (first, second):
        assert stage.results(order) == undisturbed.results


def test_the_ledger_is_lost(stage: Stage, template: str, undisturbed: Undisturbed) -> None:
    order = stage.order(template, "lost")
    stage.done(order)
    tag = stage.records(order)[0].tag
    Path(order["ledger"]).unlink()
    (job,) = stage.created(tag)
    assert stage.done(order) == undisturbed.results
    assert stage.records(order)[0].job_id == job.id


def test_the_account_is_another(stage: Stage, template: str) -> None:
    """An account that cannot find a job which was sent before sends none."""
    order = stage.order(template, "elsewhere")
    assert stage.fork_server.run(**order, place=BEFORE_CREATION)["status"] == -signal.SIGKILL
    with Ledger(order["ledger"]) as book, book._transaction() as database:
        database.execute("UPDATE works SET instance = 'elsewhere'")
    (ibm,) = stage.services
    before = stage.posted(ibm)
    assert "'elsewhere'" in refused(stage.fork_server.run(**order))
    assert stage.posted(ibm) == before


def test_more_than_one_with_the_tag(stage: Stage, template: str) -> None:
    """If another program sends the same work, all jobs but the oldest are cancelled."""
    (ibm,) = stage.services
    order = stage.order(template, "twice")
    ibm.pace.paused = True
    try:
        # Two ledgers; the service's list hides the job of each from the other.
        for ledger in (order["ledger"], order["ledger"] + "-2"):
            ibm.faults.arm("lose_list", seconds=60.0)
            stage.fork_server.run(**{**order, "ledger": ledger}, place=AFTER_CREATION)
        oldest, extra = stage.created(stage.records(order)[0].tag)
        oldest.listed_from = extra.listed_from = None
        assert stage.fork_server.run(**order, action="submit")["error"] is None
        assert stage.records(order)[0].job_id == oldest.id
        assert (oldest.status, extra.status) == ("Queued", "Cancelled")
    finally:
        ibm.pace.paused = False


def test_cancelled(stage: Stage, split: str) -> None:
    """One job is submitted, one exists although its response was lost, one was never sent."""
    (ibm,) = stage.services
    order = stage.order(split, "cancelled", limits=SPLIT, timeouts=TIMEOUTS)
    ibm.pace.paused = True
    try:
        place = (*AFTER_CREATION[:2], 2)
        assert stage.fork_server.run(**order, place=place)["status"] == -signal.SIGKILL
        states = [job.state for job in stage.records(order)]
        assert states == ["submitted", "sending", "planned"]
        assert stage.fork_server.run(**order, action="cancel")["error"] is None
    finally:
        ibm.pace.paused = False
    jobs = stage.records(order)
    assert [job.state for job in jobs] == ["cancelled"] * 3
    assert [[c.status for c in stage.created(j.tag)] for j in jobs] == [
        ["Cancelled"],
        ["Cancelled"],
        [],
    ]
    before = stage.posted(ibm)
    assert "was cancelled" in refused(stage.fork_server.run(**order))
    assert stage.posted(ibm) == before


@pytest.mark.parametrize("arrives", [True, False])
def test_cancelled_while_it_may_be_on_its_way(
    stage: Stage, template: str, *, arrives: bool
) -> None:
    (ibm,) = stage.services
    order = stage.order(template, f"cancelled-{arrives}", timeouts=TIMEOUTS)
    ibm.pace.paused = True
    try:
        if arrives:
            ibm.faults.arm("hold", when="before", seconds=0.6)
            command = stage.fork_server.start(**order)
            pid = stage.fork_server.pid(command)
            while ibm.faults.armed():
                time.sleep(0.01)
            os.kill(pid, signal.SIGKILL)
            stage.fork_server.wait(command)
        else:
            stage.fork_server.run(**order, place=BEFORE_CREATION)
        assert stage.records(order)[0].state == "sending"
        assert stage.fork_server.run(**order, action="cancel")["error"] is None
    finally:
        ibm.pace.paused = False
    (job,) = stage.records(order)
    assert job.state == "cancelled"
    assert [created.status for created in stage.created(job.tag)] == ["Cancelled"] * arrives
