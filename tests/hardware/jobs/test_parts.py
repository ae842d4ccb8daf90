"""Work in several jobs, one of which fails: nothing more is sent, and only it is repeated."""

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
SPLIT = {"creations_per_minute": 1000, "executions_per_job": 2 * SHOTS}
SECOND = at("jobs/submit.py", "job_id = self.client.create(", visit=2)


@pytest.fixture
def stage(tmp_path: Path, fork_server: ForkServer) -> Iterator[Stage]:
    with Stage(tmp_path, fork_server, count=1) as stage:
        yield stage


@pytest.fixture
def ibm(stage: Stage) -> IBMService:
    return stage.services[0]


@pytest.mark.parametrize("fault", ["fail_job", pytest.param("cancel_job", marks=pytest.mark.trial)])
def test_a_part_that_fails(stage: Stage, ibm: IBMService, fault: str) -> None:
    template = stage.template(n_points=2 * N_JOBS, shots=SHOTS)
    undisturbed = stage.undisturbed(template, limits=SPLIT).results
    before = len(ibm.jobs)
    order = stage.order(template, "fails", limits=SPLIT)
    ibm.faults.arm(fault, reason="the cryostat was warm")
    assert stage.fork_server.run(**order, place=SECOND)["status"] == -signal.SIGKILL
    stage.fork_server.run(**order, action="collect")
    message = refused(stage.fork_server.run(**order))
    assert "job 1 of 3" in message
    assert "qmoe jobs retry" in message
    assert len(ibm.jobs) == before + 1  # nothing more was sent

    with Ledger(order["ledger"]) as book:
        (planned,) = book.retry(order["key"])
        assert book.retry(order["key"]) == []  # planned already
        assert (planned.start, planned.stop, planned.state) == (0, 2, "planned")
    reply = stage.fork_server.run(**order)
    assert (reply["status"], reply["error"]) == (0, None)
    records = stage.records(order)
    assert len(ibm.jobs) == before + 1 + N_JOBS
    assert sorted(r.state for r in records) == sorted(
        [*["done"] * N_JOBS, {"fail_job": "failed", "cancel_job": "cancelled"}[fault]]
    )
    with Ledger(order["ledger"]) as book:
        parts = sorted((r for r in records if r.state == "done"), key=lambda r: r.start)
        found = [array.tobytes() for part in parts for array in book.results(part.tag)]
        assert book.charged(order["key"]) == sum(job.charge for job in ibm.jobs[before:])
    assert found == undisturbed


def test_nothing_is_retried_that_has_not_failed(stage: Stage) -> None:
    order = stage.order(stage.template(), "good")
    stage.done(order)
    with Ledger(order["ledger"]) as book:
        assert book.retry(order["key"]) == []


def test_retries_are_told_apart(stage: Stage, ibm: IBMService) -> None:
    """A range of points that fails again and again has a new tag for each job."""
    order = stage.order(stage.template(), "again")
    for _ in range(2):
        ibm.faults.arm("fail_job")
        refused(stage.fork_server.run(**order))
        with Ledger(order["ledger"]) as book:
            book.retry(order["key"])
    assert stage.fork_server.run(**order)["error"] is None
    tags = [record.tag for record in stage.records(order)]
    assert len(set(tags)) == 3
    assert [len(stage.created(tag)) for tag in tags] == [1, 1, 1]
