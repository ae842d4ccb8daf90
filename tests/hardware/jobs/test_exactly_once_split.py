"""Work in several jobs: each is created once, in sessions and batches, within the budget."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hardware.jobs.trials import Stage, Trial, Undisturbed, at, refused

from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from hardware.jobs.fork_server import Place
    from hardware.jobs.trials import ForkServer
    from ibm_service import IBMService

N_JOBS = 3
SHOTS = 64
SPLIT = {"creations_per_minute": 1000, "executions_per_job": 2 * SHOTS}
BEFORE_CREATION = at("jobs/submit.py", "job_id = self.client.create(")
AFTER_CREATION = at("jobs/submit.py", "session = self._mode.session_id")
# QPU time of each job in whole seconds.
SECONDS = 3


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("split"), fork_server) as stage:
        yield stage
        stage.check_tags()


@pytest.fixture(scope="module")
def template(stage: Stage) -> str:
    return stage.template(n_points=2 * N_JOBS, shots=SHOTS)


@pytest.fixture(scope="module")
def undisturbed(stage: Stage, template: str) -> Undisturbed:
    return stage.undisturbed(template, limits=SPLIT)


def test_killed_between_the_parts(
    stage: Stage,
    template: str,
    undisturbed: Undisturbed,
    rng: np.random.Generator,
    *,
    whole: bool,
) -> None:
    def trial(number: int, place: Place, ibm: IBMService) -> Trial:
        order = stage.order(template, f"split-{whole}-{number}", ibm, limits=SPLIT)
        yield stage.fork_server.start(**order, place=place)
        reply = yield stage.fork_server.start(**order)
        assert (reply["status"], reply["error"]) == (0, None), (place, reply)
        assert len(stage.records(order)) == N_JOBS
        assert stage.results(order) == undisturbed.results, place

    of_parts = [s for s in undisturbed.story if s[0] == "jobs/submit.py" and s[2] in {2, 3}]
    places = [
        of_parts[i] for i in rng.choice(len(of_parts), size=16 if whole else 3, replace=False)
    ]
    stage.conduct(partial(trial, number, place) for number, place in enumerate(places))


@pytest.mark.parametrize("mode", ["session", "batch"])
def test_sessions_are_gone_on_with_and_closed(
    stage: Stage, undisturbed: Undisturbed, rng: np.random.Generator, mode: str, *, whole: bool
) -> None:
    template = stage.template(n_points=2 * N_JOBS, shots=SHOTS, mode=mode)
    story = stage.undisturbed(template, limits=SPLIT).story

    def trial(number: int, place: Place, ibm: IBMService) -> Trial:
        order = stage.order(template, f"{mode}-{whole}-{number}", ibm, limits=SPLIT)
        yield stage.fork_server.start(**order, place=place)
        reply = yield stage.fork_server.start(**order)
        assert (reply["status"], reply["error"]) == (0, None), (place, reply)
        assert stage.results(order) == undisturbed.results, place
        tags = [job.tag for job in stage.records(order)]
        used = {job.session_id for tag in tags for job in stage.created(tag)}
        sessions = [s for s in ibm.store.sessions() if s.id in used]
        assert len(sessions) == 1, place
        assert sessions[0].mode == {"session": "dedicated", "batch": "batch"}[mode]
        assert not sessions[0].accepting_jobs, place

    # After the first creation, the session is found by its job.
    begun = story.index(AFTER_CREATION)
    own = [
        s
        for s in story[begun:]
        if s[0] in {"jobs/submit.py", "jobs/recover.py", "service/client.py"}
    ]
    places = [own[i] for i in rng.choice(len(own), size=12 if whole else 2, replace=False)]
    stage.conduct(partial(trial, number, place) for number, place in enumerate(places))


def test_a_session_that_ended_meanwhile(stage: Stage, undisturbed: Undisturbed) -> None:
    template = stage.template(n_points=2 * N_JOBS, shots=SHOTS, mode="session")
    ibm = stage.services[0]
    order = stage.order(template, "ended", limits=SPLIT)
    second = (*BEFORE_CREATION[:2], 2)
    assert stage.fork_server.run(**order, place=second)["status"] == -signal.SIGKILL
    session = stage.created(stage.records(order)[0].tag)[0].session_id
    assert session is not None
    ibm.store._sessions.pop(session)
    assert stage.done(order) == undisturbed.results


def test_plan_without_sessions(tmp_path: Any, fork_server: ForkServer) -> None:
    with Stage(tmp_path, fork_server, count=1, plan="open") as stage:
        (ibm,) = stage.services
        template = stage.template(mode="batch")
        order = stage.order(template, "session", options={"mode": "session"})
        assert "no sessions" in refused(stage.fork_server.run(**order))
        assert not [r for r in ibm.requests if r["method"] == "POST" and "jobs" in r["path"]]
        assert not ibm.store.sessions()
        assert stage.records(order) == []


def costs(stage: Stage, order: dict[str, Any]) -> list[float]:
    """The limits of QPU time that the client sent."""
    jobs = [job for record in stage.records(order) for job in stage.created(record.tag)]
    assert all(job.cost is not None for job in jobs)
    return [job.cost for job in jobs if job.cost is not None]


@pytest.mark.parametrize(
    "budget_s",
    [
        N_JOBS * SECONDS,
        N_JOBS * SECONDS + 0.9,
        pytest.param(25.0, marks=pytest.mark.trial),  # as the others, with room to spare
    ],
)
def test_limits_within_the_budget(
    stage: Stage, template: str, undisturbed: Undisturbed, budget_s: float
) -> None:
    order = stage.order(template, f"budget-{budget_s}", limits=SPLIT, budget_s=budget_s)
    assert stage.done(order) == undisturbed.results
    assert len(costs(stage, order)) == N_JOBS
    assert sum(costs(stage, order)) <= budget_s


def test_limits_within_the_budget_when_killed(
    stage: Stage,
    template: str,
    undisturbed: Undisturbed,
    rng: np.random.Generator,
    *,
    whole: bool,
) -> None:
    budget_s = N_JOBS * SECONDS + 1.0

    def trial(number: int, place: Place, ibm: IBMService) -> Trial:
        order = stage.order(
            template, f"budget-killed-{whole}-{number}", ibm, limits=SPLIT, budget_s=budget_s
        )
        yield stage.fork_server.start(**order, place=place)
        reply = yield stage.fork_server.start(**order)
        assert (reply["status"], reply["error"]) == (0, None), (place, reply)
        assert stage.results(order) == undisturbed.results, place
        assert sum(costs(stage, order)) <= budget_s, place

    places = undisturbed.steps(rng, 12 if whole else 2, "jobs/submit.py")
    stage.conduct(partial(trial, number, place) for number, place in enumerate(places))


def test_over_budget(stage: Stage, template: str, undisturbed: Undisturbed) -> None:
    order = stage.order(template, "over", limits=SPLIT)
    small = {**order, "budget_s": N_JOBS * SECONDS - 0.1}
    before = [stage.posted(ibm) for ibm in stage.services]
    assert "more than the" in refused(stage.fork_server.run(**small))
    assert stage.records(order) == []
    assert [stage.posted(ibm) for ibm in stage.services] == before
    assert stage.done({**order, "budget_s": N_JOBS * SECONDS}) == undisturbed.results


def test_stops_between_jobs(stage: Stage, template: str, undisturbed: Undisturbed) -> None:
    """The first job exceeds its limit: the others wait for a larger budget."""
    order = stage.order(template, "stops", limits=SPLIT, budget_s=N_JOBS * SECONDS)
    second = (*BEFORE_CREATION[:2], 2)
    place = at("jobs/submit.py", "limit = self._mode.limit_of(job)", visit=2)
    assert place[:2] < second[:2]
    assert stage.fork_server.run(**order, place=place)["status"] == -signal.SIGKILL
    ((job,), _, _) = [stage.created(record.tag) for record in stage.records(order)]
    stage.fork_server.run(**order, action="collect")
    with Ledger(order["ledger"]) as book, book._transaction() as database:
        database.execute("UPDATE jobs SET charged_seconds = 4.5 WHERE state = 'done'")
    job.charge = 4.5
    assert "nothing more was sent" in refused(stage.fork_server.run(**order))
    assert len(costs(stage, order)) == 1
    assert stage.done({**order, "budget_s": 10.5}) == undisturbed.results
    assert sum(costs(stage, order)[1:]) <= 6


def test_two_works_within_one_budget(stage: Stage, template: str) -> None:
    order = stage.order(template, "both", limits=SPLIT)
    other = stage.order(template, "both-2")["key"]
    charged = 2.0328 * N_JOBS  # by the service, for the first work
    enough = charged + N_JOBS * SECONDS + 0.1
    both = {**order, "more_keys": [other]}
    assert "more than the" in refused(stage.fork_server.run(**both, budget_s=enough - 1.0))
    stage.results(order)  # the first is done
    assert sum(job.charged_seconds or 0.0 for job in stage.records(order)) <= charged
    assert stage.records({**order, "key": other}) == []
    assert stage.fork_server.run(**both, budget_s=enough)["error"] is None
    assert charged + sum(costs(stage, {**order, "key": other})) <= enough
