"""Tables, verdicts in plain words, and the figure of a comparison of routers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from qmoe_qiskit.stats import Claim, fewest_seeds, judge, mean_estimate
from qmoe_qiskit.stats.types import Estimate, Verdict
from qmoe_qiskit.studies.comparison.settings import ComparisonSettings
from qmoe_qiskit.studies.comparison.task import ComparedTraining
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.results_frame import ResultsFrame
from qmoe_qiskit.studies.report.figures import intervals
from qmoe_qiskit.studies.report.panels import panels
from qmoe_qiskit.studies.report.summary import (
    FigureSpec,
    Row,
    Summary,
    Table,
    column,
    table_of_rows,
)
from qmoe_qiskit.studies.training.routers import is_quantum
from qmoe_qiskit.typing import FloatArray

IDEAL = "without noise"


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """The first router against another one, under one condition.

    Attributes:
        condition: The condition in words.
        first: Name of the first router.
        other: Name of the other router.
        differences_N: Accuracy of the first router, less that of the other, by seed.
        superiority: Verdict on the claim that the first is more accurate.
        equivalence: Verdict on the claim that they differ by less than the margin.
    """

    condition: str
    first: str
    other: str
    differences_N: FloatArray
    superiority: Verdict
    equivalence: Verdict

    @property
    def outcome(self) -> str:
        """What the verdicts say, in a few words."""
        near = self.equivalence.outcome == "supported"
        margin = f"{self.equivalence.margin:g}"
        if self.superiority.outcome == "undecided":
            return f"equivalent within {margin}" if near else "no difference shown"
        more = "more" if self.superiority.outcome == "supported" else "less"
        return f"{more} accurate" + (f", by less than {margin}" if near else "")

    def __str__(self) -> str:
        verdict = self.superiority
        p = verdict.p_against if verdict.outcome == "not supported" else verdict.p_value
        if self.outcome.startswith("equivalent"):
            p = self.equivalence.p_value
        if self.outcome == "no difference shown":
            p = min(verdict.p_value, verdict.p_against)
        d = verdict.difference
        interval = "" if np.isnan(d.low) else f", 95 % interval {d.low:+.3f} to {d.high:+.3f}"
        return (
            f"{self.first} against {self.other}, {self.condition}: {self.outcome} "
            f"({d.value:+.3f}{interval}; p = {p:.2g} after correction for {verdict.n_claims} "
            "claims)."
        )


def n_claims(settings: ComparisonSettings) -> int:
    """Return the number of claims that a comparison tests, two per pair."""
    return 2 * len(_pairs(settings))


def pairs_of(
    settings: ComparisonSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> list[Pair]:
    """Judge the first router against each of the others, under every condition."""
    frame = ResultsFrame(ComparedTraining, seeds, results, attrgetter("router"))
    first = settings.routers[0]
    claims, found = [], []
    for condition, other in _pairs(settings):
        differences_N = np.round(
            _accuracies(frame, first, condition) - _accuracies(frame, other, condition), 12
        )
        where = settings.under_noise if condition else IDEAL
        names = f"{first} is {{}} {other}, {where}"
        claims += [
            Claim(text=names.format("more accurate than"), differences_N=differences_N),
            Claim(
                text=names.format(f"within {settings.margin:g} of"),
                differences_N=differences_N,
                margin=settings.margin,
                kind="equivalence",
            ),
        ]
        found.append((where, other, differences_N))
    verdicts = judge(claims)
    return [
        Pair(
            condition=where,
            first=first,
            other=other,
            differences_N=differences_N,
            superiority=superiority,
            equivalence=equivalence,
        )
        for (where, other, differences_N), superiority, equivalence in zip(
            found, verdicts[::2], verdicts[1::2], strict=True
        )
    ]


def summary(
    settings: ComparisonSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Summarize the results of a comparison."""
    frame = ResultsFrame(ComparedTraining, seeds, results, attrgetter("router"))
    pairs = pairs_of(settings, seeds, results)
    return Summary(
        tables=(_accuracy_table(settings, frame), _difference_table(settings, pairs)),
        verdicts=tuple(v for pair in pairs for v in (pair.superiority, pair.equivalence)),
        figures=(_picture(settings, frame, pairs),),
        remarks=(*map(str, pairs), *_remarks(settings, len(seeds))),
    )


def _pairs(settings: ComparisonSettings) -> list[tuple[int, str]]:
    """Return conditions (0 is without noise) with the routers that the first is compared with."""
    first, *others = settings.routers
    noisy = [other for other in others if is_quantum(first) or is_quantum(other)]
    return [(0, other) for other in others] + [
        (1, other) for other in noisy if settings.noisy is not None
    ]


def _accuracies(frame: ResultsFrame[str], router: str, condition: int) -> FloatArray:
    """Return accuracies by seed; noise and shots do not affect a classical router."""
    place = condition if is_quantum(router) else 0
    return frame.values(router, "settings", place, "accuracy")


def _conditions(settings: ComparisonSettings) -> dict[str, int]:
    return {IDEAL: 0} | ({} if settings.noisy is None else {settings.under_noise: 1})


def _accuracy_table(settings: ComparisonSettings, frame: ResultsFrame[str]) -> Table:
    rows: list[Row] = [
        {
            "router": router,
            column("parameters", 0): int(frame.values(router, "n_parameters")[0]),
            **{
                name: mean_estimate(_accuracies(frame, router, place))
                if is_quantum(router) or not place
                else "not affected"
                for name, place in _conditions(settings).items()
            },
        }
        for router in settings.routers
    ]
    return table_of_rows(
        rows,
        name="accuracy",
        title=f"Held-out accuracy on {settings.data}",
        note=(
            "Means with 95 % intervals, bootstrap over the seeds. Every seed has a split and "
            "initial weights of its own, and generated data have other points; all routers of a "
            "seed have the same rows. Parameters are those of the router. Models are trained "
            "without noise; a classical router has no circuit that noise could affect"
        ),
        source=f"{frame.n_results} trainings (compare)",
    )


def _difference_table(settings: ComparisonSettings, pairs: Sequence[Pair]) -> Table:
    first = settings.routers[0]
    rows: list[Row] = [
        {
            f"{first} minus": pair.other,
            "condition": pair.condition,
            "difference": pair.superiority.difference,
            "better, equal, worse": f"{(d := pair.superiority).better}, {d.equal}, "
            f"{d.difference.n - d.better - d.equal}",
            f"{first} is": pair.outcome,
        }
        for pair in pairs
    ]
    return table_of_rows(
        rows,
        name="differences",
        title=f"Held-out accuracy of {first} minus that of each other router",
        note=(
            "Differences are paired by seed. Better, equal and worse count seeds. A difference or "
            "an equivalence needs a sign-flip test with p below 0.05 after Holm's correction over "
            f"all {n_claims(settings)} claims, and an interval that agrees"
        ),
        source="paired trainings (compare)",
    )


def _picture(
    settings: ComparisonSettings, frame: ResultsFrame[str], pairs: Sequence[Pair]
) -> FigureSpec:
    first = settings.routers[0]
    accuracies: dict[str, dict[str, FloatArray]] = {
        name: {
            router: _accuracies(frame, router, place)
            for router in settings.routers
            if is_quantum(router) or not place
        }
        for name, place in _conditions(settings).items()
    }
    shown = {name: rows for name, rows in accuracies.items() if rows}
    differences: dict[str, dict[str, FloatArray]] = {}
    for pair in pairs:
        differences.setdefault(pair.condition, {})[pair.other] = pair.differences_N
    n_seeds = len(frame.seeds)
    return FigureSpec(
        name="comparison",
        caption=(
            f"Held-out accuracy of each router, and that of {first} minus each other's: means over "
            f"{n_seeds} paired seeds with 95 % intervals; faint strokes are seeds."
        ),
        draw=panels(
            {
                "Held-out accuracy": intervals(
                    _means(shown), label="held-out accuracy", seeds=_strokes(shown)
                ),
                f"{first} minus each other router": intervals(
                    _means(differences),
                    label="difference of held-out accuracy",
                    reference=0.0,
                    seeds=_strokes(differences),
                ),
            }
        ),
        size=(8.5, 1.9 + 0.42 * len(settings.routers)),
    )


def _means(series: Mapping[str, Mapping[str, FloatArray]]) -> dict[str, dict[str, Estimate]]:
    return {
        name: {row: mean_estimate(values_N) for row, values_N in rows.items()}
        for name, rows in series.items()
    }


def _strokes(series: Mapping[str, Mapping[str, FloatArray]]) -> dict[str, dict[str, list[float]]]:
    return {
        name: {row: values_N.tolist() for row, values_N in rows.items()}
        for name, rows in series.items()
    }


def _remarks(settings: ComparisonSettings, n_seeds: int) -> tuple[str, ...]:
    said = []
    if n_seeds < (needed := fewest_seeds(n_claims(settings))):
        said.append(
            f"{n_seeds} seeds cannot decide any of {n_claims(settings)} claims: that takes at "
            f"least {needed}."
        )
    said.append('"No difference shown" is no proof that there is none.')
    if settings.noisy is not None:
        said.append(f"Classical routers are not affected {settings.under_noise}.")
    return tuple(said)
