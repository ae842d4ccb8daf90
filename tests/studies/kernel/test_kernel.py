"""The study of kernels: its task, its settings, and what it says of given results."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.task import unique_tasks
from qmoe_qiskit.studies.kernel.effective_dimension import DimensionTask
from qmoe_qiskit.studies.kernel.results import KERNELS, KernelResults
from qmoe_qiskit.studies.kernel.settings import KernelSettings
from qmoe_qiskit.studies.kernel.study import STUDY
from qmoe_qiskit.studies.kernel.task import FLOOR, KernelTask
from qmoe_qiskit.studies.report.summary import Estimate
from qmoe_qiskit.studies.training.train_task import TrainTask

SMALL: dict[str, Any] = {
    "n_samples": 80, "epochs": 1, "n_layers": 1, "gammas": (0.1, 1.0), "costs": (1.0,),
    "bandwidths": (0.5, 1.0), "folds": 2, "draws": 3, "rows": 10, "sizes": (100, 1000),
}  # fmt: skip


@pytest.fixture(scope="module")
def small() -> KernelTask:
    return next(
        task
        for task in STUDY.tasks(STUDY.quick.changed(**SMALL), [2])
        if isinstance(task, KernelTask)
    )


@pytest.fixture(scope="module")
def result(small: KernelTask) -> dict[str, Any]:
    small.check()
    return small.run()


def test_task(small: KernelTask, result: dict[str, Any]) -> None:
    assert small.run() == result
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert tuple(result["kernels"]) == KERNELS
    assert (result["n_inputs"], result["n_train"]) == (2, 60)
    ranks = {name: entry["rank"] for name, entry in result["kernels"].items()}
    assert ranks["quantum"] == 9
    assert ranks["linear"] == 2
    assert ranks["quantum-trained"] <= 16 < ranks["rbf"]


def test_training_changes_the_kernel_of_several_uploads_only(
    small: KernelTask, result: dict[str, Any]
) -> None:
    longer = replace(small, training=replace(small.training, epochs=3)).run()
    same = {
        name: all(
            np.allclose(longer["kernels"][name][read], entry[read], rtol=0, atol=1e-9)
            for read in ("alignment", "held_out", "spectrum")
        )
        for name, entry in result["kernels"].items()
    }
    assert same == {name: name != "quantum-trained" for name in KERNELS}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"uploads": 1}, "the kernel of one cannot be trained"),
        ({"folds": 1}, "folds is 1: it must lie between 2 and the 30 training rows"),
        ({"folds": 31}, "folds is 31"),
    ],
)
def test_impossible_tasks(small: KernelTask, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        replace(small, **changes).check()
    with pytest.raises(InputError, match="did you mean 'moons'"):
        replace(small, training=TrainTask(seed=0, data="moon")).check()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"data": ()}, "data is empty"),
        ({"gammas": (1.0, 1.0)}, "gammas has a value twice"),
        ({"costs": (0.0,)}, r"costs\[0\] .* cannot be 0.0: .* greater than 0"),
        ({"scaling": "papr"}, "did you mean 'paper'"),
        ({"boxes": ("unti",)}, "did you mean 'unit'"),
        ({"dimension_controls": ("quantum",)}, "a control is a classical router"),
        ({"margin": 0.0}, "margin .* cannot be 0.0: it must lie between 0 and 1"),
    ],
)
def test_settings_that_are_not_accepted(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        KernelSettings(**changes)


@pytest.mark.parametrize("settings", [KernelSettings(), STUDY.quick])
def test_every_task_of_a_seed_is_possible_and_only_there_once(settings: KernelSettings) -> None:
    tasks = STUDY.tasks(settings, [5])
    assert len(unique_tasks(tasks)) == len(tasks)


def made_up(settings: KernelSettings, seeds: range, rng: np.random.Generator) -> list[TaskResult]:
    """The trained kernel is the best, RBF is second, all others are worse."""
    goodness = {"quantum-trained": 0.9, "rbf": 0.7}

    def kernel(name: str) -> dict[str, Any]:
        value = goodness.get(name, 0.5) + rng.uniform(0, 0.01)
        return {
            "alignment": value, "held_out": value, "rank": 9, "participation": 2.0,
            "spectrum": [0.9, 0.1, 1e-12], "svm": {"accuracy": value},
        }  # fmt: skip

    def made(task: Any) -> dict[str, Any]:
        if isinstance(task, KernelTask):
            return {
                "n_inputs": 2,
                "n_train": 60,
                "mixtures": {"1": 0.5 + rng.uniform(0, 0.001), "2": 0.9},
                "kernels": {name: kernel(name) for name in KERNELS},
            }
        assert isinstance(task, DimensionTask)
        size = 10.0 if task.training.router == "quantum" else 5.0
        return {
            "n_parameters": 20,
            "dimensions": [size + rng.uniform(0, 0.1) for _ in task.sizes],
            "rank": 9,
        }

    tasks = STUDY.tasks(settings, seeds)
    return [TaskResult(task=task, result=made(task), seconds=1.0) for task in tasks]


def test_what_is_said_of_given_results(rng: np.random.Generator) -> None:
    settings, seeds = STUDY.quick, range(12)
    results = made_up(settings, seeds, rng)
    summary = STUDY.summarize(settings, seeds, results)
    trained, initial, rbf, one = (
        KernelResults(settings, seeds, results).label(name)
        for name in ("quantum-trained", "quantum-initial", "rbf", "quantum")
    )
    outcomes = {verdict.claim: verdict.outcome for verdict in summary.verdicts}
    assert {verdict.n_claims for verdict in summary.verdicts} == {len(outcomes)}
    assert STUDY.n_claims(settings) == len(outcomes)
    better = "is better aligned with the labels than"
    said = {
        f"moons: the kernel {trained!r} {better} {rbf!r}": "supported",
        f"moons: the kernel {trained!r} {better} {initial!r}": "supported",
        f"moons: the kernel {one!r} {better} {rbf!r}": "not supported",
        f"moons: a support vector machine on {one!r} is more accurate than one on {rbf!r}": (
            "not supported"
        ),
    }
    assert {claim: outcomes[claim] for claim in said} == said
    dimension = [o for claim, o in outcomes.items() if "effective dimension" in claim]
    assert dimension == ["supported"] * 2
    kernels, machines, dimensions = summary.tables
    for table in summary.tables:
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert [row[5] for row in kernels.rows] == [9, 9, 16, 16, 60, 2]
    assert len(machines.rows) == 2 + len(KERNELS)
    (quantum, _) = dimensions.rows
    assert quantum[1:4] == ("quantum", 20, 9)
    assert isinstance(quantum[4], Estimate)
    assert quantum[4].value == pytest.approx(0.5, abs=0.005)


def test_from_tasks_to_figures() -> None:
    settings = STUDY.quick.changed(**SMALL)
    tasks = STUDY.tasks(settings, [0, 1])
    results = [TaskResult(task=task, result=task.run(), seconds=1.0) for task in tasks]
    summary = STUDY.summarize(settings, [0, 1], results)
    assert {verdict.outcome for verdict in summary.verdicts} == {"undecided"}  # two seeds
    assert STUDY.n_claims(settings) == len(summary.verdicts)
    for picture in summary.figures:
        figure = Figure(figsize=picture.size, layout="constrained")
        picture.draw(figure)
        figure.canvas.draw()
        if picture.name == "spectrum":  # nothing is drawn of what was below the floor
            lines = [line for line in figure.axes[0].lines if line.get_marker() != "None"]
            assert len(lines) == len(KERNELS)
            assert all((np.asarray(line.get_ydata()) > np.log10(FLOOR)).all() for line in lines)
