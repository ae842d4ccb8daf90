"""The state in front of the first step: a product over the qubits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from qmoe_qiskit.simulation import fusion
from qmoe_qiskit.simulation.arrays import Array
from qmoe_qiskit.simulation.steps import Convertible, Sweep


@dataclass(frozen=True, kw_only=True)
class ProductState(Convertible):
    """The state in front of the first step: every qubit rotated on its own, out of |0>.

    Attributes:
        rows: Sample-dependent angle of each stage and qubit, K times (n,); the last row's angle is
            zero. A slice where the rows follow each other: indexing by one is a view.
        even: (K, n, 2, 2); stage k takes v to cos(t/2) even v + sin(t/2) odd v.
        odd: Likewise.
        even_ground: even of stage 0 on |0>, (n, 2, 1).
        odd_ground: Likewise.
    """

    rows: list[Any]
    even: Array
    odd: Array
    even_ground: Array
    odd_ground: Array

    @classmethod
    def build(cls, step: fusion.Preparation, place: dict[int, int]) -> Self:
        """Turn a fused preparation into arrays; `place` gives the row of every angle."""
        rows = [np.array([place.get(a, -1) for a in stage]) for stage in step.angles.tolist()]
        return cls(
            rows=[_as_slice(stage) for stage in rows],
            even=step.even,
            odd=step.odd,
            even_ground=step.even[0, :, :, :1],
            odd_ground=step.odd[0, :, :, :1],
        )

    def forward(self, sweep: Sweep) -> tuple[list[Array], list[Array]]:
        """Return the qubits' states after each stage, (n, 2, C), and their growing product."""
        stages: list[Array] = []
        for k, rows in enumerate(self.rows):
            c, s = sweep.cosines[rows][:, None], sweep.sines[rows][:, None]
            if k == 0:
                state = c * self.even_ground + s * self.odd_ground
            else:
                state = c * (self.even[k] @ state) + s * (self.odd[k] @ state)
            stages.append(state)
        products = [state[-1]]
        for q in range(len(state) - 2, -1, -1):
            joined = products[-1][:, None, :] * state[q]
            products.append(joined.reshape(2 * len(products[-1]), joined.shape[-1]))
        return stages, products

    def backward(
        self, adjoint: Array, stages: list[Array], products: list[Array], sweep: Sweep
    ) -> None:
        """Record the derivative with respect to every angle of the preparation."""
        by_angle = sweep.by_angle
        assert by_angle is not None
        last, n = stages[-1], len(stages[-1])
        qubit_adjoints = [adjoint] * n
        for q in range(n - 1):  # qubit 0 was joined last
            split = adjoint.reshape(len(adjoint) // 2, 2, adjoint.shape[-1])
            left = products[n - 2 - q]
            qubit_adjoints[q] = (split * left.conj()[:, None, :]).sum(0)
            adjoint = (split * last[q].conj()).sum(1)
        qubit_adjoints[n - 1] = adjoint
        for q in range(n):
            state_adjoint = qubit_adjoints[q]
            for k in range(len(self.rows) - 1, -1, -1):
                rows = self.rows[k]
                row = q + rows.start if isinstance(rows, slice) else rows[q]
                c, s = sweep.cosines[row], sweep.sines[row]
                even, odd = self.even[k, q], self.odd[k, q]
                if k == 0:
                    turned = 0.5 * (c * odd[:, :1] - s * even[:, :1])
                else:
                    before = stages[k - 1][q]
                    turned = 0.5 * (c * (odd @ before) - s * (even @ before))
                    step_back = c * (even.conj().T @ state_adjoint)
                    step_back = step_back + s * (odd.conj().T @ state_adjoint)
                by_angle[row] = (state_adjoint.conj() * turned).real.sum(0)
                if k:
                    state_adjoint = step_back


def _as_slice(rows: np.ndarray) -> slice | np.ndarray:
    start = int(rows[0])
    follows = start >= 0 and np.array_equal(rows, np.arange(start, start + len(rows)))
    return slice(start, start + len(rows)) if follows else rows
