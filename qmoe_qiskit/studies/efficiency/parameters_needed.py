"""Number of parameters that a family of routers needs for an accuracy, per seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.stats import Claim, success_rate
from qmoe_qiskit.studies.report.summary import Row, Table, column, table_of_rows
from qmoe_qiskit.studies.training.paired_results import (
    ACCURACY,
    INPUTS,
    RouterResults,
    ScaledRouter,
    validation_accuracies,
)
from qmoe_qiskit.studies.training.routers import study_router
from qmoe_qiskit.typing import FloatArray

# Two ways to count the parameters of a trained router, and their names in a result.
COUNTS = {"parameters": "n_parameters", "effective parameters": "effective_parameters"}


class Family(StrEnum):
    """Routers that differ in size."""

    QUANTUM = "quantum"
    RELU = "ReLU"
    FOURIER = "Fourier features"
    POLYNOMIAL = "linear and quadratic"

    @classmethod
    def of(cls, router: ScaledRouter) -> Family:
        """Return the family of a router."""
        return cls.of_name(router.router)

    @classmethod
    def of_name(cls, router: str) -> Family:
        """Return the family of a router by its name."""
        return cls(study_router(router).family)


@dataclass(frozen=True, kw_only=True)
class Needed:
    """The parameters that a family needs.

    Attributes:
        n_members: Number of sizes to choose from.
        reached_N: Whether the chosen member reaches the threshold on held-out rows, per seed.
        size_N: Parameters of the chosen member where it reaches the threshold; elsewhere twice the
            parameters of the largest router of the study.
    """

    n_members: int
    reached_N: NDArray[np.bool_]
    size_N: FloatArray

    @property
    def typical(self) -> float | str:
        """The median over the seeds, the upper one of two, or "not reached"."""
        order = np.argsort(self.size_N)
        middle = order[len(order) // 2]
        return float(self.size_N[middle]) if self.reached_N[middle] else "not reached"


def needed_parameters(
    frame: RouterResults, scalings: Sequence[str], *, threshold: float, source: str
) -> tuple[Table, list[Claim]]:
    """Return what each family needs for an accuracy, and claims that the quantum one needs less.

    Claims compare only families with equally many sizes: a family with more sizes has more tries.

    Args:
        frame: Results of the trainings.
        scalings: Names of the scalings, see `SCALINGS`.
        threshold: Held-out accuracy to reach.
        source: What the numbers of the table come from.
    """
    families = [f for f in Family if f in set(map(Family.of, frame.keys))]
    rows: list[Row] = []
    claims: list[Claim] = []
    for count, name in COUNTS.items():
        for scaling in scalings:
            needed = {f: _needed(frame, f, scaling, name, threshold) for f in families}
            quantum = needed[Family.QUANTUM]
            for family, of_family in needed.items():
                reached = success_rate(of_family.reached_N.astype(np.float64), 1.0)
                rows.append(
                    {
                        "inputs": scaling,
                        "routers": family.value,
                        "counted": count,
                        "sizes to choose from": of_family.n_members,
                        column("share of seeds in which the chosen one reaches it", 2): reached,
                        column("its size, median", 0): of_family.typical,
                    }
                )
                if family is Family.QUANTUM or of_family.n_members != quantum.n_members:
                    continue
                on_features = family is Family.FOURIER
                others = f"those on {family.value}" if on_features else f"{family.value} ones"
                claims.append(
                    Claim(
                        text=(
                            f"quantum routers reach {threshold:g} with fewer {count} than "
                            f"{others}, {INPUTS[scaling]}"
                        ),
                        differences_N=np.log2(of_family.size_N / quantum.size_N),
                        digits=2,
                        unit="halvings",
                    )
                )
    table = table_of_rows(
        rows,
        name="needed",
        title=f"What a router needs for a held-out accuracy of {threshold:g}",
        note=(
            "For each seed the smallest router of the family that reaches the accuracy on "
            "validation rows is chosen, or, where none does, the best one there; held-out rows say "
            "whether it reaches it. Where it does not, its size counts as twice that of the "
            "largest router in the study. A family of more sizes has more tries on validation "
            "rows: verdicts are given between families of as many sizes only. Differences in them "
            "are halvings: log2 of the ratio of the two sizes."
        ),
        source=source,
    )
    return table, claims


def _needed(
    frame: RouterResults, family: Family, scaling: str, name: str, threshold: float
) -> Needed:
    members = [r for r in frame.keys if Family.of(r) is family and r.scaling == scaling]
    sizes_NM = frame.columns(members, name)
    tried_NM = np.stack([validation_accuracies(frame, router) for router in members], axis=1)
    tested_NM = frame.columns(members, *ACCURACY)
    beyond = 2 * frame.columns(frame.keys, name).max()
    reached, chosen_sizes = [], []
    for sizes_M, tried_M, tested_M in zip(sizes_NM, tried_NM, tested_NM, strict=True):
        order = np.argsort(sizes_M, kind="stable")  # the first named of equal sizes
        passing = [m for m in order if tried_M[m] >= threshold]
        chosen = passing[0] if passing else order[np.argmax(tried_M[order])]
        reached.append(bool(tested_M[chosen] >= threshold))
        chosen_sizes.append(sizes_M[chosen] if reached[-1] else beyond)
    return Needed(
        n_members=len(members),
        reached_N=np.array(reached),
        size_N=np.array(chosen_sizes, dtype=np.float64),
    )
