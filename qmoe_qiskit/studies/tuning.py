"""Choosing a learning rate on a part of the training rows, and trainings that diverge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmoe_qiskit.data import split_dataset
from qmoe_qiskit.errors import DivergenceError, StudyError
from qmoe_qiskit.runs.metrics import summarize
from qmoe_qiskit.studies.measuring import observe_rows
from qmoe_qiskit.studies.training import classifier

if TYPE_CHECKING:
    from qmoe_qiskit.data import Dataset, Split
    from qmoe_qiskit.studies.training import TrainTask
    from qmoe_qiskit.train import QMoEClassifier

# Share of the training rows that learning rates are chosen on.
VALIDATION = 0.2


def tried_rates(task: TrainTask, split: Split) -> list[dict[str, float]]:
    """Train with each learning rate on a part of the training rows, and measure on the rest.

    Returns:
        learning_rate, cross_entropy (nat) and accuracy of each with which training did not diverge.

    Raises:
        StudyError: If it did with all of them.
    """
    inner = split_dataset(split.train, test_fraction=VALIDATION, seed=task.seed)
    tried = []
    for rate in task.learning_rates:
        model = classifier(task, inner, rate)
        try:
            model.fit(inner.train.features_NF, inner.train.labels_N)
        except DivergenceError:
            continue
        metrics = summarize(observe_rows(model, inner.test), "")
        entry = {name: metrics[name].number for name in ("cross_entropy", "accuracy")}
        if all(map(math.isfinite, entry.values())):
            tried.append({"learning_rate": rate, **entry})
    if not tried:
        raise _of_task(task, task.learning_rates)
    return tried


def trained(task: TrainTask, model: QMoEClassifier, rows: Dataset) -> QMoEClassifier:
    """Train a task's classifier.

    Raises:
        StudyError: If the training diverges.
    """
    try:
        return model.fit(rows.features_NF, rows.labels_N)
    except DivergenceError as error:
        raise _of_task(task, (model.learning_rate,)) from error


def diverged(what: str, data: str, seed: int, rates: Sequence[float]) -> StudyError:
    """Return the error of a training that no learning rate was small enough for."""
    return StudyError(
        f"the training of {what} on {data!r}, seed {seed}, diverged with learning rate "
        f"{' and with '.join(f'{rate:g}' for rate in rates)}: give the study a smaller one in its "
        "settings"
    )


def _of_task(task: TrainTask, rates: Sequence[float]) -> StudyError:
    return diverged(f"router {task.router!r}", task.data, task.seed, rates)
