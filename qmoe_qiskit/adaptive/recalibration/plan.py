"""What can be done about a device that has drifted, with costs and what each would achieve."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.adaptive.recalibration.refit import circuit_values, refitted
from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.train.stored.state import model_state, restored_as

if TYPE_CHECKING:
    from qmoe_qiskit.backends import Backend
    from qmoe_qiskit.train import QMoEClassifier
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing to do, as simulated under the calibration of today.

    Attributes:
        name: "nothing", "move" (to the device qubits with the smallest expected error now),
            "refit" (adapter and experts, to values that the device gives for the training rows),
            "move and refit", or "retrain" (the circuit too, by the parameter-shift rule).
        executions: Number of circuits that the device executes for it; times the shots of each.
        flips: Number of probe rows whose label differs from the reference's afterwards.
        accuracy: Share of the probe rows whose label is right afterwards.
        model: The model afterwards, on today's calibration.
    """

    name: str
    executions: int
    flips: int
    accuracy: float
    model: QMoEClassifier = field(repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class RecalibrationPlan:
    """What to do about a drift.

    Attributes:
        probes: Number of probe rows.
        deployment_flips: Number of them that had another label at deployment than the reference.
        limit: The largest share of flips that is accepted.
        budget: The most circuits to execute, the probes included; None without a limit.
        actions: All actions, from the cheapest on; the first is to do nothing.
        chosen: The first action within limit and budget; if none reaches the limit, the one within
            the budget with the fewest flips.
    """

    probes: int
    deployment_flips: int
    limit: float
    budget: int | None
    actions: tuple[Action, ...]
    chosen: Action
    rows: tuple[FloatArray, FloatArray] = field(repr=False, compare=False)

    @property
    def executions(self) -> int:
        """Number of circuits that the plan executes: the probes, and the chosen action."""
        return self.probes + self.chosen.executions

    @property
    def reaches_limit(self) -> bool:
        """Whether the chosen action brings the flips within the limit."""
        return self.chosen.flips <= self.limit * self.probes

    def apply(self, backend: Backend | None = None) -> QMoEClassifier:
        """Return the model after the chosen action.

        Args:
            backend: Where to measure and to run, such as an open "runtime:" backend; None for the
                simulation under today's calibration, which the plan has done already. A retraining
                is always done in simulation.
        """
        model = self.chosen.model
        if backend is None:
            return model
        moved = restored_as(type(model), model_state(model), BackendSpec(backend=backend))
        if "refit" not in self.chosen.name:
            return moved
        X, y = self.rows
        return refitted(moved, X, y, circuit_values(moved, X))

    def to_json(self) -> dict[str, Any]:
        """Return the plan in JSON types."""
        return {
            "probes": self.probes,
            "deployment_flips": self.deployment_flips,
            "limit": self.limit,
            "budget": self.budget,
            "actions": [
                {
                    "name": action.name,
                    "executions": action.executions,
                    "flips": action.flips,
                    "accuracy": action.accuracy,
                }
                for action in self.actions
            ],
            "chosen": self.chosen.name,
            "executions": self.executions,
            "reaches_limit": self.reaches_limit,
        }
