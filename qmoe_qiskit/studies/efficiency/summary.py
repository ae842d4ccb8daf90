"""What the study of efficiency found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.stats import Claim, judge, median_estimate, success_rate
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.studies.efficiency.figure import Point, by_parameters, common_limits
from qmoe_qiskit.studies.efficiency.parameters_needed import COUNTS, Family, needed_parameters
from qmoe_qiskit.studies.report.panels import panels
from qmoe_qiskit.studies.report.summary import Column, FigureSpec, Summary, Table
from qmoe_qiskit.studies.training.paired_results import (
    INPUTS,
    Contender,
    Paired,
    Result,
    accuracy,
    counted,
    effective,
    paired,
    parameters,
    source_of,
)

if TYPE_CHECKING:
    from qmoe_qiskit.studies.efficiency.settings import EfficiencySettings
    from qmoe_qiskit.studies.engine.results import TaskResult

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
    """Return tables, verdicts and figures."""
    found = paired(results, seeds, by_layers=True)
    source = source_of(results, seeds)
    columns = [found.values(contender, accuracy) for contender in found.results]
    means = dict(zip(found.results, found.means(columns), strict=True))
    needed, needed_claims = needed_parameters(
        found, settings.scalings, threshold=settings.threshold, source=source
    )
    return Summary(
        tables=(_accuracy_table(settings, found, means, source), needed),
        verdicts=tuple(judge([*needed_claims, *_accuracy_claims(settings, found)])),
        figures=tuple(_picture(settings, found, means, count, len(seeds)) for count in COUNTS),
        remarks=_remarks(settings, found),
    )


def _reference(settings: EfficiencySettings, scaling: str) -> Contender:
    return Contender(scaling=scaling, router="quantum", layers=settings.reference_layers)


def _accuracy_table(
    settings: EfficiencySettings, found: Paired, means: dict[Contender, Estimate], source: str
) -> Table:
    references = {c: _reference(settings, c.scaling) for c in found.results}
    leads = found.means([found.lead(reference, c) for c, reference in references.items()])
    on_training = found.means([found.values(c, _training_accuracy) for c in found.results])
    rows = []
    for contender, lead, training in zip(found.results, leads, on_training, strict=True):
        accuracies_N = found.values(contender, accuracy)
        rates_N = found.values(contender, lambda result: float(result["learning_rate"]))
        rows.append(
            (
                contender.scaling,
                contender.label,
                int(found.values(contender, parameters)[0]),
                float(np.median(found.values(contender, effective))),
                float(np.median(rates_N)),
                means[contender],
                median_estimate(accuracies_N),
                success_rate(accuracies_N, settings.threshold),
                None if contender == references[contender] else lead,
                training,
                _of_paper(settings, contender),
            )
        )
    return Table(
        name="accuracy",
        title="Held-out accuracy by router",
        columns=(
            Column(name="inputs"),
            Column(name="router"),
            Column(name="parameters", digits=0),
            Column(name="effective parameters, median", digits=0),
            Column(name="learning rate, median"),
            Column(name="mean accuracy"),
            Column(name="median accuracy"),
            Column(name=f"share of seeds with {settings.threshold:g} or more", digits=2),
            Column(name=f"{_reference(settings, '').label}, less this"),
            Column(name="mean training accuracy"),
            Column(name="the same in the paper, one seed"),
        ),
        rows=tuple(rows),
        note=(
            "Parameters are those of the router; the experts are the same for all. Effective: "
            "rank of the Jacobian of the trained router's weights on its training points. "
            "Differences are paired by seed: the same points, split and batches."
        ),
        source=source,
    )


def _training_accuracy(result: Result) -> float:
    return float(result["train_accuracy"])


def _of_paper(settings: EfficiencySettings, contender: Contender) -> float | None:
    """Return the accuracy that the paper's experiment 3A found, where this is what it trained."""
    if settings.data != "moons" or contender.scaling != "paper":
        return None
    return PAPER.get((contender.router, contender.layers))


def _accuracy_claims(settings: EfficiencySettings, found: Paired) -> list[Claim]:
    claims = []
    for contender in found.results:
        reference = _reference(settings, contender.scaling)
        if contender.router in settings.compared:
            claims.append(
                Claim(
                    text=(
                        f"{reference.label} is more accurate than {contender.label}, "
                        f"{INPUTS[contender.scaling]}"
                    ),
                    differences_N=found.lead(reference, contender),
                    margin=settings.margin,
                )
            )
    return claims


def _picture(
    settings: EfficiencySettings,
    found: Paired,
    means: dict[Contender, Estimate],
    count: str,
    n_seeds: int,
) -> FigureSpec:
    read = COUNTS[count]
    points = {
        scaling: [
            Point(
                series=_series(contender),
                x=float(np.median(found.values(contender, read))),
                y=means[contender],
            )
            for contender in found.results
            if contender.scaling == scaling
        ]
        for scaling in settings.scalings
    }
    return FigureSpec(
        name=f"accuracy_by_{count.replace(' ', '_')}",
        caption=(
            f"Held-out accuracy by number of {count} of the router: means over "
            f"{counted(n_seeds, 'seed')} with 95 % intervals. Each point is a router."
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


def _series(contender: Contender) -> str:
    """Return what a router is drawn with: random features apart from the others."""
    kind = contender.router.partition(":")[0]
    named = {"fourier": "Fourier", "rff": "random Fourier"}
    return named.get(kind, Family.of(contender).value)


def _remarks(settings: EfficiencySettings, found: Paired) -> tuple[str, ...]:
    quantum = [c for c in found.results if Family.of(c) is Family.QUANTUM]
    most = max(found.values(contender, effective).max() for contender in quantum)
    nominal = max(found.values(contender, parameters).max() for contender in quantum)
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
