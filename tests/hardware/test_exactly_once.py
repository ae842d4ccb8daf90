"""A client that is killed at every step: each job is created once, and nothing is lost."""

from __future__ import annotations

import signal
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hardware.trials import Stage, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hardware.nursery import Place
    from ibm_service import IBMService

N_KILLED = 150
# What is executed between the device's opening and the last result.
STEPS = ("submission.py", "collection.py", "remote.py", "adoption.py", "client.py", "ledger.py")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("exactly_once")) as stage:
        yield stage


@pytest.fixture(scope="module")
def template(stage: Stage) -> str:
    return stage.template()


@pytest.fixture(scope="module")
def undisturbed(stage: Stage, template: str) -> dict[str, Any]:
    """An execution that nothing happens to: its story and its results."""
    order = stage.order(template, "undisturbed")
    reply = stage.nursery.run(**order, told=True)
    assert (reply["status"], reply["error"]) == (0, None)
    return {"story": [tuple(step) for step in reply["story"]], "results": stage.results(order)}


def chosen(story: list[Place], count: int, rng: np.random.Generator) -> list[Place]:
    """Choose steps: the first visit of each statement of interest, and others over all of it."""
    own = [step for step in story if step[0] in STEPS]
    first = [step for step in own if step[2] == 1]
    submission = [step for step in first if step[0] == "submission.py"]
    others = [step for step in story if step not in set(submission)]
    picked = rng.choice(len(others), size=count - len(submission), replace=False)
    return sorted({*submission, *(others[i] for i in picked)}, key=story.index)


def test_killed_at_every_step(
    stage: Stage, template: str, undisturbed: dict[str, Any], rng: np.random.Generator
) -> None:
    story = undisturbed["story"]
    fates: Counter[int] = Counter()

    def trial(number: int, places: list[Place], ibm: IBMService) -> Trial:
        order = stage.order(template, f"killed-{number}", ibm)
        for place in places:
            reply = yield stage.nursery.start(**order, place=place)
            fates[reply["status"]] += 1
            assert reply["status"] in {0, -signal.SIGKILL}, (places, reply)
        reply = yield stage.nursery.start(**order)
        assert (reply["status"], reply["error"]) == (0, None), (places, reply)
        assert stage.results(order) == undisturbed["results"], places

    places = [[place] for place in chosen(story, N_KILLED, rng)]
    for number in range(0, len(places), 4):  # a second time, when they go on
        places[number].append(story[rng.integers(len(story))])
    stage.conduct(partial(trial, number, killed) for number, killed in enumerate(places))
    # Only steps of loops that wait may not come up.
    assert fates[-signal.SIGKILL] >= 0.9 * fates.total()
    assert sum(len(ibm.jobs) for ibm in stage.services) == len(places) + 1
