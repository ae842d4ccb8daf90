"""What the study of decision boundaries found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmoe_qiskit.figures.decision_boundary import decision_boundary_figure
from qmoe_qiskit.figures.routing_map import routing_map_figure
from qmoe_qiskit.stats import Claim, Verdict, judge
from qmoe_qiskit.studies.boundary.task import BoundaryTask
from qmoe_qiskit.studies.report.summary import Column, FigureSpec, Summary, Table
from qmoe_qiskit.studies.training.paired_results import (
    INPUTS,
    Contender,
    Paired,
    Result,
    accuracy,
    counted,
    paired,
    parameters,
    source_of,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from qmoe_qiskit.data import Split
    from qmoe_qiskit.studies.boundary.settings import BoundarySettings
    from qmoe_qiskit.studies.engine.results import TaskResult
    from qmoe_qiskit.train import QMoEClassifier


def summary(
    settings: BoundarySettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Return table and figures."""
    found, n_batches = paired(results, seeds), _batches(results[0])
    first = [result for result in results if result.task.fields()["seed"] == seeds[0]]
    which = f"{settings.data}, {INPUTS[settings.scaling]}, seed {seeds[0]}"

    def boundaries(_: Figure) -> Figure:
        models, split = _models(first)
        scores = {_label(result): accuracy(result.result) for result in first}
        return decision_boundary_figure(models, split.train, split.test, scores=scores)

    def routing(_: Figure) -> Figure:
        models, split = _models(first)
        return routing_map_figure(models, split.train, split.test)

    return Summary(
        tables=(_table(settings, seeds, found, source_of(results, seeds), n_batches),),
        verdicts=tuple(_verdicts(settings, found)),
        figures=(
            FigureSpec(
                name="decision_boundary",
                caption=f"What each model predicts over the plane of the data: {which}.",
                draw=boundaries,
            ),
            FigureSpec(
                name="routing_map",
                caption=f"The expert that each router prefers over the same plane: {which}.",
                draw=routing,
            ),
        ),
        remarks=(_remark(n_batches),),
    )


def _models(results: Sequence[TaskResult]) -> tuple[dict[str, QMoEClassifier], Split]:
    models = {}
    for result in results:
        assert isinstance(result.task, BoundaryTask)
        models[_label(result)], split = result.task.restored(result.result["tensors"])
    return models, split


def _label(result: TaskResult) -> str:
    assert isinstance(result.task, BoundaryTask)
    return Contender(scaling=result.task.scaling, router=result.task.router).label


def _table(
    settings: BoundarySettings, seeds: Sequence[int], found: Paired, source: str, n_batches: int
) -> Table:
    columns = [
        column_N
        for contender in found.results
        for column_N in (
            found.values(contender, _loss),
            n_batches * found.values(contender, _loss),
            found.values(contender, lambda result: float(result["settings"][0]["cross_entropy"])),
            found.values(contender, accuracy),
        )
    ]
    means = found.means(columns)
    return Table(
        name="loss",
        title=f"Loss of the last of {settings.epochs} epochs, and on held-out rows",
        columns=(
            Column(name="router"),
            Column(name="parameters", digits=0),
            Column(name="training loss", unit="nat per row"),
            Column(name="the same as the paper prints it", unit="nat, sum over batches", digits=2),
            Column(name="held-out loss", unit="nat per row"),
            Column(name="held-out accuracy"),
        ),
        rows=tuple(
            (
                contender.label,
                int(found.values(contender, parameters)[0]),
                *means[4 * i : 4 * i + 4],
            )
            for i, contender in enumerate(found.results)
        ),
        note=(
            f"Means over {counted(len(seeds), 'seed')} with 95 % intervals; "
            f"{INPUTS[settings.scaling]}."
        ),
        source=source,
    )


def _verdicts(settings: BoundarySettings, found: Paired) -> list[Verdict]:
    quantum = Contender(scaling=settings.scaling, router="quantum")
    if quantum not in found.results:
        return []
    return judge(
        [
            Claim(
                text=(
                    "the quantum router ends with a smaller training loss than "
                    f"{contender.label}, {INPUTS[settings.scaling]}"
                ),
                differences_N=found.values(contender, _loss) - found.values(quantum, _loss),
                margin=settings.margin,
                unit="nat",
            )
            for contender in found.results
            if contender != quantum
        ]
    )


def _loss(result: Result) -> float:
    return float(result["loss"])


def _batches(result: TaskResult) -> int:
    assert isinstance(result.task, BoundaryTask)
    n_rows = len(result.task.load().train.labels_N)
    return math.ceil(n_rows / result.task.batch_size)


def _remark(n_batches: int) -> str:
    return (
        "The paper's figures, 4.09 for its classical router and 0.30 for the quantum one, are sums "
        "over the batches of an epoch, each the mean over its rows, on one seed: divided by their "
        "number, 16 for 500 rows in batches of 32, they are 0.256 and 0.019 nat per row. Here "
        f"losses are means over rows, taken while the epoch trains; times {n_batches} batches they "
        "compare with the paper's."
    )
