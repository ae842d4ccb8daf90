"""Tables, verdicts and figures of the study of balance."""

from collections.abc import Sequence

import numpy as np

from qmoe_qiskit.stats import Claim, judge, mean_estimate, success_rate
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.studies.balance.results import BalanceResults
from qmoe_qiskit.studies.balance.settings import BalanceSettings, Case
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.report.figures import curves, mean_curve
from qmoe_qiskit.studies.report.panels import panels
from qmoe_qiskit.studies.report.summary import (
    Draw,
    FigureSpec,
    Row,
    Summary,
    Table,
    column,
    table_of_rows,
)
from qmoe_qiskit.studies.training.paired_results import INPUTS, counted
from qmoe_qiskit.studies.training.routers import label
from qmoe_qiskit.typing import FloatArray

_UNDER = {"flips": "Flips", "accuracy": "Accuracy"}


def summarize(
    settings: BalanceSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Summarize the results of the study."""
    found = BalanceResults(settings, seeds, results)
    source = f"{len(results)} trainings on {settings.data}, {counted(len(seeds), 'seed')}"
    return Summary(
        tables=(_load_table(found, source), _flips_table(found, source)),
        verdicts=tuple(judge([*load_claims(found), *loss_claims(found), *flips_claims(found)])),
        figures=_pictures(found),
        remarks=(
            "A classical router runs on the computer itself: no noise of a device reaches it.",
            (
                "Mixtures are dense here: every expert computes every row, also one that is dead, "
                "which has a small weight everywhere."
            ),
        ),
    )


def _load_table(found: BalanceResults, source: str) -> Table:
    rows: list[Row] = []
    for case in found.settings.cases:

        def mean(what: str, case: Case = case) -> Estimate:
            return mean_estimate(found.measure(what, case))

        any_dead = success_rate(found.measure("dead", case), 1)
        rows.append(
            {
                "Router": label(case.router),
                "Experts": case.n_experts,
                "Weight of the balance loss": case.weight,
                "Inputs": case.scaling,
                column("Entropy of the load", unit="log E"): mean("balance"),
                "Load of the busiest expert": mean("busiest"),
                column("Dead experts", 2): mean("dead"),
                column("Seeds with a dead expert", 2): any_dead,
                column("Entropy of the routing", unit="log E"): mean("routing"),
                "Accuracy, held out": mean("accuracy"),
            }
        )
    return table_of_rows(
        rows,
        name="load",
        title="How the experts share the rows, without noise",
        note=(
            "Means over seeds with 95 % intervals. The load of an expert is the share of the "
            "held-out rows on which its weight is the largest; it is dead under "
            f"{100 * found.settings.dead:g} %. Entropy of the load: 1 where all experts have as "
            "many rows, 0 where one has all. Entropy of the routing: mean over rows of that of "
            "their weights."
        ),
        source=source,
    )


def _flips_table(found: BalanceResults, source: str) -> Table:
    settings = found.settings
    cases = [found.case("quantum", e, w) for e in settings.n_experts for w in settings.weights]
    rows: list[Row] = [
        {
            "Experts": case.n_experts,
            "Weight of the balance loss": case.weight,
            **{
                f"{heading}, {name}": mean_estimate(found.measure(what, case, where))
                for where, name in enumerate(settings.noise, start=1)
                for what, heading in _UNDER.items()
            },
        }
        for case in cases
    ]
    return table_of_rows(
        rows,
        name="flips",
        title="Rows that noise sends to another expert, quantum router",
        note=(
            "Means over seeds with 95 % intervals. Flips: share of the held-out rows whose expert "
            "with the largest weight is another one than without noise, the trained weights being "
            "the same. Trained without noise."
        ),
        source=source,
    )


def _pictures(found: BalanceResults) -> tuple[FigureSpec, ...]:
    settings = found.settings
    routers = {label(router): (router, 0) for router in settings.routers}
    places = {name: ("quantum", where) for where, name in enumerate(settings.noise, start=1)}
    n_rows = -(-len(settings.n_experts) // 2)
    height = 0.8 + 2.6 * n_rows

    def picture(name: str, caption: str, draw: Draw) -> FigureSpec:
        return FigureSpec(name=name, caption=caption, draw=draw, size=(7.0, height))

    return (
        picture(
            "load",
            "Entropy of the experts' load by router and weight of the balance loss: 1 where all "
            "experts have as many rows.",
            _by_weight(found, "balance", routers, "entropy of the load, log E", (-0.02, 1.02)),
        ),
        picture(
            "dead",
            "Dead experts by router and weight of the balance loss.",
            _by_weight(found, "dead", routers, "dead experts"),
        ),
        picture(
            "flips",
            "Rows that go to another expert under noise, by weight of the balance loss.",
            _by_weight(found, "flips", places, "rows with another expert"),
        ),
    )


def _by_weight(
    found: BalanceResults,
    read: str,
    series: dict[str, tuple[str, int]],
    y_label: str,
    y_limits: tuple[float, float] | None = None,
) -> Draw:
    """Draw a measure over the weights, a panel for each number of experts.

    `series` gives, by name of the curve, the router and the index of the setting it is measured on.
    """
    weights = found.settings.weights

    def values_NW(router: str, n_experts: int, where: int) -> FloatArray:
        cases = [found.case(router, n_experts, weight) for weight in weights]
        return np.stack([found.measure(read, case, where) for case in cases], axis=1)

    return panels(
        {
            f"{n_experts} experts": curves(
                [
                    mean_curve(name, range(len(weights)), values_NW(router, n_experts, where))
                    for name, (router, where) in series.items()
                ],
                x_label="weight of the balance loss",
                y_label=y_label,
                x_ticks={float(i): f"{weight:g}" for i, weight in enumerate(weights)},
                y_limits=y_limits,
            )
            for n_experts in found.settings.n_experts
        },
        same="y",
    )


def n_claims(settings: BalanceSettings) -> int:
    """Count the claims about routers, the balance loss, and the routing under noise."""
    n_losses = len(settings.weights) - 1
    of_routers = len(settings.scalings) * len(settings.controls)
    return len(settings.n_experts) * (of_routers + 2 * n_losses + len(settings.noise) + n_losses)


def load_claims(found: BalanceResults) -> list[Claim]:
    """Return the claims about routers without the balance loss."""
    settings = found.settings
    return [
        Claim(
            text=(
                f"the quantum router balances {n_experts} experts better than the "
                f"{label(control)} router ({INPUTS[scaling]}, no balance loss)"
            ),
            differences_N=found.lead(
                "balance",
                found.case("quantum", n_experts, scaling=scaling),
                found.case(control, n_experts, scaling=scaling),
            ),
            margin=settings.balance_margin,
            unit="log E",
        )
        for scaling in settings.scalings
        for n_experts in settings.n_experts
        for control in settings.controls
    ]


def loss_claims(found: BalanceResults) -> list[Claim]:
    """Return the claims about the balance loss."""
    settings = found.settings
    claims = []
    for n_experts in settings.n_experts:
        before = found.case("quantum", n_experts)
        for weight in settings.weights[1:]:
            after = found.case("quantum", n_experts, weight)
            loss = f"a balance loss of weight {weight:g}"
            experts = f"{n_experts} experts of the quantum router"
            claims += [
                Claim(
                    text=f"{loss} brings dead ones among {experts} to life",
                    differences_N=found.lead("dead", before, after),
                    digits=2,
                    unit="experts",
                ),
                Claim(
                    text=f"{loss} leaves the accuracy of {experts} what it was",
                    differences_N=found.lead("accuracy", after, before),
                    margin=settings.margin,
                    kind="equivalence",
                ),
            ]
    return claims


def flips_claims(found: BalanceResults) -> list[Claim]:
    """Return the claims about the routing under noise."""
    settings = found.settings
    names = list(settings.noise)
    stable = [
        Claim(
            text=(
                f"under {name} fewer than {100 * settings.flips:g} % of the rows go to another of "
                f"{n_experts} experts"
            ),
            differences_N=settings.flips
            - found.measure("flips", found.case("quantum", n_experts), where),
        )
        for n_experts in settings.n_experts
        for where, name in enumerate(names, start=1)
    ]
    price = [
        Claim(
            text=(
                f"a balance loss of weight {weight:g} lets more rows go to another of {n_experts} "
                f"experts under {names[-1]}"
            ),
            differences_N=found.lead(
                "flips",
                found.case("quantum", n_experts, weight),
                found.case("quantum", n_experts),
                len(names),
            ),
        )
        for n_experts in settings.n_experts
        for weight in settings.weights[1:]
    ]
    return stable + price
