"""A client is killed at every step: each job is created once, and nothing is lost."""

from __future__ import annotations

import signal
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hardware.jobs.trials import Stage, Trial, Undisturbed, at

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from hardware.jobs.fork_server import Place
    from hardware.jobs.trials import ForkServer
    from ibm_service import IBMService


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("exactly_once"), fork_server) as stage:
        yield stage
        stage.check_tags()


@pytest.fixture(scope="module")
def template(stage: Stage) -> str:
    return stage.template()


@pytest.fixture(scope="module")
def undisturbed(stage: Stage, template: str) -> Undisturbed:
    return stage.undisturbed(template)


def test_killed_at_every_step(
    stage: Stage,
    template: str,
    undisturbed: Undisturbed,
    rng: np.random.Generator,
    *,
    whole: bool,
) -> None:
    fates: Counter[int] = Counter()
    n_jobs = sum(len(ibm.jobs) for ibm in stage.services)

    def trial(number: int, places: list[Place], ibm: IBMService) -> Trial:
        order = stage.order(template, f"killed-{whole}-{number}", ibm)
        for place in places:
            reply = yield stage.fork_server.start(**order, place=place)
            fates[reply["status"]] += 1
            assert reply["status"] in {0, -signal.SIGKILL}, (places, reply)
        reply = yield stage.fork_server.start(**order)
        assert (reply["status"], reply["error"]) == (0, None), (places, reply)
        assert stage.results(order) == undisturbed.results, places

    # Every statement of the submission, and a sample of the others.
    submission = undisturbed.steps(
        rng, 80 if whole else 6, "jobs/submit.py", "jobs/recover.py", "jobs/rate_limits.py"
    )
    rest = undisturbed.steps(rng, 70 if whole else 3)
    around = [
        at("jobs/submit.py", "job_id = self.client.create("),
        at("jobs/submit.py", "session = self._mode.session_id"),
    ]
    places = [[place] for place in around + submission + rest]
    for number in range(0, len(places), 4):  # killed again during the second attempt
        places[number] += undisturbed.steps(rng, 1)
    stage.conduct(partial(trial, number, killed) for number, killed in enumerate(places))
    # Only steps of waiting loops may be missed, and a busy machine takes other numbers of them.
    assert fates[-signal.SIGKILL] >= 0.75 * fates.total()
    assert sum(len(ibm.jobs) for ibm in stage.services) == n_jobs + len(places)


def test_interrupted_at_many_steps(
    stage: Stage,
    template: str,
    undisturbed: Undisturbed,
    rng: np.random.Generator,
    *,
    whole: bool,
) -> None:
    """Ctrl-C, then the same action again with the same objects, as in a notebook."""

    def trial(number: int, place: Place, ibm: IBMService) -> Trial:
        order = stage.order(template, f"interrupted-{whole}-{number}", ibm)
        reply = yield stage.fork_server.start(**order, place=place, interrupted=True)
        assert (reply["status"], reply["error"]) == (0, None), (place, reply)
        assert stage.results(order) == undisturbed.results, place

    files = (
        "jobs/submit.py",
        "jobs/recover.py",
        "jobs/collect.py",
        "devices/ibm.py",
        "jobs/rate_limits.py",
    )
    places = undisturbed.steps(rng, 40 if whole else 5, *files)
    stage.conduct(partial(trial, number, place) for number, place in enumerate(places))
