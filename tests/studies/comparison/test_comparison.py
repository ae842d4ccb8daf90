"""A comparison of routers: what it says about given results, and its tasks."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import permutation_test
from sklearn.metrics import accuracy_score

from qmoe_qiskit.data import load_dataset, split_dataset
from qmoe_qiskit.errors import InputError, OutOfRangeWarning
from qmoe_qiskit.studies.comparison.settings import ComparisonSettings
from qmoe_qiskit.studies.comparison.study import STUDY
from qmoe_qiskit.studies.comparison.summary import n_claims, pairs_of
from qmoe_qiskit.studies.comparison.task import ComparedTraining
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

NOISY = ComparisonSettings(routers=("quantum", "linear", "fourier"), device="ibmq_manila")


def results(
    settings: ComparisonSettings, seeds: Sequence[int], accuracy: Callable[[str, int, int], float]
) -> list[TaskResult]:
    """Results with given accuracies, by router, seed and condition (1 is under noise)."""
    found = []
    for task in STUDY.tasks(settings, seeds):
        assert isinstance(task, ComparedTraining)
        measured = [
            {"accuracy": accuracy(task.router, task.seed, place)}
            for place in range(len(task.settings))
        ]
        result = {"settings": measured, "n_parameters": 24}
        found.append(TaskResult(task=task, result=result, seconds=0.0))
    return found


def outcomes(settings: ComparisonSettings, seeds: range, accuracy: Any) -> dict[Any, str]:
    pairs = pairs_of(settings, seeds, results(settings, seeds, accuracy))
    return {(pair.other, pair.condition): pair.outcome for pair in pairs}


def test_verdicts_in_plain_words() -> None:
    """The quantum router is better than linear, like Fourier, and noise makes it worse than it."""
    jitter = {seed: 0.001 * ((-1) ** seed) for seed in range(12)}

    def accuracy(router: str, seed: int, place: int) -> float:
        base = {"quantum": 0.95 - 0.1 * place, "linear": 0.8, "fourier": 0.951}[router]
        return base + jitter[seed] * (router == "quantum")

    assert outcomes(NOISY, range(12), accuracy) == {
        ("linear", "without noise"): "more accurate",
        ("fourier", "without noise"): "equivalent within 0.02",
        ("linear", "under ibmq_manila"): "more accurate",
        ("fourier", "under ibmq_manila"): "less accurate",
    }
    # The same differences cannot be told from chance with 5 seeds.
    few = outcomes(NOISY, range(5), accuracy)
    assert set(few.values()) == {"no difference shown"}
    summary = STUDY.summarize(NOISY, range(5), results(NOISY, range(5), accuracy))
    assert "5 seeds cannot decide any of 8 claims: that takes at least 9." in summary.remarks
    assert "Classical routers are not affected under ibmq_manila." in summary.remarks
    assert [row[-1] for row in summary.tables[0].rows] == [
        summary.tables[0].rows[0][-1], "not affected", "not affected",
    ]  # fmt: skip


def test_p_values_are_those_of_a_paired_permutation_test(rng: np.random.Generator) -> None:
    settings = ComparisonSettings(routers=("linear", "quadratic"))
    accuracies = rng.integers(70, 80, size=(2, 10)) / 100
    accuracies[0] += rng.integers(10, 20, size=10) / 100
    accuracies[0, 3] = accuracies[1, 3] - 0.01
    seeds = range(10)
    (pair,) = pairs_of(
        settings,
        seeds,
        results(
            settings, seeds, lambda router, seed, _: accuracies[int(router == "quadratic"), seed]
        ),
    )
    assert n_claims(settings) == 2
    one_sided = permutation_test(
        tuple(accuracies),
        lambda x, y, axis: np.round((x - y).mean(axis=axis), 12),
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
        n_resamples=np.inf,
    ).pvalue
    # Two-sided, and the smaller one of two claims.
    assert pair.superiority.p_value == pytest.approx(4 * one_sided)
    assert pair.differences_N == pytest.approx(accuracies[0] - accuracies[1])


def test_pairs_of_classical_routers_have_no_noise() -> None:
    settings = NOISY.changed(routers=("linear", "fourier", "quantum"))
    found = outcomes(settings, range(3), lambda *_: 0.5)
    assert list(found) == [
        ("fourier", "without noise"),
        ("quantum", "without noise"),
        ("quantum", "under ibmq_manila"),
    ]
    assert n_claims(NOISY.changed(device=None)) == 4
    assert NOISY.changed(device=None, shots=100).under_noise == "with 100 shots"


def test_a_task_trains_on_the_file_as_train_does(tmp_path: Path) -> None:
    rows = load_dataset("moons", n_samples=60, seed=5)
    points = zip(rows.features_NF.tolist(), rows.labels_N, strict=True)
    lines = [f"r{i},{a},{b},{y}" for i, ((a, b), y) in enumerate(points)]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["id,a,b,y", *lines]))
    dataset = load_dataset(path, target="y", drop=["id"])
    shared: dict[str, Any] = {
        "data": str(path), "target": "y", "drop": ("id",), "data_hash": dataset.content_hash,
        "n_samples": 60, "epochs": 2, "seed": 3,
    }  # fmt: skip
    task = ComparedTraining(router="linear", **shared)
    task.check()
    split = split_dataset(dataset, seed=3)
    model = QMoEClassifier("linear", max_epochs=2, random_state=3, verbose=False)
    model.fit(split.train.features_NF, split.train.labels_N)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)
        expected = accuracy_score(split.test.labels_N, model.predict(split.test.features_NF))
    assert task.run()["settings"][0]["accuracy"] == expected

    part = ComparedTraining(router="linear", **{**shared, "n_samples": 40}).load()
    assert len(part.train.labels_N) + len(part.test.labels_N) == 40
    path.write_text(path.read_text() + "\nr60,0.5,0.5,1")
    with pytest.raises(InputError, match=r"rows\.csv' has changed since the comparison began"):
        ComparedTraining(router="quadratic", **{**shared, "data_hash": "0" * 64}).check()


@pytest.mark.slow
def test_it_runs_and_draws() -> None:
    settings = NOISY.changed(n_samples=40, epochs=1, layers=1, learning_rates=(0.1,))
    seeds = (0, 1)
    found = [
        TaskResult(task=task, result=task.run(), seconds=0.0)
        for task in STUDY.tasks(settings, seeds)
    ]
    summary = STUDY.summarize(settings, seeds, found)
    (picture,) = summary.figures
    figure = Figure(figsize=picture.size, layout="constrained")
    picture.draw(figure)
    figure.draw_without_rendering()
    (legend,) = (legend for part in figure.subfigs for legend in part.legends)
    assert [text.get_text() for text in legend.get_texts()] == [
        "without noise", "under ibmq_manila",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"routers": ("quantum",)}, "needs two routers at least"),
        ({"routers": ("quantum", "quantum")}, "has a value twice"),
        ({"margin": 0.0}, "setting margin of study 'compare' cannot be 0.0"),
    ],
)
def test_settings_that_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ComparisonSettings(**changes)
