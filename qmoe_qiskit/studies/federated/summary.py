"""Table, verdicts and figure of the study of federated training."""

from collections.abc import Sequence

import numpy as np

from qmoe_qiskit.stats import Claim, judge, mean_estimate
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.results_frame import ResultsFrame
from qmoe_qiskit.studies.federated.settings import FederatedSettings
from qmoe_qiskit.studies.federated.task import WAYS, FederatedTask
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

Case = tuple[str, str]  # router and way
FederatedResults = ResultsFrame[Case]
_NAMES = {
    "central": "central",
    "alone": "each alone",
    "fedavg": "FedAvg",
    "fedprox": "FedProx",
    "router": "shared router",
    "experts": "shared experts",
}
# Claims about the quantum router: a way, the way that it is compared with, and the rows.
_COMPARED = (
    ("router", "fedavg", "own"),
    ("experts", "fedavg", "own"),
    ("fedprox", "fedavg", "own"),
    ("router", "alone", "own"),
    ("router", "experts", "own"),
    ("fedavg", "router", "common"),
)
_ROWS = {"own": "rows of their own", "common": "common rows"}


def summarize(
    settings: FederatedSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Summarize the results of the study."""

    def key(task: FederatedTask) -> Case:
        return task.router, task.way

    found = ResultsFrame(FederatedTask, seeds, results, key)
    source = f"{len(results)} trainings on {settings.data}, {counted(len(seeds), 'seed')}"
    return Summary(
        tables=(_table(settings, found, source),),
        verdicts=tuple(judge(claims(settings, found))),
        figures=(_figure(settings, found),),
        remarks=(
            (
                "Settings are the same for all, and none is tuned. Clients keep the state of their "
                "optimizer from round to round."
            ),
            (
                "A client that shares the router alone keeps experts of its own: it is good at its "
                "own labels, and seldom at those that it has never seen. Accuracy on own and on "
                "common rows are two different aims."
            ),
        ),
    )


def claims(settings: FederatedSettings, found: FederatedResults) -> list[Claim]:
    """Return the claims: about what the quantum router shares, and about routers."""

    def lead(one: Case, other: Case, rows: str) -> FloatArray:
        return last(found, one, rows) - last(found, other, rows)

    of_ways = [
        Claim(
            text=(
                f"with a quantum router, {_NAMES[one]} is more accurate than {_NAMES[other]} on "
                f"{_ROWS[rows]}"
            ),
            differences_N=lead(("quantum", one), ("quantum", other), rows),
            margin=settings.margin,
        )
        for one, other, rows in _compared(settings)
    ]
    of_routers = [
        Claim(
            text=(
                f"shared alone, the quantum router is more accurate than the {label(control)} "
                f"router on {_ROWS['own']}"
            ),
            differences_N=lead(("quantum", "router"), (control, "router"), "own"),
            margin=settings.margin,
        )
        for control in _compared_controls(settings)
    ]
    return [*of_ways, *of_routers]


def n_claims(settings: FederatedSettings) -> int:
    """Count the claims that settings lead to."""
    return len(_compared(settings)) + len(_compared_controls(settings))


def last(found: FederatedResults, case: Case, rows: str) -> FloatArray:
    """Return each seed's accuracy after the last round, (N,)."""
    return found.values(case, rows, -1)


def rounds_to(found: FederatedResults, case: Case, targets_N: FloatArray) -> FloatArray:
    """Return each seed's first round with an accuracy on own rows, (N,); inf if none has it."""
    own_NR = found.values(case, "own")
    reached_NR = own_NR >= targets_N[:, None]
    return np.where(reached_NR.any(axis=1), reached_NR.argmax(axis=1) + 1.0, np.inf)


def _compared(settings: FederatedSettings) -> list[tuple[str, str, str]]:
    return [one for one in _COMPARED if {one[0], one[1]} <= set(settings.ways)]


def _compared_controls(settings: FederatedSettings) -> tuple[str, ...]:
    is_shared = "router" in settings.ways and "router" in settings.control_ways
    return settings.controls if is_shared else ()


def _table(settings: FederatedSettings, found: FederatedResults, source: str) -> Table:
    rows: list[Row] = []
    for router, way in settings.cases:
        case, central = (router, way), (router, "central")
        row: dict[object, object] = {
            "router": label(router),
            "way": _NAMES[way],
            "accuracy, own rows": mean_estimate(last(found, case, "own")),
            "accuracy, common rows": mean_estimate(last(found, case, "common")),
            column("rounds to near central, median", 0): None,
            column("seeds that come near", 0): None,
            column("bytes sent per round and client", 0): None,
            column("bytes received", 0): None,
        }
        if way != "central":
            sent, received = found.values(case, "bytes").max(axis=0)
            row[column("bytes sent per round and client", 0)] = int(sent)
            row[column("bytes received", 0)] = int(received)
            if central in found.keys:
                needed_N = rounds_to(found, case, settings.near * last(found, central, "own"))
                median = float(np.median(needed_N))
                row[column("rounds to near central, median", 0)] = (
                    median if np.isfinite(median) else "not reached"
                )
                row[column("seeds that come near", 0)] = int(np.isfinite(needed_N).sum())
        rows.append(row)  # type: ignore[arg-type]
    return table_of_rows(
        rows,
        name="federated",
        title=f"{settings.clients} clients, {settings.partition}, after {settings.rounds} rounds",
        note=(
            "Means over seeds with 95 % intervals; accuracy is the mean over clients, each with "
            "its own model, on held-out rows. Near central: at least "
            f"{100 * settings.near:g} % of the accuracy of central training on the same rows. "
            + "; ".join(f"{_NAMES[way]}: {text}" for way, text in WAYS.items())
            + "."
        ),
        source=source,
    )


def _figure(settings: FederatedSettings, found: FederatedResults) -> FigureSpec:
    rounds = range(1, settings.rounds + 1)
    series = []
    for way in settings.ways:
        values = found.values(("quantum", way), "own")
        values = values[:, -1] if way == "central" else values
        series.append(mean_curve(_NAMES[way], rounds, values))
    return FigureSpec(
        name="federated",
        caption=(
            "Accuracy of the clients' models with a quantum router on held-out rows of their own, "
            "by round: means over seeds and clients with 95 % intervals."
        ),
        draw=curves(series, x_label="round", y_label="accuracy on own rows"),
    )
