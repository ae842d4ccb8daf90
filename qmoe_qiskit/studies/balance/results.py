"""The results of the study of balance, by training and measure; one value a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.studies.balance.settings import BalanceSettings, Case
    from qmoe_qiskit.studies.engine.results import TaskResult
# Takes one setting's measurement to a number.
Read = Callable[[dict[str, Any]], float]


class Found:
    """The results of a study, by case and measure.

    Args:
        settings: Of the study.
        results: In the order of its tasks.
    """

    def __init__(self, settings: BalanceSettings, results: Sequence[TaskResult]) -> None:
        self.settings = settings
        cases = settings.cases
        self._results = {
            case: [result.result for result in results[index :: len(cases)]]
            for index, case in enumerate(cases)
        }

    @cached_property
    def reads(self) -> dict[str, Read]:
        """What is read off a measurement, by column."""
        return {
            "balance": lambda m: entropy(m["expert_load"]) / np.log(len(m["expert_load"])),
            "busiest": lambda m: max(m["expert_load"]),
            "dead": lambda m: sum(share < self.settings.dead for share in m["expert_load"]),
            "routing": lambda m: m["routing_entropy"] / np.log(len(m["expert_load"])),
            "accuracy": lambda m: m["accuracy"],
            "flips": lambda m: m["routing_flips"],
        }

    def values(self, case: Case, read: str, where: int = 0) -> FloatArray:
        """Return one number a seed; `where` counts the settings, the exact one first."""
        measures = [result["settings"][where] for result in self._results[case]]
        return np.array([self.reads[read](measured) for measured in measures], dtype=np.float64)

    def case(self, router: str, n_experts: int, weight: float = 0.0, scaling: str = "") -> Case:
        """Return the case of some settings."""
        scaling = scaling or self.settings.scalings[0]
        return next(
            case
            for case in self._results
            if (case.router, case.n_experts, case.weight, case.scaling)
            == (router, n_experts, weight, scaling)
        )


def entropy(shares_E: Sequence[float]) -> float:
    """Return the entropy of a distribution, nat."""
    positive = np.array([share for share in shares_E if share > 0])
    return float(-np.sum(positive * np.log(positive))) + 0.0
