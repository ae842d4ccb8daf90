"""The study of privacy: its tasks, and its verdicts on given results."""

from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.private.settings import PrivateSettings
from qmoe_qiskit.studies.private.study import STUDY
from qmoe_qiskit.studies.private.task import ControlTask, PrivateTask

SMALL = PrivateSettings(
    n_samples=80, controls=("linear",), epsilons=(4.0,), delta=1e-3, epochs=1, batch_size=30,
    n_layers=1, learning_rates=(0.05, 0.1),
)  # fmt: skip
SEEDS = range(9)


def outcomes(accuracy: dict[float | None, float], auc: float, control: float) -> dict[str, str]:
    """Return the outcome of each claim where every seed has the same numbers, by epsilon."""
    results = []
    for task in STUDY.tasks(SMALL, SEEDS):
        result = {"auc": control}
        if isinstance(task, PrivateTask):
            result = {"accuracy": accuracy[task.epsilon], "auc": auc, "epsilon": 0.0}
            if task.router == "linear":
                result["accuracy"] -= 0.1
        results.append(TaskResult(task=task, result=result, seconds=0.0))
    summary = STUDY.summarize(SMALL, SEEDS, results)
    assert len(summary.verdicts) == STUDY.n_claims(SMALL)
    shows_nothing = "the attack shows nothing" in summary.remarks[0]
    assert shows_nothing == (control < 0.8)
    return {verdict.claim: verdict.outcome for verdict in summary.verdicts}


def test_verdicts() -> None:
    found = outcomes({None: 0.95, 4.0: 0.94}, auc=0.5, control=0.95)
    assert found == {
        "at epsilon 4 the quantum router is as accurate as the linear router": "not supported",
        "epsilon 4 leaves the accuracy of the quantum router what it was": "supported",
        "the attack cannot tell training rows of the quantum router from others, without privacy": (
            "supported"
        ),
        "the attack cannot tell training rows of the quantum router from others, at epsilon 4": (
            "supported"
        ),
    }
    costly = outcomes({None: 0.95, 4.0: 0.8}, auc=0.7, control=0.7)
    assert set(costly.values()) == {"not supported"}


def test_tasks_repeat_and_draw() -> None:
    tasks = STUDY.tasks(SMALL, [3])
    results = [TaskResult(task=task, result=task.run(), seconds=0.0) for task in tasks]
    private = next(r for r in results if isinstance(r.task, PrivateTask) and r.task.epsilon)
    assert private.task.run() == private.result
    assert 3.8 < private.result["epsilon"] <= 4
    assert private.result["learning_rate"] in SMALL.learning_rates
    (control,) = [r for r in results if isinstance(r.task, ControlTask)]
    assert control.result["auc"] >= 0.8
    summary = STUDY.summarize(SMALL, [3], results)
    assert len(summary.tables[0].rows) == 5
    summary.figures[0].draw(Figure(layout="constrained"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "digits"}, "unknown generated dataset 'digits'"),
        ({"epsilons": (4.0, 1.0)}, "they must rise"),
        ({"epsilons": (50.0,)}, "setting epsilons"),
        ({"controls": ("quantum",)}, "a control is a classical router"),
    ],
)
def test_settings_that_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SMALL.changed(**change)


def test_task_that_is_refused() -> None:
    with pytest.raises(InputError, match="unknown router 'kwantum'"):
        replace(PrivateTask(seed=0), router="kwantum").check()
