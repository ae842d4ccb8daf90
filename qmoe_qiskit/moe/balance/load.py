"""How evenly rows are spread over the experts, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from qmoe_qiskit.moe.routing import Routing
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class RoutingStatistics:
    """The load of the experts, over any number of batches.

    Attributes:
        choices_E: How often each expert was chosen.
        runs_E: On how many rows each expert ran: fewer if its capacity left no room.

    >>> statistics = RoutingStatistics.of_choices([3, 1, 0, 0])
    >>> statistics.load_E, statistics.n_dead
    (array([0.75, 0.25, 0.  , 0.  ]), 2)
    >>> round(statistics.entropy, 3), round(statistics.variation, 3)
    (0.562, 1.225)
    """

    choices_E: FloatArray
    runs_E: FloatArray

    @classmethod
    def of(cls, routing: Routing) -> RoutingStatistics:
        """Return the load of one batch."""
        n_experts = routing.chosen_BE.shape[-1]
        chosen_E, runs_E = (
            mask_BE.reshape(-1, n_experts).sum(0).double().cpu().numpy()
            for mask_BE in (routing.chosen_BE, routing.chosen_BE & routing.runs_BE)
        )
        return cls(choices_E=chosen_E, runs_E=runs_E)

    @classmethod
    def of_choices(cls, choices_E: object) -> RoutingStatistics:
        """Return the load for how often each expert was chosen, with room for all."""
        counts_E = np.asarray(choices_E, dtype=np.float64)
        return cls(choices_E=counts_E, runs_E=counts_E)

    def __repr__(self) -> str:
        return (
            f"<RoutingStatistics of {len(self.choices_E)} experts: CV {self.variation:.2f}, "
            f"{self.n_dead} dead>"
        )

    def __add__(self, other: RoutingStatistics) -> RoutingStatistics:
        return RoutingStatistics(
            choices_E=self.choices_E + other.choices_E, runs_E=self.runs_E + other.runs_E
        )

    @property
    def load_E(self) -> FloatArray:
        """Share of all choices that are this expert; the shares sum to 1."""
        load_E: FloatArray = self.choices_E / max(self.choices_E.sum(), 1.0)
        return load_E

    @property
    def entropy(self) -> float:
        """Entropy of the load in nat: log E if it is even, 0 if one expert has everything."""
        used = self.load_E[self.load_E > 0]
        return float(-(used * np.log(used)).sum()) + 0.0

    @property
    def variation(self) -> float:
        """Coefficient of variation of the load: standard deviation over mean, 0 if it is even."""
        return float(self.load_E.std() * len(self.load_E)) if self.choices_E.any() else 0.0

    @property
    def n_dead(self) -> int:
        """Number of experts that no row chose."""
        return int((self.choices_E == 0).sum())

    @property
    def dropped(self) -> float:
        """Share of the choices for which an expert had no room."""
        total = float(self.choices_E.sum())
        return (total - float(self.runs_E.sum())) / max(total, 1.0)
