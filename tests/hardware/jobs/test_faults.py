"""Faults between client and device: each job is created once, and nothing is lost."""

from __future__ import annotations

import itertools
import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hardware.jobs.odd_answers import ODD
from hardware.jobs.trials import Stage, Trial, Undisturbed, at, check_sentence, refused
from urllib3 import HTTPResponse

from qmoe_qiskit.errors import HardwareError
from qmoe_qiskit.hardware.service.client import Client
from qmoe_qiskit.hardware.service.http import RetryAdapter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hardware.jobs.trials import ForkServer
    from ibm_service import IBMService

Fault = dict[str, Any]
Case = tuple[int, str, Fault]

# The client waits 0.5 s for an answer: a request held for 0.8 s takes effect after that.
TIMEOUTS = {"settle_s": 1.2, "poll_s": 0.1, "read_timeout_s": 0.5, "backoff_s": 0.05}
HELD_S = 0.8

# Faults, other than refusals, of the request that creates a job.
UNCLEAR: list[Fault] = [
    {"kind": "drop", "when": "before"},
    {"kind": "drop", "when": "after"},
    {"kind": "hold", "when": "before", "seconds": HELD_S},
    {"kind": "hold", "when": "after", "seconds": HELD_S},
    {"kind": "truncate"},
    *(
        {"kind": "answer", "status": status, "when": when}
        # 200: an answer, but from another server.
        for status in (200, 408, 500, 502, 503, 504)
        for when in ("before", "after")
    ),
    {"kind": "answer", "status": 429},
    {"kind": "answer", "status": 429, "retry_after": 1},
    {"kind": "answer", "status": 429, "retry_after": 0.2},  # no client understands it
]
ONCE = {200: "before", 408: "", 500: "after", 502: "", 503: "before", 504: "after"}
# Faults of a request that changes nothing.
OF_QUESTIONS: list[Fault] = [
    {"kind": "drop"},
    {"kind": "hold", "seconds": HELD_S},
    {"kind": "truncate"},
    *({"kind": "answer", "status": status} for status in (200, 401, 404, 429, 503)),
]
QUESTIONS = (
    "POST /identity/token",
    "POST /v3/resources/search",
    "GET /gc/*",
    "GET /backends",
    "GET /backends/*/configuration",
    "GET /backends/*/properties",
    "GET /backends/*/status",
    "GET /instances/usage",
    "GET /jobs",
)
QUESTIONS_OF_COLLECTION = (
    "GET /backends/*/configuration",
    "GET /backends/*/properties",
    "GET /jobs/*",
    "GET /jobs/*/metrics",
    "GET /jobs/*/results",
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("faults"), fork_server, count=4) as stage:
        yield stage
        stage.check_tags()


@pytest.fixture(scope="module")
def template(stage: Stage) -> str:
    return stage.template()


@pytest.fixture(scope="module")
def undisturbed(stage: Stage, template: str) -> Undisturbed:
    return stage.undisturbed(template)


def cases(questions: tuple[str, ...], *, whole: bool) -> list[Case]:
    """Every request with half of the faults and vice versa, or each with one."""
    pairs = itertools.product(enumerate(questions), enumerate(OF_QUESTIONS))
    half = [
        (on, fault)
        for (q, on), (f, fault) in pairs
        # Five and the number of faults have no common factor: nine questions meet every fault.
        if ((q + f) % 2 == 0 if whole else f == 5 * q % len(OF_QUESTIONS))
    ]
    return [(number, on, {**fault, "on": on}) for number, (on, fault) in enumerate(half)]


def until_done(stage: Stage, order: dict[str, Any], ibm: IBMService, faults: list[Fault]) -> Trial:
    """Repeat a command, first with faults and then without, until it succeeds."""
    for fault in faults:
        ibm.faults.arm(**fault)
    for attempt in range(4):
        if attempt == 2:
            ibm.faults.clear()
        reply = yield stage.fork_server.start(**order)
        assert reply["status"] in {0, -signal.SIGKILL}, (faults, reply)
        if reply["status"] == 0 and reply["error"] is None:
            return
        if reply["status"] == 0:
            check_sentence(reply["error"])
        order = {name: value for name, value in order.items() if name != "place"}
    pytest.fail(f"{faults}: {reply}")


def test_request_that_creates(
    stage: Stage, template: str, undisturbed: Undisturbed, *, whole: bool
) -> None:
    def trial(number: int, fault: Fault, ibm: IBMService) -> Trial:
        order = stage.order(template, f"creates-{whole}-{number}", ibm, timeouts=TIMEOUTS)
        ibm.faults.arm(**fault)
        reply = yield stage.fork_server.start(**order)
        assert (reply["status"], reply["error"]) == (0, None), (fault, reply)
        assert not ibm.faults.armed()
        assert stage.results(order) == undisturbed.results, fault

    lasting: list[Fault] = [
        {"kind": "drop", "when": "before", "times": 2},
        {"kind": "answer", "status": 500, "when": "before", "times": 3},
    ]
    # The sample has every kind of fault, and four statuses before or after the creation.
    kept = [f for f in UNCLEAR if ONCE.get(f.get("status", 0), f.get("when")) == f.get("when")]
    faults = UNCLEAR + lasting if whole else kept + lasting[1:]
    stage.conduct(partial(trial, number, fault) for number, fault in enumerate(faults))


def test_refused_request(
    stage: Stage, template: str, undisturbed: Undisturbed, *, whole: bool
) -> None:
    faults: list[Fault] = [
        *(
            {"kind": "answer", "status": status, "when": when}
            for number, status in enumerate((400, 401, 403, 404, 409))
            for late, when in enumerate(("before", "after"))
            if whole or (number + late) % 2
        ),
        {"kind": "answer", "status": 429, "times": 100},
    ]

    def trial(number: int, fault: Fault, ibm: IBMService) -> Trial:
        order = stage.order(template, f"refused-{whole}-{number}", ibm, timeouts=TIMEOUTS)
        ibm.faults.arm(**fault)
        reply = yield stage.fork_server.start(**order)
        refused(reply)
        ibm.faults.clear()
        assert [job.state for job in stage.records(order)] == ["planned"]
        # If the job was created after all, it is found.
        reply = yield stage.fork_server.start(**order)
        assert (reply["status"], reply["error"]) == (0, None), (fault, reply)
        assert stage.results(order) == undisturbed.results, fault

    stage.conduct(partial(trial, number, fault) for number, fault in enumerate(faults))


def test_questions_of_submission(
    stage: Stage, template: str, undisturbed: Undisturbed, *, whole: bool
) -> None:
    def trial(case: Case, ibm: IBMService) -> Trial:
        number, _, fault = case
        order = stage.order(template, f"asked-{whole}-{number}", ibm, timeouts=TIMEOUTS)
        yield from until_done(stage, order, ibm, [fault])
        assert stage.results(order) == undisturbed.results, fault

    stage.conduct(partial(trial, case) for case in cases(QUESTIONS, whole=whole))


def test_questions_of_collection(
    stage: Stage, template: str, undisturbed: Undisturbed, *, whole: bool
) -> None:
    def trial(case: Case, ibm: IBMService) -> Trial:
        number, on, fault = case
        order = stage.order(template, f"collected-{whole}-{number}", ibm, timeouts=TIMEOUTS)
        reply = yield stage.fork_server.start(**order, action="submit")
        assert (reply["status"], reply["error"]) == (0, None)
        # Collection does not open the device.
        yield from until_done(stage, {**order, "action": "collect"}, ibm, [fault])
        # Collection does not wait for a calibration that the service lacks.
        calibrated = not (on.endswith("properties") and fault.get("status") == 404)
        assert stage.results(order, calibrated=calibrated) == undisturbed.results, fault

    stage.conduct(partial(trial, case) for case in cases(QUESTIONS_OF_COLLECTION, whole=whole))


@pytest.mark.parametrize("status", [None, 500])
def test_job_that_is_not_listed_for_a_while(
    stage: Stage, template: str, undisturbed: Undisturbed, status: int | None
) -> None:
    ibm = stage.services[0]
    ibm.faults.arm("drop", when="after")
    ibm.faults.arm("lose_list", seconds=0.7, status=status)
    order = stage.order(template, f"unlisted-{status}", timeouts=TIMEOUTS)
    assert stage.done(order) == undisturbed.results


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_the_service_is_at_work(
    stage: Stage, template: str, undisturbed: Undisturbed, when: str, *, whole: bool
) -> None:
    """The sender dies, and its successor looks, before or after the request has its effect."""
    ibm = stage.services[0]
    for number in range(6 if whole else 2):
        ibm.faults.arm("hold", when=when, seconds=0.6)
        order = stage.order(template, f"held-{when}-{whole}-{number}", timeouts=TIMEOUTS)
        seen = len(ibm.requests)
        command = stage.fork_server.start(**order)
        pid = stage.fork_server.pid(command)
        while not any(r["method"] == "POST" and r["fault"] for r in ibm.requests[seen:]):
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        assert stage.fork_server.wait(command)["status"] == -signal.SIGKILL
        assert stage.records(order)[0].state == "sending"
        assert stage.done(order) == undisturbed.results


def test_settling_begins_when_the_sender_was_last_seen(
    stage: Stage, template: str, undisturbed: Undisturbed
) -> None:
    """It does not begin with the attempt: a request that was held may take effect even later."""
    ibm = stage.services[0]
    timeouts = {"settle_s": 0.9, "poll_s": 0.1, "read_timeout_s": 1.1}
    ibm.faults.arm("hold", when="before", seconds=1.5)
    order = stage.order(template, "held-long", timeouts=timeouts)
    assert stage.done(order) == undisturbed.results
    ibm.faults.arm("hold", when="before", seconds=1.5)
    order = stage.order(template, "held-long-killed", timeouts=timeouts)
    command = stage.fork_server.start(**order)
    pid = stage.fork_server.pid(command)
    while ibm.faults.armed():
        time.sleep(0.01)
    time.sleep(0.9)
    os.kill(pid, signal.SIGKILL)
    stage.fork_server.wait(command)
    assert stage.done(order) == undisturbed.results


def test_faults_and_kills_at_random(
    stage: Stage,
    template: str,
    undisturbed: Undisturbed,
    rng: np.random.Generator,
    *,
    whole: bool,
) -> None:
    questions = [*QUESTIONS, *QUESTIONS_OF_COLLECTION]

    def fault() -> Fault:
        if rng.random() < 0.4:
            odd = ODD[rng.integers(len(ODD))]
            return {"kind": "rewrite", "times": int(rng.integers(1, 4)), **odd}
        if rng.random() < 0.5:
            return UNCLEAR[rng.integers(len(UNCLEAR))]
        of_question = OF_QUESTIONS[rng.integers(len(OF_QUESTIONS))]
        return {**of_question, "on": questions[rng.integers(len(questions))]}

    def trial(number: int, faults: list[Fault], ibm: IBMService) -> Trial:
        order = stage.order(template, f"random-{whole}-{number}", ibm, timeouts=TIMEOUTS)
        if number % 2:
            order["place"] = undisturbed.steps(rng, 1, "jobs/submit.py", "service/client.py")[0]
        yield from until_done(stage, order, ibm, faults)
        ibm.faults.clear()
        # A charge that the service told wrongly is asked for again.
        reply = yield stage.fork_server.start(**{**order, "place": None, "action": "collect"})
        assert (reply["status"], reply["error"]) == (0, None), (faults, reply)
        no_calibration = any(
            (f.get("status") == 404 and str(f.get("on")).endswith("properties"))
            or str(f.get("on")).endswith("metrics")
            for f in faults
        )
        calibrated = not no_calibration or stage.records(order)[0].calibration_hash is not None
        assert stage.results(order, calibrated=calibrated) == undisturbed.results, faults

    n_trials = 300 if whole else 5
    faults = [[fault() for _ in range(rng.integers(2, 5))] for _ in range(n_trials)]
    stage.conduct(partial(trial, number, some) for number, some in enumerate(faults))


@pytest.mark.parametrize(("kind", "said"), [("fail_job", "failed"), ("cancel_job", "cancelled")])
def test_job_that_does_not_succeed(stage: Stage, template: str, kind: str, said: str) -> None:
    stage.services[0].faults.arm(kind, reason="the cryostat is warm")
    order = stage.order(template, kind)
    for _ in range(2):  # again: the same answer, and no second job
        assert said in refused(stage.fork_server.run(**order))
    (job,) = stage.records(order)
    (created,) = stage.created(job.tag)
    assert (job.state, job.charged_seconds) == (said, created.charge)


def test_job_that_is_slow(stage: Stage, template: str, undisturbed: Undisturbed) -> None:
    stage.services[0].faults.arm("slow_job", seconds=1.0)
    order = stage.order(template, "slow")
    assert stage.done(order) == undisturbed.results


@pytest.mark.parametrize(("kind", "said"), [("over_quota", "used up"), ("device_down", "is down")])
def test_refused_beforehand(
    stage: Stage, template: str, undisturbed: Undisturbed, kind: str, said: str
) -> None:
    ibm = stage.services[0]
    before = len(ibm.jobs)
    ibm.faults.arm(kind)
    order = stage.order(template, kind)
    assert said in refused(stage.fork_server.run(**order))
    assert len(ibm.jobs) == before
    assert stage.records(order) == []
    ibm.faults.clear()
    assert stage.done(order) == undisturbed.results


def test_what_exists_is_fetched_whatever_keeps_new_jobs_away(
    stage: Stage, template: str, undisturbed: Undisturbed
) -> None:
    """The job whose response was lost has used up the QPU time."""
    ibm = stage.services[0]
    order = stage.order(template, "orphan", timeouts=TIMEOUTS)
    after = at("jobs/submit.py", "session = self._mode.session_id")
    assert stage.fork_server.run(**order, place=after)["status"] == -signal.SIGKILL
    ibm.faults.arm("over_quota")
    assert stage.fork_server.run(**order)["error"] is None
    ibm.faults.clear()
    assert stage.results(order) == undisturbed.results


def test_no_access_token_to_be_had(stage: Stage) -> None:
    """The library continues without a token and is refused; the API key is not to blame."""
    client = Client.connect()
    tokens = client._service._active_api_client._session.auth.tm
    tokens.expire_time = 0
    ibm = stage.services[0]
    ibm.faults.arm("drop", on="POST /identity/token")
    with pytest.raises(HardwareError, match="no access token") as caught:
        client.usage()
    check_sentence(str(caught.value))
    tokens.request_time = 0  # else it pauses for a minute
    assert client.usage()["usage_limit_seconds"] == ibm.account.allowance
    ibm.account.expire_tokens()
    with pytest.raises(HardwareError, match="create a new API key"):
        client.usage()


@pytest.mark.parametrize(("asked", "waited"), [("5", 5), ("86400", 60), ("soon", None)])
def test_pause_that_the_service_asks_for(asked: str, waited: float | None) -> None:
    retries = RetryAdapter().max_retries
    assert retries.get_retry_after(HTTPResponse(headers={"Retry-After": asked})) == waited
