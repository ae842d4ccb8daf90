"""Claims of the study of balance; positive differences speak for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmoe_qiskit.stats import Claim
from qmoe_qiskit.studies.training.paired_results import INPUTS
from qmoe_qiskit.studies.training.routers import label

if TYPE_CHECKING:
    from qmoe_qiskit.studies.balance.results import BalanceResults


def load_claims(found: BalanceResults) -> list[Claim]:
    """Return the claims about routers without the balance loss."""
    settings = found.settings
    return [
        Claim(
            text=(
                f"the quantum router balances {n_experts} experts better than the "
                f"{label(control)} router ({INPUTS[scaling]}, no balance loss)"
            ),
            differences_N=found.measure("balance", found.case("quantum", n_experts, 0, scaling))
            - found.measure("balance", found.case(control, n_experts, 0, scaling)),
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
                    differences_N=found.measure("dead", before) - found.measure("dead", after),
                    digits=2,
                    unit="experts",
                ),
                Claim(
                    text=f"{loss} leaves the accuracy of {experts} what it was",
                    differences_N=found.measure("accuracy", after)
                    - found.measure("accuracy", before),
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
            differences_N=found.measure(
                "flips", found.case("quantum", n_experts, weight), len(names)
            )
            - found.measure("flips", found.case("quantum", n_experts), len(names)),
        )
        for n_experts in settings.n_experts
        for weight in settings.weights[1:]
    ]
    return stable + price
