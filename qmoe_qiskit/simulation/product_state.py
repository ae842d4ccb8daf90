"""The state before the first step: a product over the qubits."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from qmoe_qiskit.simulation import fusion
from qmoe_qiskit.simulation.arrays import Array
from qmoe_qiskit.simulation.representation import StateRepresentation
from qmoe_qiskit.simulation.steps import Convertible, SweepContext


@dataclass(frozen=True, kw_only=True)
class ProductState(Convertible):
    """Every qubit rotated on its own, from |0>.

    Stage k takes the state v of each qubit to (cos even[k] + sin odd[k] + rest[k]) v.

    Attributes:
        rows: Per stage, the rows of the qubits' sample-dependent angles, (n,); the last row's angle
            is zero. A slice where the rows are consecutive: indexing by a slice makes a view.
        even: The matrices even[k], (K, n, base, base).
        odd: The matrices odd[k], (K, n, base, base).
        rest: The matrices rest[k], (K, n, base, base), or None where they are zero.
        first_even: The matrices even[0] times the state before stage 0, (n, base, 1).
        first_odd: The matrices odd[0] times that state, (n, base, 1).
        first_rest: The matrices rest[0] times that state, (n, base, 1), or None.
        scale: The scale of the representation.
    """

    rows: list[Any]
    even: Array
    odd: Array
    rest: Array | None
    first_even: Array
    first_odd: Array
    first_rest: Array | None
    scale: float

    @classmethod
    def build(
        cls, step: fusion.Preparation, place: dict[int, int], representation: StateRepresentation
    ) -> Self:
        """Turn a fused preparation into arrays; `place` gives the row of every angle."""
        rows = [np.array([place.get(a, -1) for a in stage]) for stage in step.angles.tolist()]
        return cls(
            rows=[_as_slice(stage) for stage in rows],
            even=step.even,
            odd=step.odd,
            rest=step.rest,
            first_even=step.even[0] @ step.ground,
            first_odd=step.odd[0] @ step.ground,
            first_rest=None if step.rest is None else step.rest[0] @ step.ground,
            scale=representation.scale,
        )

    def forward(self, sweep: SweepContext) -> tuple[list[Array], list[Array]]:
        """Return the qubits' states after each stage, (n, base, C), and their growing product."""
        stages: list[Array] = []
        for k, rows in enumerate(self.rows):
            c, s = sweep.cosines[rows][:, None], sweep.sines[rows][:, None]
            if k == 0:
                state = c * self.first_even + s * self.first_odd
                rest = self.first_rest
            else:
                rest = None if self.rest is None else self.rest[k] @ state
                state = c * (self.even[k] @ state) + s * (self.odd[k] @ state)
            if rest is not None:
                state = state + rest
            stages.append(state)
        products = [state[-1]]
        for q in range(len(state) - 2, -1, -1):
            joined = products[-1][:, None, :] * state[q]
            products.append(joined.reshape(joined.shape[0] * joined.shape[1], joined.shape[2]))
        return stages, products

    def backward(
        self, adjoint: Array, stages: list[Array], products: list[Array], sweep: SweepContext
    ) -> None:
        """Record the derivative with respect to every angle of the preparation."""
        last, n = stages[-1], len(stages[-1])
        base, columns = last.shape[1:]
        qubit_adjoints = [adjoint] * n
        for q in range(n - 1):  # qubit 0 was joined last
            split = adjoint.reshape(len(adjoint) // base, base, columns)
            left = products[n - 2 - q]
            qubit_adjoints[q] = (split * left.conj()[:, None, :]).sum(0)
            adjoint = (split * last[q].conj()).sum(1)
        qubit_adjoints[n - 1] = adjoint
        for q in range(n):
            self._backward_qubit(q, qubit_adjoints[q], stages, sweep)

    def _backward_qubit(
        self, q: int, adjoint: Array, stages: list[Array], sweep: SweepContext
    ) -> None:
        by_angle = sweep.by_angle
        assert by_angle is not None
        for k in range(len(self.rows) - 1, -1, -1):
            rows = self.rows[k]
            row = q + rows.start if isinstance(rows, slice) else rows[q]
            c, s = sweep.cosines[row], sweep.sines[row]
            if k == 0:
                turned = c * self.first_odd[q] - s * self.first_even[q]
            else:
                even, odd, before = self.even[k, q], self.odd[k, q], stages[k - 1][q]
                turned = c * (odd @ before) - s * (even @ before)
                back = c * (even.conj().T @ adjoint) + s * (odd.conj().T @ adjoint)
                if self.rest is not None:
                    back = back + self.rest[k, q].T @ adjoint
            by_angle[row] = self.scale * (adjoint.conj() * turned).real.sum(0)
            if k:
                adjoint = back


def _as_slice(rows: np.ndarray) -> slice | np.ndarray:
    start = int(rows[0])
    follows = start >= 0 and np.array_equal(rows, np.arange(start, start + len(rows)))
    return slice(start, start + len(rows)) if follows else rows
