"""The study of drift: reproducible tasks, and verdicts that can say "not supported"."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from qmoe_qiskit.adaptive import StreamReport
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.adaptive.device_task import ACTIONS, DeviceDriftTask
from qmoe_qiskit.studies.adaptive.settings import AdaptiveSettings
from qmoe_qiskit.studies.adaptive.stream_task import StreamTask, _measured, turned
from qmoe_qiskit.studies.adaptive.study import STUDY
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.task import unique_tasks

SMALL = AdaptiveSettings(
    n_train=60, n_stream=160, epochs=2, n_layers=1, device="ibmq_manila", days=(1, 3),
    n_samples=100, device_epochs=2, retraining_epochs=1, probes=30,
)  # fmt: skip


def stream_task(learner: str, *, turn: float = 90.0, seed: int = 3) -> StreamTask:
    for task in STUDY.tasks(SMALL, [seed]):
        if isinstance(task, StreamTask) and (task.learner, task.turn) == (learner, turn):
            return task
    raise AssertionError(learner)


def test_points_turn_around_the_middle(rng: np.random.Generator) -> None:
    """Complex numbers as the oracle; half a turn takes one moon to the other one."""
    points_N2 = rng.normal(size=(20, 2))
    middle = 0.5 + 0.25j
    complex_N = (points_N2 @ [1, 1j] - middle) * np.exp(0.7j) + middle
    got_N2 = turned(points_N2, np.rad2deg(0.7))
    np.testing.assert_allclose(got_N2 @ [1, 1j], complex_N, atol=1e-14)
    t = np.linspace(0, np.pi, 9)
    upper, lower = np.c_[np.cos(t), np.sin(t)], np.c_[1 - np.cos(t), 0.5 - np.sin(t)]
    np.testing.assert_allclose(turned(upper, 180), lower, atol=1e-14)


def test_learners_of_a_seed_meet_the_same_rows() -> None:
    (first, rows, change), (_, other, same) = (
        stream_task("quantum").rows(),
        stream_task("arf").rows(),
    )
    assert change == same
    np.testing.assert_array_equal(rows[0], other[0])
    _, still, _ = stream_task("quantum", turn=0.0).rows()
    np.testing.assert_array_equal(still[0][:change], rows[0][:change])
    np.testing.assert_array_equal(turned(still[0][change:], 90), rows[0][change:])
    assert (len(first[1]), len(rows[1])) == (60, 160)
    assert len({stream_task("arf", seed=seed).rows()[2] for seed in range(8)}) > 1


@pytest.mark.parametrize("learner", ["linear", "hoeffding"])
def test_a_stream_gives_the_same_result_bit_for_bit(learner: str) -> None:
    one = stream_task(learner).run()
    assert stream_task(learner).run() == one
    assert json.loads(json.dumps(one, allow_nan=False)) == one
    assert len(one["streams"]) == (len(SMALL.policies) if learner == "linear" else 1)
    for stream in one["streams"]:
        sizes = [50, 50, 50, 10]
        assert np.dot(stream["blocks"], sizes) / 160 == pytest.approx(stream["accuracy"])


def test_what_is_counted_of_a_stream() -> None:
    report = StreamReport(correct=[True] * 6 + [False] * 4, drifts=[2, 5, 8, 9], refits=[])
    found = _measured(report, 5)
    assert (found["n_false"], found["found_after"]) == (1, 1)  # row 5 is the first that changed
    assert (found["accuracy"], found["accuracy_after"]) == (0.6, 0.2)
    assert _measured(StreamReport(correct=[True] * 9, drifts=[2]), 5)["found_after"] is None


def test_a_device_is_recalibrated_day_by_day() -> None:
    (task,) = (
        task
        for task in STUDY.tasks(SMALL, [2])
        if isinstance(task, DeviceDriftTask) and not task.noise_aware
    )
    one = task.run()
    assert json.loads(json.dumps(one, allow_nan=False)) == one
    assert len(one["days"]) == 2
    for day in one["days"]:
        counts = [day[action]["executions"] for action in ACTIONS]
        assert counts == [0, 30, 75, 75, 75 * (1 + 2 * 6)]
        chosen = day[day["planned"]["action"]]
        assert day["planned"]["executions"] == 30 + chosen["executions"]
        assert day["planned"]["accuracy"] == chosen["accuracy"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"routers": ("linear",)}, "the claims are about router 'quantum'"),
        ({"policies": ("never",)}, "the claims need policy 'detected'"),
        ({"turns": (90.0,)}, "turns must begin with 0"),
        ({"controls": ("forest",)}, "unknown control 'forest'"),
        ({"device": "ibmq_manilla"}, "did you mean 'ibmq_manila'"),
        ({"days": ()}, "days is empty"),
        ({"margin": 0.0}, "margin"),
    ],
)
def test_bad_settings(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        SMALL.changed(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"detector": "adwim"}, "unknown detector 'adwim'"),
        ({"policies": ("never", "detected", "often")}, "policy 'often' is not known"),
        ({"routers": ("quantum", "liner")}, "unknown router 'liner'"),
        ({"probes": 76}, "probes is 76: they are drawn from the 75 training rows"),
    ],
)
def test_tasks_are_found_impossible_before_they_run(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        unique_tasks(STUDY.tasks(SMALL.changed(**changes), [0]))


def made_up(settings: AdaptiveSettings, n_seeds: int) -> list[TaskResult]:
    """Results in which the forest is the best, and a refit as good as a retraining."""
    rng = np.random.default_rng(0)

    def stream(task: StreamTask, policy: str) -> dict[str, Any]:
        level = {"arf": 0.97, "hoeffding": 0.6}.get(task.learner, 0.9 if policy else 0.0)
        level -= 0.2 * (policy == "never") * (task.turn > 0)
        accuracy = round(level + rng.uniform(-0.01, 0.01), 4) if task.turn else level
        blocks = [accuracy] * 4
        after = None if task.seed == 0 else 20 + task.seed
        return {
            "accuracy": accuracy,
            "accuracy_after": accuracy,
            "blocks": blocks,
            "drifts": [],
            "refits": [],
            "n_false": 0,
            "found_after": after,
        }

    def result(task: Any) -> dict[str, Any]:
        if isinstance(task, StreamTask):
            policies = task.policies or ("",)
            return {"change": 80, "streams": [stream(task, policy) for policy in policies]}
        levels = dict(zip(ACTIONS, (0.8, 0.85, 0.97, 0.97, 0.97), strict=True))
        levels["planned"] = 0.97
        day = {a: {"accuracy": x, "executions": 10, "action": "refit"} for a, x in levels.items()}
        return {"days": [day] * len(task.days)}

    tasks = STUDY.tasks(settings, range(n_seeds))
    return [TaskResult(task=task, result=result(task), seconds=1.0) for task in tasks]


def test_the_summary_can_say_not_supported() -> None:
    summary = STUDY.summarize(SMALL, range(12), made_up(SMALL, 12))
    assert len(summary.verdicts) == STUDY.n_claims(SMALL)
    outcome = {verdict.claim: verdict.outcome for verdict in summary.verdicts}
    (forest,) = (o for claim, o in outcome.items() if "'adaptive forest'" in claim)
    assert forest == "not supported"
    (tree,) = (o for claim, o in outcome.items() if "'Hoeffding tree'" in claim)
    assert tree == "supported"
    within = [o for claim, o in outcome.items() if "'move and refit' is within" in claim]
    assert within == ["supported", "supported"]
    streams, detection, devices = summary.tables
    assert len(streams.rows) == 3 * 4 + 2
    assert "11 of 12" in detection.rows[0]
    assert len(devices.rows) == 2 * 6
    assert [figure.name for figure in summary.figures] == ["streams", "devices"]


@pytest.mark.parametrize("part", ["data", "devices"])
def test_each_part_runs_alone(part: str) -> None:
    settings = SMALL.changed(parts=(part,))
    summary = STUDY.summarize(settings, range(2), made_up(settings, 2))
    assert len(summary.verdicts) == STUDY.n_claims(settings)
    assert {verdict.outcome for verdict in summary.verdicts} == {"undecided"}


def test_the_figures_are_drawn() -> None:
    from matplotlib.figure import Figure

    for spec in STUDY.summarize(SMALL, range(3), made_up(SMALL, 3)).figures:
        figure = Figure(figsize=spec.size, layout="constrained")
        assert spec.draw(figure) is None
        assert figure.axes or figure.subfigs
