"""Table, verdicts and figures of the study of decision boundaries."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from qmoe_qiskit.data import Split
from qmoe_qiskit.figures.decision_boundary import decision_boundary_figure
from qmoe_qiskit.figures.routing_map import routing_map_figure
from qmoe_qiskit.stats import Claim, Verdict, judge, mean_estimate
from qmoe_qiskit.studies.boundary.settings import BoundarySettings
from qmoe_qiskit.studies.boundary.task import BoundaryTask
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.report.summary import (
    FigureSpec,
    Row,
    Summary,
    Table,
    column,
    table_of_rows,
)
from qmoe_qiskit.studies.training.paired_results import (
    ACCURACY,
    INPUTS,
    RouterResults,
    ScaledRouter,
    counted,
    router_results,
    source_of,
)
from qmoe_qiskit.train import QMoEClassifier


def summary(
    settings: BoundarySettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Summarize the results of the study."""
    frame, n_batches = router_results(seeds, results), _batches(results[0])
    first = [result for result in results if _task(result).seed == seeds[0]]
    which = f"{settings.data}, {INPUTS[settings.scaling]}, seed {seeds[0]}"

    def boundaries(_: Figure) -> Figure:
        models, split = _models(first)
        scores = {r.label: float(frame.values(r, *ACCURACY)[0]) for r in frame.keys}
        return decision_boundary_figure(models, split.train, split.test, scores=scores)

    def routing(_: Figure) -> Figure:
        models, split = _models(first)
        return routing_map_figure(models, split.train, split.test)

    return Summary(
        tables=(_table(settings, frame, n_batches),),
        verdicts=tuple(_verdicts(settings, frame)),
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
        task = _task(result)
        name = ScaledRouter(scaling=task.scaling, router=task.router).label
        models[name], split = task.restored(result.result["tensors"])
    return models, split


def _task(result: TaskResult) -> BoundaryTask:
    assert isinstance(result.task, BoundaryTask)
    return result.task


def _table(settings: BoundarySettings, frame: RouterResults, n_batches: int) -> Table:
    as_paper = column("the same as the paper prints it", 2, unit="nat, sum over batches")
    rows: list[Row] = [
        {
            "router": router.label,
            column("parameters", 0): int(frame.values(router, "n_parameters")[0]),
            column("training loss", unit="nat per row"): mean_estimate(loss_N),
            as_paper: mean_estimate(n_batches * loss_N),
            column("held-out loss", unit="nat per row"): mean_estimate(
                frame.values(router, "settings", 0, "cross_entropy")
            ),
            "held-out accuracy": mean_estimate(frame.values(router, *ACCURACY)),
        }
        for router in frame.keys
        for loss_N in [frame.values(router, "loss")]
    ]
    return table_of_rows(
        rows,
        name="loss",
        title=f"Loss of the last of {settings.epochs} epochs, and on held-out rows",
        note=(
            f"Means over {counted(len(frame.seeds), 'seed')} with 95 % intervals; "
            f"{INPUTS[settings.scaling]}."
        ),
        source=source_of(frame),
    )


def _verdicts(settings: BoundarySettings, frame: RouterResults) -> list[Verdict]:
    quantum = ScaledRouter(scaling=settings.scaling, router="quantum")
    if quantum not in frame.keys:
        return []
    return judge(
        [
            Claim(
                text=(
                    "the quantum router ends with a smaller training loss than "
                    f"{router.label}, {INPUTS[settings.scaling]}"
                ),
                differences_N=frame.difference(router, quantum, "loss"),
                margin=settings.margin,
                unit="nat",
            )
            for router in frame.keys
            if router != quantum
        ]
    )


def _batches(result: TaskResult) -> int:
    task = _task(result)
    return math.ceil(len(task.load().train.labels_N) / task.batch_size)


def _remark(n_batches: int) -> str:
    return (
        "The paper's figures, 4.09 for its classical router and 0.30 for the quantum one, are sums "
        "over the batches of an epoch, each the mean over its rows, on one seed: divided by their "
        "number, 16 for 500 rows in batches of 32, they are 0.256 and 0.019 nat per row. Here "
        f"losses are means over rows, taken while the epoch trains; times {n_batches} batches they "
        "compare with the paper's."
    )
