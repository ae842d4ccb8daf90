"""The part on devices that drift: what each way of recalibrating brings, and what it takes."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from qmoe_qiskit.stats import Claim, mean_estimate
from qmoe_qiskit.studies.adaptive.device_task import ACTIONS, DeviceDriftTask
from qmoe_qiskit.studies.adaptive.settings import AdaptiveSettings
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.results_frame import ResultsFrame
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.report.figures import intervals
from qmoe_qiskit.studies.report.sections import StudySection
from qmoe_qiskit.studies.report.summary import FigureSpec, Row, Table, column, table_of_rows
from qmoe_qiskit.typing import FloatArray

_TRAININGS = {"without noise": False, "under the calibration at deployment": True}
_SHOWN = (*ACTIONS, "planned")
_Frame = ResultsFrame[bool]  # by whether the model was trained under noise

# The action of each claim, the action that it is compared with, and whether it is claimed to be
# within the margin of that one instead of better.
_CLAIMS = (
    ("move and refit", "nothing", False),
    ("move and refit", "retrain", True),
    ("refit", "move and refit", True),
    ("planned", "retrain", True),
)


def tasks(settings: AdaptiveSettings, seed: int) -> list[Task]:
    """Return the tasks of a seed."""
    return [
        DeviceDriftTask(
            seed=seed,
            noise_aware=noise_aware,
            epochs=settings.device_epochs,
            learning_rate=settings.device_learning_rate,
            **settings.part("device", "factor", "days", "n_samples", "test_fraction", "n_layers"),
            **settings.part("batch_size", "scaling", "retraining_epochs", "probes"),
        )
        for noise_aware in _TRAININGS.values()
    ]


def n_claims(settings: AdaptiveSettings) -> int:  # noqa: ARG001 - as the other part
    """Return the number of claims."""
    return len(_TRAININGS) * len(_CLAIMS)


def summarize(
    settings: AdaptiveSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> StudySection:
    """Return a table, claims and a figure."""
    frame: _Frame = ResultsFrame(
        DeviceDriftTask, seeds, results, lambda task: bool(task.noise_aware)
    )
    return StudySection(
        tables=(_table(settings, frame),),
        claims=tuple(chain.from_iterable(_claims(settings, frame, how) for how in _TRAININGS)),
        figures=(_figure(settings, frame),),
        remarks=(
            (
                "A retraining on the device is counted by the parameter-shift rule, and simulated "
                "with exact gradients; executions are circuits, times the shots of each."
            ),
        ),
    )


def _accuracies(frame: _Frame, how: str, action: str) -> FloatArray:
    """Return the accuracy after an action, the mean over the days, (N,)."""
    days_ND = frame.values(_TRAININGS[how], "days", slice(None), action, "accuracy")
    return np.asarray(days_ND.mean(axis=1))


def _claims(settings: AdaptiveSettings, frame: _Frame, how: str) -> list[Claim]:
    start = f"at {settings.factor:g} times the noise of {settings.device}, trained {how}: "
    margin = settings.margin
    return [
        Claim(
            text=start
            + (
                f"{_named(one)} is within {margin:g} of {_named(other)}"
                if equal
                else f"{_named(one)} is more accurate than {_named(other)}"
            ),
            differences_N=np.round(
                _accuracies(frame, how, one) - _accuracies(frame, how, other), 12
            ),
            margin=margin,
            kind="equivalence" if equal else "superiority",
        )
        for one, other, equal in _CLAIMS
    ]


def _named(action: str) -> str:
    return "what is planned" if action == "planned" else f"'{action}'"


def _table(settings: AdaptiveSettings, frame: _Frame) -> Table:
    rows: list[Row] = []
    for how, noise_aware in _TRAININGS.items():
        for action in _SHOWN:
            executions_ND = frame.values(noise_aware, "days", slice(None), action, "executions")
            nothing_N = _accuracies(frame, how, "nothing")
            accuracy_N = _accuracies(frame, how, action)
            rows.append(
                {
                    "trained": how,
                    "action": action,
                    column("circuits executed a day", 0): float(executions_ND.mean()),
                    "accuracy": mean_estimate(accuracy_N),
                    "more than doing nothing": None
                    if action == "nothing"
                    else mean_estimate(np.round(accuracy_N - nothing_N, 12)),
                }
            )
    days = ", ".join(map(str, settings.days))
    return table_of_rows(
        rows,
        name="devices",
        title=(
            f"The quantum router on {settings.device} with {settings.factor:g} times its noise, as "
            "it drifts"
        ),
        note=(
            f"Held-out rows, measured exactly, mean over the days {days} after deployment. Means "
            "over seeds with 95 % bootstrap intervals, paired by seed; each seed has a drift of "
            "its own. Planned: the cheapest action that brings the labels of "
            f"{settings.probes} probes back to what they were at deployment, the probes counted"
        ),
        source=f"{frame.n_results} tasks of kind {DeviceDriftTask.kind!r}",
    )


def _figure(settings: AdaptiveSettings, frame: _Frame) -> FigureSpec:
    values = {
        f"trained {how}": {action: _accuracies(frame, how, action) for action in _SHOWN}
        for how in _TRAININGS
    }
    return FigureSpec(
        name="devices",
        caption=(
            f"Held-out accuracy on {settings.device} with {settings.factor:g} times its noise "
            "after each action: mean over seeds with 95 % interval, and each seed as a tick."
        ),
        draw=intervals(
            {
                name: {action: mean_estimate(accuracy_N) for action, accuracy_N in found.items()}
                for name, found in values.items()
            },
            label="held-out accuracy",
            seeds={
                name: {action: accuracy_N.tolist() for action, accuracy_N in found.items()}
                for name, found in values.items()
            },
        ),
    )
