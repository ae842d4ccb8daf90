"""How many parameters a family of routers needs for an accuracy, seed by seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.studies.pairing import (
    INPUTS,
    Contender,
    FloatArray,
    Paired,
    Result,
    accuracy,
    effective,
    parameters,
)
from qmoe_qiskit.studies.statistics import Claim, Verdict, judge, success_rate
from qmoe_qiskit.studies.summary import Cell, Column, Table

# Two ways to count the parameters of a trained router.
COUNTS: dict[str, Callable[[Result], float]] = {
    "parameters": parameters,
    "effective parameters": effective,
}


class Family(StrEnum):
    """Routers that differ in size."""

    QUANTUM = "quantum"
    RELU = "ReLU"
    FOURIER = "Fourier features"
    POLYNOMIAL = "linear and quadratic"

    @classmethod
    def of(cls, contender: Contender) -> Family:
        """Return the family of a router."""
        kind = contender.router.partition(":")[0]
        families = {
            "quantum": cls.QUANTUM,
            "mlp": cls.RELU,
            "fourier": cls.FOURIER,
            "rff": cls.FOURIER,
        }
        return families.get(kind, cls.POLYNOMIAL)


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What a family needs.

    Attributes:
        reached_N: Whether a member reaches the threshold, by seed.
        smallest_N: Parameters of the smallest that does; where none does, twice those of the
            largest router of the study.
    """

    reached_N: NDArray[np.bool_]
    smallest_N: FloatArray

    @property
    def typical(self) -> float | str:
        """The median over the seeds, the upper one of two; or that it is not reached."""
        order = np.argsort(self.smallest_N)
        middle = order[len(order) // 2]
        return float(self.smallest_N[middle]) if self.reached_N[middle] else "not reached"


def needed_parameters(
    found: Paired, scalings: Sequence[str], *, threshold: float, source: str
) -> tuple[Table, list[Verdict]]:
    """Return what each family needs for an accuracy, and whether the quantum one needs less."""
    families = [f for f in Family if f in {Family.of(contender) for contender in found.results}]
    rows: list[tuple[Cell, ...]] = []
    claims: list[Claim] = []
    for count, read in COUNTS.items():
        for scaling in scalings:
            needed = {f: _needed(found, f, scaling, read, threshold) for f in families}
            for family, of_family in needed.items():
                reached = success_rate(of_family.reached_N.astype(np.float64), 1.0)
                rows.append((scaling, family.value, count, reached, of_family.typical))
                if family is Family.QUANTUM:
                    continue
                ratio_N = of_family.smallest_N / needed[Family.QUANTUM].smallest_N
                claims.append(
                    Claim(
                        text=(
                            f"quantum routers reach {threshold:g} with fewer {count} than those "
                            f"on {family.value}, {INPUTS[scaling]}"
                            if family is Family.FOURIER
                            else f"quantum routers reach {threshold:g} with fewer {count} than "
                            f"{family.value} ones, {INPUTS[scaling]}"
                        ),
                        differences_N=np.log2(ratio_N),
                        digits=2,
                        unit="halvings",
                    )
                )
    table = Table(
        name="needed",
        title=f"What a router needs for a held-out accuracy of {threshold:g}",
        columns=(
            Column(name="inputs"),
            Column(name="routers"),
            Column(name="counted"),
            Column(name="share of seeds in which one reaches it", digits=2),
            Column(name="size of the smallest that does, median", digits=0),
        ),
        rows=tuple(rows),
        note=(
            "Of each seed the smallest router of the family that reaches the accuracy counts; "
            "where none does, a size of twice that of the largest router in the study. Differences "
            "in the verdicts are halvings: log2 of the ratio of the two sizes."
        ),
        source=source,
    )
    return table, judge(claims)


def _needed(
    found: Paired, family: Family, scaling: str, read: Callable[[Result], float], threshold: float
) -> Needed:
    members = [c for c in found.results if Family.of(c) is family and c.scaling == scaling]
    sizes_MN = np.stack([found.values(contender, read) for contender in members])
    reached_MN = np.stack([found.values(c, accuracy) for c in members]) >= threshold
    beyond = 2 * max(found.values(contender, read).max() for contender in found.results)
    return Needed(
        reached_N=np.any(reached_MN, axis=0),
        smallest_N=np.where(reached_MN, sizes_MN, beyond).min(axis=0),
    )
