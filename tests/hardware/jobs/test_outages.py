"""Waiting survives outages, and late duplicates at the service are reported."""

from __future__ import annotations

import signal
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hardware.jobs.trials import TIMEOUTS, Stage, Trial, Undisturbed, at, refused

from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hardware.jobs.trials import ForkServer
    from ibm_service import IBMService
    from ibm_service.faults import Fault
    from ibm_service.store import Job

AFTER_CREATION = at("jobs/submit.py", "session = self._mode.session_id")
# Number of times that the client repeats a request; and a larger number.
REPETITIONS = 6
MANY = 10_000


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("outages"), fork_server, count=2) as stage:
        yield stage


@pytest.fixture(scope="module")
def template(stage: Stage) -> str:
    return stage.template()


@pytest.fixture(scope="module")
def undisturbed(stage: Stage, template: str) -> Undisturbed:
    return stage.undisturbed(template)


def test_waiting_goes_on_when_the_service_is_back(
    stage: Stage, template: str, undisturbed: Undisturbed
) -> None:
    """The connection drops, or the service fails, for longer than one request is repeated."""

    def trial(fault: dict[str, Any], ibm: IBMService) -> Trial:
        order = stage.order(template, f"outage-{fault['kind']}", ibm)
        ibm.pace.paused = True
        yield stage.fork_server.start(**order, action="submit")
        outage = ibm.faults.arm(**fault, on="GET /jobs/*", times=MANY)
        threading.Thread(target=_end, args=(outage, ibm)).start()
        reply = yield stage.fork_server.start(**order)
        assert (reply["status"], reply["error"]) == (0, None)
        assert any("out of reach" in said for said in reply["said"])
        assert stage.results(order) == undisturbed.results

    faults: list[dict[str, Any]] = [{"kind": "drop"}, {"kind": "answer", "status": 503}]
    stage.conduct(partial(trial, fault) for fault in faults)


def _end(outage: Fault, ibm: IBMService) -> None:
    """End an outage after it has met a second request of the client."""
    deadline = time.monotonic() + 240.0
    while outage.fired <= REPETITIONS + 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    ibm.faults.clear()
    ibm.pace.paused = False


def test_an_outage_without_end(stage: Stage, template: str) -> None:
    ibm = stage.services[0]
    order = stage.order(template, "endless", timeouts={**TIMEOUTS, "outage_s": 0.0})
    ibm.pace.paused = True
    try:
        assert stage.fork_server.run(**order, action="submit")["error"] is None
        ibm.faults.arm("answer", status=503, on="GET /jobs/*", times=MANY)
        assert "give the same command again" in refused(stage.fork_server.run(**order))
        assert stage.records(order)[0].state == "submitted"
    finally:
        ibm.faults.clear()
        ibm.pace.paused = False


def duplicates(stage: Stage, order: dict[str, Any], ibm: IBMService) -> tuple[Job, Job]:
    """Two jobs for the same points: the service lists the first one after the second was sent."""
    ibm.faults.arm("lose_list", seconds=3600.0)
    assert stage.fork_server.run(**order, place=AFTER_CREATION)["status"] == -signal.SIGKILL
    assert stage.fork_server.run(**order, action="submit")["error"] is None
    late, ours = stage.created(stage.records(order)[0].tag)
    assert stage.records(order)[0].job_id == ours.id
    late.listed_from = None
    return late, ours


def test_a_request_that_became_a_job_late_is_cancelled(stage: Stage, template: str) -> None:
    ibm = stage.services[0]
    order = stage.order(template, "late", ibm)
    ibm.pace.paused = True
    late, ours = duplicates(stage, order, ibm)
    ibm.store._jobs[late.id] = ibm.store._jobs.pop(late.id)  # after ours in the queue
    late.seconds = 30.0
    ibm.pace.paused = False
    reply = stage.fork_server.run(**order)
    assert (reply["status"], reply["error"]) == (0, None)
    assert (ours.status, late.status) == ("Completed", "Cancelled")


def test_a_late_job_that_was_charged_is_told_once(
    stage: Stage, template: str, undisturbed: Undisturbed
) -> None:
    ibm = stage.services[0]
    order = stage.order(template, "charged", ibm)
    late, ours = duplicates(stage, order, ibm)
    message = refused(stage.fork_server.run(**order))
    assert "both were charged" in message
    assert late.id in message
    assert ours.id in message
    reply = stage.fork_server.run(**order)
    assert (reply["status"], reply["error"]) == (0, None)
    with Ledger(order["ledger"]) as book:
        found = [array.tobytes() for array in book.results(stage.records(order)[0].tag)]
    assert found == undisturbed.results
