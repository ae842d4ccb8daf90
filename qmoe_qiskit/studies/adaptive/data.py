"""The part on data that drift: mixtures that adapt, beside learners made for streams."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qmoe_qiskit.adaptive import CONTROLS
from qmoe_qiskit.stats import Claim, mean_estimate
from qmoe_qiskit.stats.intervals import wilson_interval
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.studies.adaptive.settings import AdaptiveSettings
from qmoe_qiskit.studies.adaptive.stream_task import BLOCK, StreamTask
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.results_frame import ResultsFrame
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.report.figures import Curve, curves, mean_curve
from qmoe_qiskit.studies.report.panels import panels
from qmoe_qiskit.studies.report.sections import StudySection
from qmoe_qiskit.studies.report.summary import (
    Cell,
    Column,
    Draw,
    FigureSpec,
    Row,
    Table,
    column,
    table_of_rows,
)
from qmoe_qiskit.studies.training.routers import label
from qmoe_qiskit.typing import FloatArray

_Frame = ResultsFrame[tuple[str, float]]  # by learner and turn


class _Learner(NamedTuple):
    """A router with a policy, or a control, whose policy is empty."""

    name: str
    policy: str = ""

    def __str__(self) -> str:
        if not self.policy:
            return CONTROLS.get(self.name).label
        return f"{label(self.name)}, {self.policy}"


def tasks(settings: AdaptiveSettings, seed: int) -> list[Task]:
    """Return the tasks of a seed: every learner on every stream."""
    learners = dict.fromkeys(settings.routers, settings.policies)
    learners |= dict.fromkeys(settings.controls, ())
    return [
        StreamTask(
            seed=seed,
            learner=learner,
            policies=policies,
            turn=turn,
            **settings.part("n_train", "n_stream", "detector", "window", "n_layers", "epochs"),
            **settings.part("batch_size", "learning_rate", "scaling"),
        )
        for turn in settings.turns
        for learner, policies in learners.items()
    ]


def n_claims(settings: AdaptiveSettings) -> int:
    """Return the number of claims: one without drift, and some per angle."""
    others = len(settings.controls) + len(settings.routers) - 1 + len(settings.policies) - 1
    return 1 + (len(settings.turns) - 1) * others


def summarize(
    settings: AdaptiveSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> StudySection:
    """Return tables, claims and a figure."""
    frame: _Frame = ResultsFrame(
        StreamTask, seeds, results, lambda task: (task.learner, float(task.turn))
    )
    return StudySection(
        tables=(_accuracy_table(settings, frame), _detection_table(settings, frame)),
        claims=tuple(_claims(settings, frame)),
        figures=(_figure(settings, frame),),
        remarks=_remarks(settings),
    )


def _learners(settings: AdaptiveSettings) -> list[_Learner]:
    mixtures = [_Learner(r, policy) for r in settings.routers for policy in settings.policies]
    return [*mixtures, *map(_Learner, settings.controls)]


def _values(
    settings: AdaptiveSettings, frame: _Frame, learner: _Learner, turn: float, *path: str | slice
) -> FloatArray:
    place = settings.policies.index(learner.policy) if learner.policy else 0
    return frame.values((learner.name, turn), "streams", place, *path)


def _claims(settings: AdaptiveSettings, frame: _Frame) -> list[Claim]:
    adapting = _Learner("quantum", "detected")

    def less(other: _Learner, turn: float) -> FloatArray:
        one, two = (_values(settings, frame, x, turn, "accuracy") for x in (adapting, other))
        return np.round(one - two, 12)

    claims = [
        Claim(
            text="without drift, the quantum router that adapts to detected drifts stays within "
            f"{settings.margin:g} of the one that never does",
            differences_N=less(_Learner("quantum", "never"), 0.0),
            margin=settings.margin,
            kind="equivalence",
        )
    ]
    others = [
        *map(_Learner, settings.controls),
        *(_Learner(router, "detected") for router in settings.routers if router != "quantum"),
        *(_Learner("quantum", policy) for policy in settings.policies if policy != "detected"),
    ]
    return claims + [
        Claim(
            text=f"{_where(turn)}, the mixture of '{adapting}' is more accurate than '{other}'",
            differences_N=less(other, turn),
            margin=settings.margin,
        )
        for turn in settings.turns[1:]
        for other in others
    ]


def _where(turn: float) -> str:
    return f"points turned by {turn:g} degrees" if turn else "without drift"


def _accuracy_table(settings: AdaptiveSettings, frame: _Frame) -> Table:
    rows: list[Row] = []
    for learner in _learners(settings):
        row: dict[str | Column, Cell] = {"learner": str(learner)}
        for turn in settings.turns:
            accuracy_N = _values(settings, frame, learner, turn, "accuracy")
            row[_where(turn)] = mean_estimate(accuracy_N)
            if turn:
                after_N = _values(settings, frame, learner, turn, "accuracy_after")
                row[f"{_where(turn)}: after the change"] = mean_estimate(after_N)
        rows.append(row)
    return table_of_rows(
        rows,
        name="streams",
        title="Prequential accuracy: each row is predicted before it is learned",
        note=(
            "Means over seeds with 95 % bootstrap intervals. Every seed has points, weights and a "
            f"change of its own, the same for all learners. All learn {settings.n_train} rows "
            f"first, then meet {settings.n_stream}, the last half of which is turned around the "
            "middle of the moons"
        ),
        source=f"{frame.n_results} tasks of kind {StreamTask.kind!r}",
    )


def _detection_table(settings: AdaptiveSettings, frame: _Frame) -> Table:
    rows: list[Row] = []
    for router in settings.routers:
        watched = _Learner(router, "never")
        drifts_N = [
            len(result["streams"][settings.policies.index("never")]["drifts"])
            for result in frame.results((router, 0.0))
        ]
        alarms = f"share of seeds with an alarm in {settings.n_stream} rows without drift"
        row: dict[str | Column, Cell] = {
            "router": label(router),
            column(alarms, 2): _share(np.array(drifts_N) > 0),
        }
        for turn in settings.turns[1:]:
            after_N = _values(settings, frame, watched, turn, "found_after")
            found_N = after_N[~np.isnan(after_N)]
            where = _where(turn)
            some = len(found_N) > 0
            row[f"{where}: found in seeds"] = f"{len(found_N)} of {len(after_N)}"
            row[column(f"{where}: after rows, mean", 1)] = mean_estimate(found_N) if some else None
            ends = f"{found_N.min():.0f} to {found_N.max():.0f}" if some else None
            row[f"{where}: fewest to most"] = ends
            early_N = _values(settings, frame, watched, turn, "n_false")
            row[column(f"{where}: share of seeds with an alarm before", 2)] = _share(early_N > 0)
        rows.append(row)
    return table_of_rows(
        rows,
        name="detection",
        title=f"Drifts that {settings.detector} found in the errors of models that never adapt",
        note=(
            "Shares of seeds have 95 % Wilson intervals, numbers of rows 95 % bootstrap "
            "intervals over the seeds in which the change was found. ADWIN looks for a change "
            "after every 32 rows only, and the row of the change differs from seed to seed"
        ),
        source=f"{frame.n_results} tasks of kind {StreamTask.kind!r}",
    )


def _share(hits_N: np.ndarray) -> Estimate:
    hits, n = int(hits_N.sum()), len(hits_N)
    low, high = wilson_interval(hits, n)
    return Estimate(value=hits / n, low=low, high=high, n=n)


def _figure(settings: AdaptiveSettings, frame: _Frame) -> FigureSpec:
    shown = [
        _Learner("quantum", "never"),
        *(_Learner(router, "detected") for router in settings.routers[:2]),
        *map(_Learner, settings.controls[:1]),
    ]

    def drawn(turn: float) -> Draw:
        def curve(learner: _Learner) -> Curve:
            blocks_NB = _values(settings, frame, learner, turn, "blocks", slice(None))
            ends = [min((k + 1) * BLOCK, settings.n_stream) for k in range(blocks_NB.shape[1])]
            return mean_curve(str(learner), ends, blocks_NB)

        return curves(
            [curve(learner) for learner in dict.fromkeys(shown)],
            x_label="rows of the stream",
            y_label=f"accuracy on {BLOCK} rows",
        )

    return FigureSpec(
        name="streams",
        caption=(
            f"Accuracy along the stream, on {BLOCK} rows each: means over seeds with 95 % "
            "bootstrap intervals. The change is near the middle."
        ),
        draw=panels({_where(turn): drawn(turn) for turn in settings.turns}, columns=1, same="y"),
        size=(7.0, 2.8 * len(settings.turns)),
    )


def _remarks(settings: AdaptiveSettings) -> tuple[str, ...]:
    return (
        (
            f"Mixtures are trained with learning rate {settings.learning_rate:g} for "
            f"{settings.epochs} epochs per fit, not tuned; River's learners have their defaults. "
            "Policy 'detected' fits the mixture anew on up to "
            f"{settings.window} rows since the drift."
        ),
    )
