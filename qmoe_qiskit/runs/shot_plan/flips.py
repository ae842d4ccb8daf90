"""How often shots change a decision: the predicted class, or the expert with the largest weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from qmoe_qiskit.moe import QuantumRouter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qmoe_qiskit.runs.shot_plan.draws import Measurement
    from qmoe_qiskit.train import QMoEClassifier
    from qmoe_qiskit.typing import FloatArray

Decision = Literal["class", "routing"]

_MOST_DRAWS, _FEWEST_DRAWS = 400, 20
# Random counts, and rows in all repetitions, of one estimate.
_COUNTS, _ROWS = 2_000_000, 100_000


@dataclass(frozen=True, kw_only=True)
class Flips:
    """The share of the rows whose decision is another one than with infinitely many shots.

    Attributes:
        expected: Mean over repeated executions.
        std_error: Its standard error, from the number of simulated executions.
        low: 95 % of the executions have at least this share,
        high: and at most this one: the quantiles of 2.5 and 97.5 %.
    """

    expected: float
    std_error: float
    low: float
    high: float

    @classmethod
    def of(cls, shares_R: FloatArray) -> Flips:
        """Summarize the shares of repeated executions."""
        low, high = np.quantile(shares_R, [0.025, 0.975])
        scatter = shares_R.std(ddof=1) / np.sqrt(len(shares_R))
        return cls(
            expected=float(shares_R.mean()),
            std_error=float(scatter),
            low=float(low),
            high=float(high),
        )


class Decider:
    """What a model decides on rows, given its circuit's outputs.

    Args:
        classifier: The model.
        features_NF: The rows, in raw units.
        decision: "class" or "routing".
    """

    def __init__(
        self, classifier: QMoEClassifier, features_NF: FloatArray, decision: Decision
    ) -> None:
        module = classifier.module_
        quantum: Any = getattr(module.router, "router", module.router)
        assert isinstance(quantum, QuantumRouter)
        self._router, self._module, self.decision = quantum, module, decision
        with torch.no_grad():
            scaled = torch.from_numpy(classifier.feature_map_.scale(features_NF))
            self._experts_NEC = torch.stack([e(scaled) for e in module.experts], dim=-2)

    def __call__(self, values: FloatArray) -> NDArray[np.int64]:
        """Return the decisions, (..., N), for the circuit's outputs, (..., N, O)."""
        with torch.no_grad():
            weights = self._router.weights_of(torch.from_numpy(values))
            # With top-k only the chosen experts have a part.
            decided_on = self._module.route_weights(weights).gates_BE
            if self.decision == "class":
                decided_on = self._module.combine(decided_on, self._experts_NEC)
        decided: NDArray[np.int64] = decided_on.argmax(dim=-1).numpy()
        return decided


def flips(
    measurement: Measurement,
    decider: Decider,
    reference_N: NDArray[np.int64],
    *,
    shots: int | None,
    calibration: int = 0,
    seed: int,
) -> Flips:
    """Simulate repeated executions, and count decisions other than the reference's.

    Equal arguments give equal results.

    Args:
        measurement: What runs where.
        decider: The model on the rows.
        reference_N: The decisions with infinitely many shots.
        shots: Shots per point in a slot; None for infinitely many.
        calibration: Shots that calibrate the readout.
        seed: Seed of the simulated shots.
    """
    at_most = min(_COUNTS // measurement.cost, _ROWS // len(reference_N), _MOST_DRAWS)
    n_draws = max(_FEWEST_DRAWS, at_most)
    rng = np.random.default_rng([seed, shots or 0])
    values_RNO = measurement.draw(rng, n_draws, shots, calibration)
    return Flips.of((decider(values_RNO) != reference_N).mean(axis=1))
