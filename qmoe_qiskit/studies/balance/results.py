"""The results of the study of balance, by training and measure."""

from collections.abc import Sequence

import numpy as np

from qmoe_qiskit.studies.balance.settings import BalanceSettings, Case
from qmoe_qiskit.studies.balance.task import BalanceTask
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.results_frame import ResultsFrame
from qmoe_qiskit.typing import FloatArray


class BalanceResults(ResultsFrame[Case]):
    """The results of a study of balance.

    Args:
        settings: Settings of the study.
        seeds: Seeds of the study.
        results: Results of all its tasks.
    """

    def __init__(
        self, settings: BalanceSettings, seeds: Sequence[int], results: Sequence[TaskResult]
    ) -> None:
        self.settings = settings
        super().__init__(BalanceTask, seeds, results, _case)

    def measure(self, what: str, case: Case, where: int = 0) -> FloatArray:
        """Return one measure per seed, (N,).

        Args:
            what: Name of the measure: "balance" (entropy of the load as a share of log E),
                "busiest" (load of the busiest expert), "dead" (number of dead experts), "routing"
                (entropy of the routing as a share of log E), "accuracy" or "flips".
            case: The training.
            where: Index of the setting that the model was measured on; the exact one is the first.
        """

        def values(name: str) -> FloatArray:
            return self.values(case, "settings", where, name)

        load_NE = values("expert_load")
        log_experts = float(np.log(load_NE.shape[1]))
        match what:
            case "balance":
                return np.array([entropy(load_E) for load_E in load_NE]) / log_experts
            case "busiest":
                return np.asarray(load_NE.max(axis=1))
            case "dead":
                return np.asarray((load_NE < self.settings.dead).sum(axis=1), dtype=np.float64)
            case "routing":
                return values("routing_entropy") / log_experts
            case _:
                return values("routing_flips" if what == "flips" else what)

    def lead(self, what: str, one: Case, other: Case, where: int = 0) -> FloatArray:
        """Return by how much a measure of one training is above that of another, (N,)."""
        return self.measure(what, one, where) - self.measure(what, other, where)

    def case(self, router: str, n_experts: int, weight: float = 0.0, scaling: str = "") -> Case:
        """Return a case; by default without the balance loss, on inputs of the first scaling."""
        scaling = scaling or self.settings.scalings[0]
        return Case(router=router, n_experts=n_experts, weight=weight, scaling=scaling)


def entropy(shares_E: FloatArray) -> float:
    """Return the entropy of a distribution, nat.

    >>> round(entropy(np.array([0.5, 0.5])), 4)
    0.6931
    """
    positive = shares_E[shares_E > 0]
    return float(-np.sum(positive * np.log(positive))) + 0.0


def _case(task: BalanceTask) -> Case:
    return Case(
        router=task.router,
        n_experts=task.n_experts,
        weight=task.balance_weight,
        scaling=task.scaling,
    )
