"""Everything that may go wrong on the way to a device: each job is created once, nothing is lost."""

from __future__ import annotations

import itertools
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hardware.trials import Stage, Trial, check_sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibm_service import IBMService

Fault = dict[str, Any]

# Answers come within 0.5 s or not at all: what is held for 0.8 s is done after its sender gave up.
PATIENCE = {"settle_s": 1.5, "poll_s": 0.1, "read_timeout_s": 0.5}
HELD_S = 0.8

# What may happen to the request that creates a job, and is not a refusal.
UNCLEAR: list[Fault] = [
    {"kind": "drop", "when": "before"},
    {"kind": "drop", "when": "after"},
    {"kind": "hold", "when": "before", "seconds": HELD_S},
    {"kind": "hold", "when": "after", "seconds": HELD_S},
    {"kind": "truncate"},
    *(
        {"kind": "answer", "status": status, "when": when}
        # 200: an answer, but not the service's.
        for status in (200, 408, 500, 502, 503, 504)
        for when in ("before", "after")
    ),
    {"kind": "answer", "status": 429},
    {"kind": "answer", "status": 429, "retry_after": 0.2},
    {"kind": "drop", "when": "before", "times": 2},
    {"kind": "answer", "status": 500, "when": "before", "times": 3},
]
# What may happen to a request that only asks.
OF_QUESTIONS: list[Fault] = [
    {"kind": "drop"},
    {"kind": "hold", "seconds": HELD_S},
    {"kind": "truncate"},
    *({"kind": "answer", "status": status} for status in (200, 401, 403, 404, 429, 500, 503)),
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
    "GET /jobs/*",
    "GET /jobs/*/metrics",
    "GET /jobs/*/results",
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("faults"), count=4) as stage:
        yield stage


@pytest.fixture(scope="module")
def template(stage: Stage) -> str:
    return stage.template()


@pytest.fixture(scope="module")
def undisturbed(stage: Stage, template: str) -> list[bytes]:
    order = stage.order(template, "undisturbed")
    assert stage.nursery.run(**order)["status"] == 0
    return stage.results(order)


def until_done(stage: Stage, order: dict[str, Any], ibm: IBMService, faults: list[Fault]) -> Trial:
    """Give a command under faults, and again without them until it is done."""
    for fault in faults:
        ibm.faults.arm(**fault)
    for _ in range(3):
        reply = yield stage.nursery.start(**order)
        assert reply["status"] in {0, -signal.SIGKILL}, (faults, reply)
        if reply["status"] == 0 and reply["error"] is None:
            return
        if reply["status"] == 0:
            check_sentence(reply["error"])
        ibm.faults.clear()
        order = {name: value for name, value in order.items() if name != "place"}
    pytest.fail(f"{faults}: {reply}")


def test_request_that_creates(stage: Stage, template: str, undisturbed: list[bytes]) -> None:
    def trial(number: int, fault: Fault, ibm: IBMService) -> Trial:
        order = stage.order(template, f"creates-{number}", ibm, patience=PATIENCE)
        yield from until_done(stage, order, ibm, [fault])
        assert stage.results(order) == undisturbed, fault
        (job,) = stage.records(order)
        print(fault, job.attempts)

    stage.conduct(partial(trial, number, fault) for number, fault in enumerate(UNCLEAR))


def test_questions(stage: Stage, template: str, undisturbed: list[bytes]) -> None:
    def trial(on: str, number: int, fault: Fault, ibm: IBMService) -> Trial:
        name = f"{on.replace('/', '_')}-{number}"
        order = stage.order(template, name, ibm, patience=PATIENCE)
        fault = {**fault, "on": on}
        yield from until_done(stage, order, ibm, [fault])
        assert stage.results(order) == undisturbed, fault

    stage.conduct(
        partial(trial, on, number, fault)
        for on, (number, fault) in itertools.product(QUESTIONS, enumerate(OF_QUESTIONS))
    )
