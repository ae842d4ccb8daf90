"""Tables, verdicts and figures of the study of efficiency."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from qmoe_qiskit.stats import Claim, judge, mean_estimates
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.studies.efficiency.figure import Point, by_parameters, common_limits
from qmoe_qiskit.studies.efficiency.parameters_needed import COUNTS, Family, needed_parameters
from qmoe_qiskit.studies.efficiency.settings import EfficiencySettings
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.report.panels import panels
from qmoe_qiskit.studies.report.summary import FigureSpec, Row, Summary, Table, table_of_rows
from qmoe_qiskit.studies.training.paired_results import (
    ACCURACY,
    INPUTS,
    RouterResults,
    ScaledRouter,
    accuracy_cells,
    counted,
    router_results,
    size_cells,
    source_of,
)

# Accuracy on 1000 training points, from one seed, in the paper's notebooks: by router and layers.
PAPER: dict[tuple[str, int | None], float] = {
    ("mlp:2", None): 0.875,
    ("mlp:4", None): 0.882,
    ("mlp:8", None): 0.877,
    ("mlp:16", None): 0.991,
    ("mlp:32", None): 0.995,
    ("mlp:64", None): 0.995,
    ("quantum", 3): 0.996,
}


def summary(
    settings: EfficiencySettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Summarize the results of the study."""
    frame = router_results(seeds, results, by_layers=True)
    source = source_of(frame)
    means = dict(zip(frame.keys, frame.means(frame.keys, *ACCURACY), strict=True))
    needed, needed_claims = needed_parameters(
        frame, settings.scalings, threshold=settings.threshold, source=source
    )
    return Summary(
        tables=(_accuracy_table(settings, frame, means, source), needed),
        verdicts=tuple(judge([*needed_claims, *_accuracy_claims(settings, frame)])),
        figures=tuple(_picture(settings, frame, means, count) for count in COUNTS),
        remarks=_remarks(settings, frame),
    )


def n_claims(settings: EfficiencySettings) -> int:
    """Count the claims: on the parameters needed, and on accuracies."""
    sizes = Counter(Family.of_name(router) for router in settings.controls)
    comparable = sum(number == len(settings.layers) for number in sizes.values())
    return len(settings.scalings) * (len(COUNTS) * comparable + len(settings.compared))


def _reference(settings: EfficiencySettings, scaling: str) -> ScaledRouter:
    return ScaledRouter(scaling=scaling, router="quantum", layers=settings.reference_layers)


def _accuracy_table(
    settings: EfficiencySettings,
    frame: RouterResults,
    means: dict[ScaledRouter, Estimate],
    source: str,
) -> Table:
    leads_NK = [
        frame.difference(_reference(settings, router.scaling), router, *ACCURACY)
        for router in frame.keys
    ]
    leads = mean_estimates(np.stack(leads_NK, axis=1))
    on_training = frame.means(frame.keys, "train_accuracy")
    rows: list[Row] = []
    for router, lead, training in zip(frame.keys, leads, on_training, strict=True):
        reference = _reference(settings, router.scaling)
        rows.append(
            {
                **size_cells(frame, router),
                "learning rate, median": float(np.median(frame.values(router, "learning_rate"))),
                **accuracy_cells(frame, router, means[router], settings.threshold),
                f"{reference.label}, less this": None if router == reference else lead,
                "mean training accuracy": training,
                "the same in the paper, one seed": _of_paper(settings, router),
            }
        )
    return table_of_rows(
        rows,
        name="accuracy",
        title="Held-out accuracy by router",
        note=(
            "Parameters are those of the router; the experts are the same for all. Effective: "
            "rank of the Jacobian of the trained router's weights on its training points. "
            "Differences are paired by seed: the same points, split and batches."
        ),
        source=source,
    )


def _of_paper(settings: EfficiencySettings, router: ScaledRouter) -> float | None:
    """Return the accuracy in the paper's experiment 3A, where the paper trained this router."""
    if settings.data != "moons" or router.scaling != "paper":
        return None
    return PAPER.get((router.router, router.layers))


def _accuracy_claims(settings: EfficiencySettings, frame: RouterResults) -> list[Claim]:
    return [
        Claim(
            text=(
                f"{reference.label} is more accurate than {router.label}, {INPUTS[router.scaling]}"
            ),
            differences_N=frame.difference(reference, router, *ACCURACY),
            margin=settings.margin,
        )
        for router in frame.keys
        if router.router in settings.compared
        for reference in [_reference(settings, router.scaling)]
    ]


def _picture(
    settings: EfficiencySettings,
    frame: RouterResults,
    means: dict[ScaledRouter, Estimate],
    count: str,
) -> FigureSpec:
    points = {
        scaling: [
            Point(
                series=_series(router),
                x=float(np.median(frame.values(router, COUNTS[count]))),
                y=means[router],
            )
            for router in frame.keys
            if router.scaling == scaling
        ]
        for scaling in settings.scalings
    }
    return FigureSpec(
        name=f"accuracy_by_{count.replace(' ', '_')}",
        caption=(
            f"Held-out accuracy by number of {count} of the router: means over "
            f"{counted(len(frame.seeds), 'seed')} with 95 % intervals. Each point is a router; "
            f"routers of equally many {count} stand side by side."
        ),
        draw=panels(
            {
                INPUTS[scaling]: by_parameters(
                    drawn, x_label=f"{count} of the router", y_limits=common_limits(means.values())
                )
                for scaling, drawn in points.items()
            }
        ),
        size=(4.5 * min(2, len(points)), 4.2),
    )


def _series(router: ScaledRouter) -> str:
    """Return the name of the line that a router is drawn on; random features have their own."""
    kind = router.router.partition(":")[0]
    named = {"fourier": "Fourier", "rff": "random Fourier"}
    return named.get(kind, Family.of(router).value)


def _remarks(settings: EfficiencySettings, frame: RouterResults) -> tuple[str, ...]:
    quantum = [router for router in frame.keys if Family.of(router) is Family.QUANTUM]
    most = frame.columns(quantum, "effective_parameters").max()
    nominal = frame.columns(quantum, "n_parameters").max()
    of_rank = (
        f"Of up to {nominal:.0f} parameters of the quantum routers at most {most:.0f} are "
        "effective. With the features uploaded once, their outputs are trigonometric polynomials "
        "of degree 1 in each feature, however many layers there are: with two features, "
        "combinations of 9 functions."
    )
    of_rates = (
        "Learning rates were chosen for each training by the cross entropy on a fifth of its "
        "training rows; held-out rows had no part in it."
    )
    of_scalings = (
        "The paper scales features to [0, pi], for routers and experts alike. The circuit does not "
        "care where the interval begins, since its first trained rotation absorbs it; linear, "
        "quadratic and ReLU routers do, and so do the experts: compare the two scalings."
    )
    tuned = len(settings.learning_rates) > 1
    return (of_rank, of_rates, of_scalings) if tuned else (of_rank, of_scalings)
