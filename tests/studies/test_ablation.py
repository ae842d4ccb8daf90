"""The study of ablations: verdicts on given results, and the study as a whole."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.figure import Figure

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.ablation.settings import AblationSettings
from qmoe_qiskit.studies.ablation.study import STUDY
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.training.train_task import TrainTask

SMALL = AblationSettings(n_samples=60, epochs=1, learning_rates=(0.1,), scalings=("paper",))


def summarized(accuracies: dict[str, float], n_seeds: int = 12) -> dict[str, str]:
    """Return the outcome of each claim where every seed has the same accuracy, by router."""
    settings = SMALL.changed(routers=tuple(router for router in accuracies if router != "quantum"))
    tasks = STUDY.tasks(settings, range(n_seeds))
    results = []
    for task in tasks:
        assert isinstance(task, TrainTask)
        result = {
            "settings": [{"accuracy": accuracies[task.router]}],
            "n_parameters": 24,
            "effective_parameters": 9,
        }
        results.append(TaskResult(task=task, result=result, seconds=0.0))
    summary = STUDY.summarize(settings, range(n_seeds), results)
    return {verdict.claim.partition(":")[0]: verdict.outcome for verdict in summary.verdicts}


@pytest.mark.parametrize(
    ("dephased", "outcome"),
    [
        (0.9, "supported"),
        (0.99, "not supported"),
        (0.995, "not supported"),
        (0.985, "not supported"),
    ],
)
def test_interference_is_needed_only_where_its_loss_costs(dephased: float, outcome: str) -> None:
    """A difference below the margin of 0.01 does not matter, even if every seed has it."""
    verdicts = summarized({"quantum": 0.99, "quantum:dephased": dephased, "linear": 0.88})
    assert verdicts["interference is needed"] == outcome
    assert "supported" in verdicts.values()


def test_the_study_runs_and_draws() -> None:
    seeds = (1, 0)
    tasks = STUDY.tasks(SMALL, seeds)
    assert len(tasks) == 2 * (1 + len(SMALL.routers))
    results = [TaskResult(task=task, result=task.run(), seconds=0.0) for task in tasks]
    summary = STUDY.summarize(SMALL, seeds, results)
    (table,) = summary.tables
    assert [row[1] for row in table.rows][:2] == ["quantum", "quantum (dephased)"]
    assert len(summary.verdicts) == len(SMALL.routers)
    assert STUDY.n_claims(SMALL) == len(summary.verdicts)
    assert {verdict.outcome for verdict in summary.verdicts} == {"undecided"}
    for picture in summary.figures:
        figure = Figure(figsize=picture.size, layout="constrained")
        picture.draw(figure)
        figure.draw_without_rendering()


def test_full_and_quick_settings_can_be_run() -> None:
    for settings in (AblationSettings(), STUDY.quick):
        tasks = STUDY.tasks(settings, (0,))
        assert len({task.content_hash for task in tasks}) == len(tasks)
        for task in tasks:
            task.check()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"routers": ("quantum", "linear")}, "not 'quantum'"),
        ({"routers": ()}, "name one at least"),
        ({"routers": ("linear", "linear")}, "twice"),
        ({"scalings": ("papers",)}, "did you mean 'paper'"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AblationSettings(**changes)
