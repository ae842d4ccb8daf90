"""Answers that a service should not give: lists, usage, metrics, results, echoes of requests."""

from __future__ import annotations

import base64
import json
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import leak_check
import pytest
from hardware.jobs.trials import Stage, at, check_sentence, refused
from ibm_service.messages import Answer, Request, as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ibm_service import IBMService

SHOTS = 64
AFTER_CREATION = at("jobs/submit.py", "session = self._mode.session_id")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, count=1) as stage:
        yield stage


@pytest.fixture
def ibm(stage: Stage) -> IBMService:
    return stage.services[0]


def of_rows(change: Callable[[list[Any]], list[Any]]) -> Callable[[Request, Answer], Answer]:
    """Change the rows of a list of jobs, and the count with them."""

    def changed(_: Request, answer: Answer) -> Answer:
        document = json.loads(answer.body)
        rows = change(document["jobs"])
        return as_json({**document, "jobs": rows, "count": document["count"] + len(rows) - 1})

    return changed


def with_created(moment: object) -> Callable[[Request, Answer], Answer]:
    return of_rows(lambda rows: [{**row, "created": moment} for row in rows])


def one_at_a_time(request: Request, answer: Answer) -> Answer:
    """Pages of one row: the same job twice, as offsets show it while jobs arrive, and no more."""
    document = json.loads(answer.body)
    skip = int(request.one("offset") or 0)
    rows = [*document["jobs"]] if skip == 0 else document["jobs"] or ROWS
    ROWS[:] = rows
    return as_json({**document, "jobs": rows[:1] if skip < 2 else [], "count": 2})


ROWS: list[Any] = []

LISTS: dict[str, Callable[[Request, Answer], Answer]] = {
    "a job twice": of_rows(lambda rows: rows * 2),
    "pages of one row": one_at_a_time,
    "no creation time": of_rows(
        lambda rows: [{k: v for k, v in row.items() if k != "created"} for row in rows]
    ),
    "a number as time": with_created(1.7e9),
    "junk as time": with_created("yesterday"),
    "no time": with_created(None),
    "jobs of others": of_rows(
        lambda rows: [*({**row, "id": "d" + "0" * 19, "tags": ["mine"]} for row in rows), *rows]
    ),
}


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


USAGES: dict[str, Any] = {
    "none": None,
    "infinite": {"qpu_charge_time_seconds": "Infinity", "status": "complete"},
    "negative": {"qpu_charge_time_seconds": -3.0, "status": "complete"},
    "a list": [],
    "true": {"qpu_charge_time_seconds": True, "status": "complete"},
}


@pytest.mark.parametrize("name", USAGES)
def test_a_charge_that_cannot_be_is_unknown(stage: Stage, ibm: IBMService, name: str) -> None:
    """Results are kept; the job counts with its limit until the service says what it cost."""

    def changed(_: Request, answer: Answer) -> Answer:
        document = json.loads(answer.body)
        document["usage"] = USAGES[name]
        document["timestamps"] = None if name == "none" else document["timestamps"]
        spoilt = json.dumps(document).replace('"Infinity"', "Infinity")
        return replace(answer, body=spoilt.encode())

    ibm.faults.arm("rewrite", on="GET /jobs/*/metrics", change=changed, times=1000)
    order = stage.order(stage.template(shots=SHOTS), "odd charge", budget_s=60.0)
    assert stage.fork_server.run(**order)["error"] is None
    (record,) = stage.records(order)
    assert (record.state, record.charged_seconds) == ("done", None)
    ibm.faults.clear()
    assert stage.fork_server.run(**order, action="collect")["error"] is None
    (record,) = stage.records(order)
    assert record.charged_seconds == pytest.approx(ibm.jobs[0].charge)


def cut(body: bytes) -> bytes:
    return body[: len(body) // 2]


RESULTS: dict[str, Callable[[bytes], bytes]] = {
    "cut": cut,
    "empty": lambda _: b"",
    "another document": lambda _: b'{"data": []}',
    "a list": lambda _: b"[]",
    "fewer rows": lambda body: body.replace(b"[", b"[[", 1),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_damaged_result_is_fetched_again(stage: Stage, ibm: IBMService, name: str) -> None:
    def changed(_: Request, answer: Answer) -> Answer:
        return replace(answer, body=RESULTS[name](answer.body))

    ibm.faults.arm("rewrite", on="GET /jobs/*/results", change=changed, times=1)
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


@pytest.mark.parametrize("status", [400, 502])
@pytest.mark.parametrize("on", ECHOED)
def test_an_echo_of_the_request_says_no_credential(
    stage: Stage, ibm: IBMService, on: str, status: int
) -> None:
    """A proxy quotes the request; what is left of it names neither token nor its parts."""
    told: list[str] = []

    def echo(request: Request, _: Answer) -> Answer:
        token = request.headers["authorization"].partition(" ")[2]
        told.extend([*token.split("."), token[:40], request.headers.get("service-crn", "-" * 9)])
        said = f"bad request: {request.headers} ... {token[7:60]} {token[-30:]}"
        error = {"code": 1, "message": said, "solution": "", "more_info": ""}
        return as_json({"errors": [error], "trace": token}, status=status)

    order = stage.order(stage.template(shots=SHOTS), "echo")
    ibm.faults.arm("rewrite", on=on, change=echo, times=1000 if status == 400 else 1)
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
