"""Drawing what a number of shots yields, from the exact outcomes of the places that are used.

Bit strings are drawn from their multinomial distribution, so that the outputs of a shot stay
correlated as on the device. So are the bit strings that calibrate the readout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qmoe_qiskit.runs.shot_plan.places import MeasuredBasis, Place
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """What runs where.

    Attributes:
        places_K: The place of every slot; several slots may share what was evaluated for one.
        n_points: Number of points, P.
        in_every_slot: Whether every point runs in every slot. If not, each runs in a random slot,
            and what is left of the last circuit repeats points.
        mixing_NP: How the rows' outputs follow from those of the points; None if rows are points.
    """

    places_K: tuple[Place, ...]
    n_points: int
    in_every_slot: bool = False
    mixing_NP: FloatArray | None = None

    @property
    def cost(self) -> int:
        """Number of random counts of one repetition."""
        n_cells = self.n_points * (len(self.places_K) if self.in_every_slot else 1)
        return max(n_cells, len(self.places_K)) * self.places_K[0].n_outcomes

    def draw(
        self, rng: np.random.Generator, n_draws: int, shots: int | None, calibration: int = 0
    ) -> FloatArray:
        """Return the outputs of every row in repeated executions, (R, N, O).

        Args:
            rng: The source of shots and of slots.
            n_draws: Number of repetitions, R.
            shots: Shots per point in a slot; None for infinitely many.
            calibration: Shots that calibrate the readout.
        """
        n_points, n_slots = self.n_points, len(self.places_K)
        n_outputs = self.places_K[0].exact_PO.shape[1]
        sums_RPO = np.zeros((n_draws, n_points, n_outputs))
        times_RP = np.zeros((n_draws, n_points))
        points_RLK = self._points(rng, n_draws)
        draws_R1 = np.arange(n_draws)[:, None]
        for k, place in enumerate(self.places_K):
            points_RL = points_RLK[:, :, k]
            values_RLO = _drawn(rng, place, points_RL, shots, calibration)
            np.add.at(sums_RPO, (draws_R1, points_RL), values_RLO)
            np.add.at(times_RP, (draws_R1, points_RL), 1)
        assert n_slots == points_RLK.shape[2]
        values_RPO: FloatArray = sums_RPO / times_RP[:, :, None]
        return values_RPO if self.mixing_NP is None else self.mixing_NP @ values_RPO

    def _points(self, rng: np.random.Generator, n_draws: int) -> NDArray[np.int64]:
        """Return the points in every block and slot of every repetition, (R, L, K)."""
        n_slots, order_P = len(self.places_K), np.arange(self.n_points)
        if self.in_every_slot or n_slots == 1:
            shape = (n_draws, self.n_points, n_slots)
            return np.broadcast_to(order_P[None, :, None], shape)
        orders_RP = rng.permuted(np.tile(order_P, (n_draws, 1)), axis=1)
        n_blocks = -(-self.n_points // n_slots)
        cells = np.arange(n_blocks * n_slots) % self.n_points
        return orders_RP[:, cells].reshape(n_draws, n_blocks, n_slots)


def _drawn(
    rng: np.random.Generator,
    place: Place,
    points_RL: NDArray[np.int64],
    shots: int | None,
    calibration: int,
) -> FloatArray:
    """Return the outputs of points at one place, (R, L, O)."""
    if shots is None:
        return place.exact_PO[points_RL]
    values = []
    for basis in place.bases:
        counts_RLS = rng.multinomial(shots, basis.probabilities_PS[points_RL])
        fidelities = _fidelities(rng, basis, len(points_RL), calibration)
        values.append(basis.values(counts_RLS / shots, fidelities))
    summed: FloatArray = np.sum(values, axis=0)
    return summed


def _fidelities(
    rng: np.random.Generator, basis: MeasuredBasis, n_draws: int, calibration: int
) -> FloatArray | None:
    """Return the factors of the terms as a job measures them, (R, 1, T); None for exact ones."""
    if basis.flips_S is None or not calibration:
        return None
    counts_RS = rng.multinomial(calibration, basis.flips_S, size=n_draws)
    measured_R1T = (counts_RS / calibration @ basis.signs_TS.T)[:, None]
    # A calibration of few shots can miss all contrast; the device's would divide by zero as well.
    least = 1 / calibration
    clipped: FloatArray = np.where(np.abs(measured_R1T) < least, least, measured_R1T)
    return clipped
