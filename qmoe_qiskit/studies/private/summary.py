"""Table, verdicts and figure of the study of privacy."""

from collections.abc import Sequence

import numpy as np

from qmoe_qiskit.runs.private.control import SUCCESS
from qmoe_qiskit.stats import Claim, judge, mean_estimate
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.results_frame import ResultsFrame
from qmoe_qiskit.studies.private.settings import Case, PrivateSettings
from qmoe_qiskit.studies.private.task import ControlTask, PrivateTask
from qmoe_qiskit.studies.report.figures import curves, mean_curve
from qmoe_qiskit.studies.report.summary import (
    FigureSpec,
    Row,
    Summary,
    Table,
    column,
    table_of_rows,
)
from qmoe_qiskit.studies.training.paired_results import counted
from qmoe_qiskit.studies.training.routers import label
from qmoe_qiskit.typing import FloatArray

Frame = ResultsFrame[Case]


def summarize(
    settings: PrivateSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Summarize the results of the study."""
    found: Frame = ResultsFrame(PrivateTask, seeds, results, _case)
    control_N = ResultsFrame(ControlTask, seeds, results, lambda _: None).values(None, "auc")
    source = f"{len(results)} tasks on {settings.data}, {counted(len(seeds), 'seed')}"
    return Summary(
        tables=(_table(settings, found, control_N, source),),
        verdicts=tuple(judge([*accuracy_claims(settings, found), *_attack(settings, found)])),
        figures=(_figure(settings, found),),
        remarks=(
            _remark(control_N),
            (
                "Sampling and noise of a study come from its seeds, so that results repeat: the "
                "models themselves are not private. Their numbers are those of private ones."
            ),
        ),
    )


def _remark(control_N: FloatArray) -> str:
    mean = mean_estimate(control_N)
    said = (
        f"The attack has an AUC of {mean.value:.3f} on its positive control, a model that has "
        "learned 50 rows with random labels by heart"
    )
    if mean.value < SUCCESS:
        return f"{said}: below {SUCCESS}, so that the attack shows nothing."
    return f"{said}. It finds what a small loss gives away, and no more."


def _table(settings: PrivateSettings, found: Frame, control_N: FloatArray, source: str) -> Table:
    rows: list[Row] = [
        {
            "Router": label(case.router),
            "Epsilon": _named(case.epsilon),
            "Accuracy, held out": mean_estimate(found.values(case, "accuracy")),
            "AUC of the attack": mean_estimate(found.values(case, "auc")),
            column("Epsilon spent", 2): mean_estimate(found.values(case, "epsilon")),
        }
        for case in settings.cases
    ]
    rows.append(
        {
            "Router": "control of the attack",
            "Epsilon": _named(None),
            "Accuracy, held out": None,
            "AUC of the attack": mean_estimate(control_N),
            column("Epsilon spent", 2): None,
        }
    )
    return table_of_rows(
        rows,
        name="privacy",
        title="What privacy costs, and what the attack finds",
        note=(
            f"Means over seeds with 95 % intervals; delta {settings.delta:g}. AUC: chance that a "
            "training row has a smaller loss than a held-out one, 0.5 where they cannot be told "
            "apart."
        ),
        source=source,
    )


def _figure(settings: PrivateSettings, found: Frame) -> FigureSpec:
    epsilons = (*settings.epsilons, None)

    def values_NX(router: str) -> FloatArray:
        cases = [Case(router=router, epsilon=epsilon) for epsilon in epsilons]
        return np.stack([found.values(case, "accuracy") for case in cases], axis=1)

    return FigureSpec(
        name="privacy",
        caption="Held-out accuracy by epsilon and router; on the right without privacy.",
        draw=curves(
            [
                mean_curve(label(router), range(len(epsilons)), values_NX(router))
                for router in settings.routers
            ],
            x_label="epsilon",
            y_label="accuracy, held out",
            x_ticks={float(i): _named(epsilon) for i, epsilon in enumerate(epsilons)},
        ),
    )


def n_claims(settings: PrivateSettings) -> int:
    """Count the claims about controls, the cost of privacy, and the attack."""
    n_epsilons = len(settings.epsilons)
    return n_epsilons * (len(settings.controls) + 1) + n_epsilons + 1


def accuracy_claims(settings: PrivateSettings, found: Frame) -> list[Claim]:
    """Return the claims about accuracies: beside the controls, and beside no privacy."""
    claims = []
    for epsilon in settings.epsilons:
        ours = Case(router="quantum", epsilon=epsilon)
        others = {
            f"at epsilon {epsilon:g} the quantum router is as accurate as the {label(control)} "
            "router": Case(router=control, epsilon=epsilon)
            for control in settings.controls
        }
        others[f"epsilon {epsilon:g} leaves the accuracy of the quantum router what it was"] = Case(
            router="quantum", epsilon=None
        )
        claims += [
            Claim(
                text=text,
                differences_N=found.difference(ours, other, "accuracy"),
                margin=settings.margin,
                kind="equivalence",
            )
            for text, other in others.items()
        ]
    return claims


def _attack(settings: PrivateSettings, found: Frame) -> list[Claim]:
    return [
        Claim(
            text=(
                "the attack cannot tell training rows of the quantum router from others, "
                + ("without privacy" if epsilon is None else f"at epsilon {epsilon:g}")
            ),
            differences_N=found.values(Case(router="quantum", epsilon=epsilon), "auc") - 0.5,
            margin=settings.auc_margin,
            kind="equivalence",
        )
        for epsilon in (None, *settings.epsilons)
    ]


def _named(epsilon: float | None) -> str:
    return "none" if epsilon is None else f"{epsilon:g}"


def _case(task: PrivateTask) -> Case:
    return Case(router=task.router, epsilon=task.epsilon)
