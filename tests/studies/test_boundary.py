"""The study of decision boundaries: its models are the trained ones, its losses the paper's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.boundary.settings import BoundarySettings
from qmoe_qiskit.studies.boundary.study import STUDY
from qmoe_qiskit.studies.boundary.task import BoundaryTask
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.report.summary import Estimate
from qmoe_qiskit.studies.training.routers import QUANTUM
from qmoe_qiskit.studies.training.train_task import fit

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALL = BoundarySettings(n_samples=80, epochs=2, routers=("quantum", "quantum:frozen", "rff:4"))


@pytest.mark.parametrize("router", [*QUANTUM, "linear", "mlp:4", "rff:4"])
def test_a_model_comes_back_as_it_was(router: str) -> None:
    task = BoundaryTask(seed=1, router=router, n_samples=60, epochs=1)
    tensors: Mapping[str, Any] = json.loads(json.dumps(task.run()["tensors"]))
    model, split = task.restored(dict(tensors))
    fitted = fit(task)
    np.testing.assert_array_equal(split.test.features_NF, fitted.split.test.features_NF)
    features_NF = split.train.features_NF
    np.testing.assert_array_equal(
        model.predict_proba(features_NF), fitted.classifier.predict_proba(features_NF)
    )
    np.testing.assert_array_equal(
        model.routing_weights(features_NF), fitted.classifier.routing_weights(features_NF)
    )


def test_the_study_runs_and_draws() -> None:
    seeds = (4, 0)
    tasks = STUDY.tasks(SMALL, seeds)
    results = [TaskResult(task=task, result=task.run(), seconds=0.0) for task in tasks]
    summary = STUDY.summarize(SMALL, seeds, results)
    (table,) = summary.tables
    for row, router in zip(table.rows, SMALL.routers, strict=True):
        losses = [r.result["loss"] for r in results if r.task.fields()["router"] == router]
        mean, as_paper = row[2], row[3]
        assert isinstance(mean, Estimate)
        assert isinstance(as_paper, Estimate)
        assert mean.value == pytest.approx(np.mean(losses))
        # 40 rows to train on are a batch of 32 and one of 8.
        assert as_paper.value == pytest.approx(2 * mean.value)
    assert len(summary.verdicts) == len(SMALL.routers) - 1 == STUDY.n_claims(SMALL)
    for picture in summary.figures:
        drawn = picture.draw(Figure(figsize=picture.size, layout="constrained"))
        assert drawn is not None
        titles = [axes.get_title() for axes in drawn.axes]
        assert sum("quantum" in title for title in titles) == 2


def test_the_paper_trains_on_500_points() -> None:
    for settings in (BoundarySettings(), STUDY.quick):
        for task in STUDY.tasks(settings, (0,)):
            task.check()
            assert isinstance(task, BoundaryTask)
            assert len(task.load().train.labels_N) == 500
            assert (task.epochs, task.learning_rates) == (50, (0.1,))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"routers": ()}, "routers"),
        ({"routers": ("linear", "linear")}, "twice"),
        ({"margin": -1.0}, "margin"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        BoundarySettings(**changes)
