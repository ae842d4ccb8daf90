"""Trainings that diverge: such a rate is no candidate, and if none is left the study says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qmoe_qiskit.errors import DivergenceError, StudyError
from qmoe_qiskit.studies.balance.task import BalanceTask
from qmoe_qiskit.studies.experts.task import ExpertsTask
from qmoe_qiskit.studies.kernel.task import KernelTask
from qmoe_qiskit.studies.training.train_task import TrainTask, classifier, tried_rates

HUGE = 1e308
SMALL = TrainTask(seed=3, router="mlp:4", n_samples=80, epochs=2)
EXPERTS = ExpertsTask(
    seed=3,
    data="synthetic",
    n_samples=100,
    test_fraction=0.5,
    model="qnn",
    n_experts=2,
    n_layers=1,
    backend="statevector",
    epochs=2,
    batch_size=32,
    learning_rates=(HUGE,),
)


@pytest.mark.parametrize("router", ["mlp:4", "quantum"])
def test_a_classifier_says_that_it_diverged(router: str) -> None:
    task = replace(SMALL, router=router)
    split = task.load()
    with pytest.raises(DivergenceError, match=r"diverged in epoch 1: .* smaller learning"):
        classifier(task, split, HUGE).fit(split.train.features_NF, split.train.labels_N)


@pytest.mark.parametrize("task", [SMALL, replace(SMALL, router="quantum"), EXPERTS])
def test_a_rate_that_diverges_is_not_chosen(task: TrainTask | ExpertsTask) -> None:
    result = replace(task, learning_rates=(HUGE, 0.1)).run()
    assert result["learning_rate"] == 0.1
    assert [entry["learning_rate"] for entry in result["validation"]] == [0.1]


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (
            replace(SMALL, learning_rates=(HUGE,)),
            r"router 'mlp:4' on 'moons', seed 3, diverged with learning rate 1e\+308: give",
        ),
        (replace(SMALL, learning_rates=(HUGE, 1e307)), r"learning rate 1e\+308 and with 1e\+307"),
        (replace(SMALL, learning_rates=(HUGE,), validate=True), "router 'mlp:4'"),
        (EXPERTS, "training of model 'qnn' on 'synthetic', seed 3, diverged"),
        (replace(EXPERTS, learning_rates=(HUGE, 1e307)), "model 'qnn'"),
        (
            BalanceTask(seed=4, n_samples=80, epochs=2, learning_rates=(HUGE,), balance_weight=0.1),
            "router 'quantum' on 'moons', seed 4",
        ),
        (KernelTask(training=replace(SMALL, learning_rates=(HUGE,)), folds=2), "seed 3, diverged"),
    ],
)
def test_no_rate_small_enough_is_one_sentence(
    task: TrainTask | ExpertsTask | KernelTask, words: str
) -> None:
    with pytest.raises(StudyError, match=words):
        task.run()


def test_a_single_rate_is_tried_where_it_is_asked_for() -> None:
    task = replace(SMALL, validate=True)
    result = task.run()
    assert result["validation"] == tried_rates(task, task.load())
    (tried,) = result["validation"]
    assert tried["learning_rate"] == 0.05
    assert 0 <= tried["accuracy"] <= 1
    plain = SMALL.run()
    assert plain["validation"] == []
    assert plain["settings"] == result["settings"]
