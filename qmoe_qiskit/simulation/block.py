"""Acting on a few qubits of a batch of register states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from qmoe_qiskit.simulation.arrays import Array, BufferPool, conjugate, library_of, permute


@dataclass(frozen=True, kw_only=True)
class Block:
    """Some qubits of a register whose states are arrays of shape (base^n, C).

    Attributes:
        qubits: The block's qubits, ascending; digit k of a matrix' indices belongs to `qubits[k]`.
        n_qubits: The number of qubits of the register.
        base: The number of entries per qubit: 2 for state vectors, 4 for density matrices.
    """

    qubits: tuple[int, ...]
    n_qubits: int
    base: int

    def apply(self, matrix: Array, states: Array, pool: BufferPool) -> Array:
        """Return the matrix times the states."""
        if self.whole:
            return matrix @ states
        if self._contiguous:
            out = pool.take(states)
            split = self._split(states)
            library_of(states).matmul(matrix, split, out=out.reshape(split.shape))
            return out
        n = self.n_qubits
        turned = matrix @ self._split(states)
        tensor = turned.reshape((self.base,) * n + (states.shape[-1],))
        back = sorted(range(n), key=self._axes.__getitem__)
        return permute(tensor, [*back, n]).reshape(states.shape)

    def outer(self, kets: Array, bras: Array, pool: BufferPool, *, per_column: bool) -> Array:
        """Return the product of kets and conjugated bras over all but the block's qubits.

        Shape (d, d), summed over the columns too, or (C, d, d) per column.
        """
        if self.whole and not per_column:
            return kets @ bras.conj().T
        conjugated = conjugate(bras, pool)
        ket, bra = self._split(kets), self._split(conjugated)
        if per_column:
            left, d, _ = bra.shape
            size, columns = bras.shape
            apart = (left, d, size // (left * d), columns)
            ket, bra = (
                permute(a.reshape(apart), [3, 1, 0, 2]).reshape(columns, d, size // d)
                for a in (ket, bra)
            )
            outer = ket @ bra.swapaxes(-1, -2)
        else:
            outer = (ket @ bra.swapaxes(-1, -2)).sum(0)
        pool.give(conjugated)
        return outer

    @cached_property
    def whole(self) -> bool:
        """Whether the block is the whole register: then states need no reshaping."""
        return len(self.qubits) == self.n_qubits

    def _split(self, states: Array) -> Array:
        """View states as (left, d, right * C), d running over the block's qubits."""
        d, columns = self.base ** len(self.qubits), states.shape[-1]
        if self._contiguous:
            right = self.base ** self.qubits[0]
            return states.reshape(len(states) // (d * right), d, right * columns)
        n = self.n_qubits
        tensor = permute(states.reshape((self.base,) * n + (columns,)), [*self._axes, n])
        return tensor.reshape(1, d, len(states) // d * columns)

    @cached_property
    def _contiguous(self) -> bool:
        return self.qubits[-1] - self.qubits[0] == len(self.qubits) - 1

    @cached_property
    def _axes(self) -> list[int]:
        """All tensor axes, the block's qubits first, most significant first."""
        own = [self.n_qubits - 1 - q for q in reversed(self.qubits)]
        return own + [axis for axis in range(self.n_qubits) if axis not in own]
