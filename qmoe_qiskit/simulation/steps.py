"""The fused steps at run time: how each takes a batch of states forward, and adjoint states back.

States are arrays of shape (2^n, C), a column per sample. Everything here uses only what NumPy and
torch spell alike, so that the same code serves arrays on the host and tensors on any device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Protocol, Self

import numpy as np

from qmoe_qiskit.simulation import fusion
from qmoe_qiskit.simulation.arrays import (
    Array,
    BufferPool,
    conjugate,
    empty_stack,
    library_of,
    matrix_product,
    permute,
    take_rows,
)


@dataclass(frozen=True, kw_only=True)
class Convertible:
    """A frozen set of constants, some of them arrays."""

    def converted(self, convert: Callable[[np.ndarray], Array]) -> Self:
        """Return a copy whose NumPy arrays went through `convert`."""
        arrays = {
            f.name: convert(value)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), np.ndarray)
        }
        return replace(self, **arrays)


class Step(Protocol):
    """One step of the sweep over a register of qubits."""

    def converted(self, convert: Callable[[np.ndarray], Array]) -> Self:
        """Return the step with its constants in another library or on another device."""
        ...

    def forward(self, psi: Array, sweep: Sweep) -> Array:
        """Take states through the step."""
        ...

    def backward(self, adjoint: Array, psi: Array, sweep: Sweep) -> Array:
        """Take adjoint states back; `psi` are the states that came in on the way forward."""
        ...


@dataclass(kw_only=True, slots=True)
class Sweep:
    """What the steps of one sweep share.

    Attributes:
        cosines: cos(t/2) of the sample-dependent angles, (A + 1, C); the last row's angle is zero.
        sines: sin(t/2) likewise.
        matrices: Per `MatrixRun` (by its `index`), the fused matrix.
        pool: Where steps take the arrays for their results.
        per_column: Whether derivatives are wanted for every column apart, not summed.
        shared: Filled on the way back: per `MatrixRun`, the sum (or stack, per column) over the
            columns of adjoint state times conjugated state, both in front of the run.
        by_angle: Filled on the way back: derivative with respect to each sample-dependent angle in
            each column, (A + 1, C), or None where nobody asked.
    """

    cosines: Array
    sines: Array
    matrices: list[Array]
    pool: BufferPool
    per_column: bool = False
    shared: dict[int, Array]
    by_angle: Array | None = None


@dataclass(frozen=True, kw_only=True)
class MatrixRun(Convertible):
    """V = M_G ... M_1 on some qubits, with M_g = cos(t_g/2) even_g + sin(t_g/2) odd_g.

    Attributes:
        index: Position among the program's matrix runs.
        qubits: Ascending; bit k of the matrices' indices belongs to `qubits[k]`.
        n_qubits: Size of the register.
        rows: The run's slice of the program's shared angles, of length G.
        even: (G, d, d).
        odd: (G, d, d).
        generators: K_g in dM_g/dt_g = M_g K_g, (G, d, d).
        first: The matrix that the products start from, (d, d): constant gates in front of M_1.
    """

    index: int
    qubits: tuple[int, ...]
    n_qubits: int
    rows: slice
    even: Array
    odd: Array
    generators: Array
    first: Array

    @classmethod
    def build(cls, step: fusion.MatrixStep, *, index: int, start: int, n_qubits: int) -> Self:
        """Turn a fused step into arrays; its angles are the shared angles from `start` on."""
        count, first = len(step.angles), step.fixed[0]
        pauli = np.array(step.paulis).reshape(count, *first.shape)
        even = np.array(step.fixed[1:]).reshape(pauli.shape)
        return cls(
            index=index,
            qubits=step.qubits,
            n_qubits=n_qubits,
            rows=slice(start, start + count),
            even=even,
            odd=even @ (-1j * pauli),
            generators=-0.5j * pauli,
            first=first,
        )

    def prefix_products(self, cosines: Array, sines: Array) -> Array:
        """Return F, M_1 F, ..., V = M_G ... M_1 F, with F the first matrix: (G + 1, d, d).

        Arguments are cosines and sines of all the program's shared half-angles.
        """
        c, s = cosines[self.rows, None, None], sines[self.rows, None, None]
        factors = c * self.even + s * self.odd
        products = empty_stack(self.first, len(factors) + 1)
        products[0] = self.first
        before = products[0]
        multiply = matrix_product(before)
        for factor, product in zip(factors, products[1:], strict=True):
            before = multiply(factor, before, out=product)
        return products

    def evolved_generators(self, products: Array) -> Array:
        """Return T_g^H K_g T_g with T_g = M_{g-1} ... M_1 F, flattened: (G, d d)."""
        t = products[:-1]
        evolved = t.conj().swapaxes(-1, -2) @ (self.generators @ t)
        return evolved.reshape(len(t), self.first.shape[0] ** 2)

    def forward(self, psi: Array, sweep: Sweep) -> Array:
        """Return V psi."""
        return self._apply(sweep.matrices[self.index], psi, sweep.pool)

    def backward(self, adjoint: Array, psi: Array, sweep: Sweep) -> Array:
        """Return V^H adjoint; record the outer product with the state that came in."""
        adjoint = self._apply(sweep.matrices[self.index].conj().T, adjoint, sweep.pool)
        if not len(self.odd):
            return adjoint
        if self._whole and not sweep.per_column:
            self._record(adjoint @ psi.conj().T, sweep)
            return adjoint
        conjugated = conjugate(psi, sweep.pool)
        bra, ket = self._split(conjugated), self._split(adjoint)
        if sweep.per_column:
            left, d, _ = bra.shape
            states, columns = psi.shape
            apart = (left, d, states // (left * d), columns)
            bra, ket = (
                permute(a.reshape(apart), [3, 1, 0, 2]).reshape(columns, d, states // d)
                for a in (bra, ket)
            )
            outer = ket @ bra.swapaxes(-1, -2)
        else:
            outer = ket @ bra.swapaxes(-1, -2)
            outer = outer[0] if len(outer) == 1 else outer.sum(0)
        sweep.pool.give(conjugated)
        self._record(outer, sweep)
        return adjoint

    def _record(self, outer: Array, sweep: Sweep) -> None:
        before = sweep.shared.get(self.index)
        sweep.shared[self.index] = outer if before is None else before + outer

    def _apply(self, matrix: Array, psi: Array, pool: BufferPool) -> Array:
        if self._whole:
            return matrix @ psi
        if self._contiguous:
            out = pool.take(psi)
            states = self._split(psi)
            library_of(psi).matmul(matrix, states, out=out.reshape(states.shape))
            return out
        n = self.n_qubits
        turned = (matrix @ self._split(psi)).reshape((2,) * n + (psi.shape[-1],))
        back = sorted(range(n), key=self._axes.__getitem__)
        return permute(turned, [*back, n]).reshape(psi.shape)

    def _split(self, psi: Array) -> Array:
        """View states as (left, d, right * C), d running over the run's qubits."""
        d = 2 ** len(self.qubits)
        if self._contiguous:
            right = 2 ** self.qubits[0]
            return psi.reshape(len(psi) // (d * right), d, right * psi.shape[-1])
        n = self.n_qubits
        tensor = permute(psi.reshape((2,) * n + (psi.shape[-1],)), [*self._axes, n])
        return tensor.reshape(1, d, len(psi) // d * psi.shape[-1])

    @property
    def _whole(self) -> bool:
        """Whether the run covers the register: states need no reshaping then."""
        return len(self.qubits) == self.n_qubits

    @property
    def _contiguous(self) -> bool:
        return self.qubits[-1] - self.qubits[0] == len(self.qubits) - 1

    @property
    def _axes(self) -> list[int]:
        """All tensor axes, the run's qubits first, most significant first."""
        own = [self.n_qubits - 1 - q for q in reversed(self.qubits)]
        return own + [axis for axis in range(self.n_qubits) if axis not in own]


@dataclass(frozen=True, kw_only=True)
class Permutation(Convertible):
    """new[i] = phase[i] old[source[i]]; `phase` is None where all phases are 1."""

    source: Array
    inverse: Array
    phase: Array | None

    @classmethod
    def build(cls, step: fusion.PermutationStep) -> Self:
        """Turn a fused step into arrays."""
        trivial = bool(np.all(step.phase == 1))
        return cls(
            source=step.source,
            inverse=np.argsort(step.source),
            phase=None if trivial else step.phase[:, None],
        )

    def forward(self, psi: Array, sweep: Sweep) -> Array:
        """Return the permuted states."""
        out = take_rows(psi, self.source, sweep.pool.take(psi))
        if self.phase is not None:
            out *= self.phase
        return out

    def backward(self, adjoint: Array, psi: Array, sweep: Sweep) -> Array:  # noqa: ARG002 - the protocol's
        """Undo the permutation."""
        if self.phase is not None:
            adjoint = self.phase.conj() * adjoint
        return take_rows(adjoint, self.inverse, sweep.pool.take(adjoint))


@dataclass(frozen=True, kw_only=True)
class InputRotation(Convertible):
    """exp(-i t/2 P) with an angle that differs from sample to sample."""

    angle: int
    source: Array
    phase: Array

    @classmethod
    def build(cls, step: fusion.InputStep, row: int) -> Self:
        """Turn a fused step into arrays; `row` is its place among the sample-dependent angles."""
        return cls(angle=row, source=step.source, phase=-1j * step.phase[:, None])

    def forward(self, psi: Array, sweep: Sweep) -> Array:
        """Return the rotated states."""
        c, s = sweep.cosines[self.angle], sweep.sines[self.angle]
        return c * psi + s * (self.phase * psi[self.source])

    def backward(self, adjoint: Array, psi: Array, sweep: Sweep) -> Array:
        """Undo the rotation; record the derivative with respect to its angle."""
        c, s = sweep.cosines[self.angle], sweep.sines[self.angle]
        adjoint = c * adjoint - s * (self.phase * adjoint[self.source])
        if sweep.by_angle is not None:
            turned = self.phase * psi[self.source]
            sweep.by_angle[self.angle] = 0.5 * (adjoint.conj() * turned).real.sum(0)
        return adjoint
