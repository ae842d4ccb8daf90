"""Answers that a service should not give: lists, usage, metrics, results, echoes of requests."""

from __future__ import annotations

import base64
import json
import signal
from functools import partial
from typing import TYPE_CHECKING

import leak_check
import pytest
from hardware.jobs.odd_answers import LISTS, RESULTS, USAGES, echo, odd_charge, odd_result
from hardware.jobs.trials import Stage, at, check_sentence, refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hardware.jobs.trials import ForkServer
    from ibm_service import IBMService
    from ibm_service.messages import Answer, Request

SHOTS = 64
AFTER_CREATION = at("jobs/submit.py", "session = self._mode.session_id")


@pytest.fixture
def stage(tmp_path: Path, fork_server: ForkServer) -> Iterator[Stage]:
    with Stage(tmp_path, fork_server, count=1) as stage:
        yield stage


@pytest.fixture
def ibm(stage: Stage) -> IBMService:
    return stage.services[0]


@pytest.mark.parametrize("name", LISTS)
def test_a_lost_job_is_found_in_any_list(stage: Stage, ibm: IBMService, name: str) -> None:
    """It is taken over, once, and never cancelled as a twin of itself."""
    order = stage.order(stage.template(shots=SHOTS), "lost")
    killed = stage.fork_server.run(**order, place=AFTER_CREATION)
    assert killed["status"] == -signal.SIGKILL
    ibm.faults.arm("rewrite", on="GET /jobs", change=LISTS[name], times=1000)
    assert stage.fork_server.run(**order)["error"] is None
    (record,) = stage.records(order)
    (job,) = ibm.jobs
    assert (record.state, record.job_id, job.status) == ("done", job.id, "Completed")
    cancels = [r for r in ibm.requests if r["path"].endswith("/cancel")]
    assert cancels == []


def test_without_a_list_of_usage_the_budget_still_holds(stage: Stage, ibm: IBMService) -> None:
    template = stage.template(shots=SHOTS)
    order = stage.order(template, "unknown", budget_s=60.0)
    ibm.faults.arm("answer", on="GET /instances/usage", status=404, times=1000)
    assert stage.fork_server.run(**order)["error"] is None
    (job,) = ibm.jobs
    assert job.cost is None or job.cost <= 60
    refused(stage.fork_server.run(**stage.order(template, "small", budget_s=0.5)))
    assert len(ibm.jobs) == 1


@pytest.mark.parametrize("name", USAGES)
def test_a_charge_that_cannot_be_is_unknown(stage: Stage, ibm: IBMService, name: str) -> None:
    """Results are kept; the job counts with its limit until the service says what it cost."""
    spoilt = partial(odd_charge, name)
    ibm.faults.arm("rewrite", on="GET /jobs/*/metrics", change=spoilt, times=1000)
    order = stage.order(stage.template(shots=SHOTS), "odd charge", budget_s=60.0)
    assert stage.fork_server.run(**order)["error"] is None
    (record,) = stage.records(order)
    assert (record.state, record.charged_seconds) == ("done", None)
    ibm.faults.clear()
    assert stage.fork_server.run(**order, action="collect")["error"] is None
    (record,) = stage.records(order)
    assert record.charged_seconds == pytest.approx(ibm.jobs[0].charge)


@pytest.mark.parametrize("name", RESULTS)
def test_a_damaged_result_is_fetched_again(stage: Stage, ibm: IBMService, name: str) -> None:
    ibm.faults.arm("rewrite", on="GET /jobs/*/results", change=partial(odd_result, name), times=1)
    order = stage.order(stage.template(shots=SHOTS), "damaged")
    refused(stage.fork_server.run(**order))
    (record,) = stage.records(order)
    assert record.state == "submitted"
    assert stage.fork_server.run(**order, action="collect")["error"] is None
    (record,) = stage.records(order)
    assert record.state == "done"
    assert len(ibm.jobs) == 1


ECHOED = (
    "GET /backends",
    "GET /backends/*/properties",
    "GET /backends/*/status",
    "GET /instances/usage",
    "GET /jobs/*/results",
    "GET /jobs/*/metrics",
    "POST /jobs",
)


@pytest.mark.parametrize(
    ("on", "status"),
    [
        *((on, 400) for on in ECHOED),
        *(
            pytest.param(on, 502, marks=() if on == "POST /jobs" else pytest.mark.trial)
            for on in ECHOED
        ),
    ],
)
def test_an_echo_of_the_request_says_no_credential(
    stage: Stage, ibm: IBMService, on: str, status: int
) -> None:
    """A proxy quotes the request; what is left of it names neither token nor its parts."""
    told: list[str] = []

    def told_echo(request: Request, answer: Answer) -> Answer:
        token = request.headers["authorization"].partition(" ")[2]
        told.extend([*token.split("."), token[:40], request.headers.get("service-crn", "-" * 9)])
        return echo(status, request, answer)

    order = stage.order(stage.template(shots=SHOTS), "echo")
    ibm.faults.arm("rewrite", on=on, change=told_echo, times=1000 if status == 400 else 1)
    reply = stage.fork_server.run(**order)
    ibm.faults.clear()
    said = json.dumps(reply)
    if reply["error"] is not None:
        check_sentence(reply["error"])
    for secret in told:
        for piece in (secret[k : k + 16] for k in range(0, max(len(secret) - 16, 1), 8)):
            assert piece not in said, (piece, said)
    assert not leak_check.is_in(said.encode())
    assert base64.b64encode(b'{"alg"').decode()[:8] not in said
