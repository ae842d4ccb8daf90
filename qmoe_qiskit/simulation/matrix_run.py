"""A run of gates as one matrix on a few qubits, with its derivative by every angle."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

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
)
from qmoe_qiskit.simulation.steps import Convertible, InputRotation, Permutation, SweepContext


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


@dataclass(kw_only=True, slots=True)
class Products:
    """A run at given weights.

    Attributes:
        factors: The matrices M_1 to M_G, (G, d, d).
        slopes: The derivative of each factor by its own angle; None for a unitary run, which needs
            none.
        prefixes: The products F, M_1 F, ..., V = M_G ... M_1 F, (G + 1, d, d).
    """

    factors: Array
    slopes: Array | None
    prefixes: Array


@dataclass(frozen=True, kw_only=True)
class MatrixRun(Convertible):
    """V = M_G ... M_1 F with M_g = rest_g + cos(k t_g) even_g + sin(k t_g) odd_g.

    Attributes:
        index: The position among the program's matrix runs.
        block: The qubits that the run acts on.
        rows: The run's slice of the program's shared angles, of length G.
        scale: The scale k of the representation.
        even: The terms even_g, (G, d, d).
        odd: The terms odd_g, (G, d, d).
        rest: The terms rest_g, (G, d, d), or None where they are zero.
        generators: The matrices K_g in dM_g/dt_g = M_g K_g for a unitary run, (G, d, d); None for a
            channel.
        first: The constant gates F before M_1, (d, d).
    """

    index: int
    block: Block
    rows: slice
    scale: float
    even: Array
    odd: Array
    rest: Array | None
    generators: Array | None
    first: Array

    @classmethod
    def build(cls, step: fusion.MatrixStep, *, index: int, start: int, n_qubits: int) -> Self:
        """Turn a fused step into arrays; its angles are the shared angles from `start` on."""
        representation, first, terms = step.representation, step.fixed[0], step.rotations
        shape = (len(terms), *first.shape)
        fixed = np.array(step.fixed[1:], dtype=representation.dtype).reshape(shape)
        even = np.array([t.even for t in terms], dtype=representation.dtype).reshape(shape)
        odd = np.array([t.odd for t in terms], dtype=representation.dtype).reshape(shape)
        rests = [t.rest for t in terms if t.rest is not None]
        rest = np.array(rests, dtype=representation.dtype).reshape(shape) if rests else None
        return cls(
            index=index,
            block=Block(qubits=step.qubits, n_qubits=n_qubits, base=representation.base),
            rows=slice(start, start + len(terms)),
            scale=representation.scale,
            even=fixed @ even,
            odd=fixed @ odd,
            rest=None if rest is None else fixed @ rest,
            generators=representation.scale * odd if representation.base == 2 else None,
            first=first,
        )

    def products(self, cosines: Array, sines: Array) -> Products:
        """Multiply the run's gates, given cosines and sines of all scaled shared angles."""
        c, s = cosines[self.rows, None, None], sines[self.rows, None, None]
        factors = c * self.even + s * self.odd
        if self.rest is not None:
            factors = factors + self.rest
        prefixes = empty_stack(self.first, len(factors) + 1)
        prefixes[0] = self.first
        before = prefixes[0]
        multiply = matrix_product(before)
        for factor, product in zip(factors, prefixes[1:], strict=True):
            before = multiply(factor, before, out=product)
        slopes = None
        if self.generators is None:
            slopes = self.scale * (c * self.odd - s * self.even)
        return Products(factors=factors, slopes=slopes, prefixes=prefixes)

    def forward(self, states: Array, sweep: SweepContext) -> Array:
        """Return V times the states."""
        return self.block.apply(sweep.matrices[self.index], states, sweep.pool)

    def backward(self, adjoint: Array, states: Array, sweep: SweepContext) -> Array:
        """Return V^H times the adjoint; record its outer product with the states."""
        if len(self.odd):
            outer = self.block.outer(adjoint, states, sweep.pool, per_column=sweep.per_column)
            before = sweep.outer.get(self.index)
            sweep.outer[self.index] = outer if before is None else before + outer
        return self.block.apply(sweep.matrices[self.index].conj().T, adjoint, sweep.pool)

    def slopes(self, outer: Array, products: Products) -> Array:
        """Contract outer products, (..., d, d), with dV/dt_g: returns (..., G)."""
        prefixes = products.prefixes
        t = prefixes[:-1]
        if self.generators is not None:
            # dV/dt_g = V T_g^H K_g T_g with T_g = M_{g-1} ... M_1 F.
            outer = prefixes[-1].conj().T @ outer
            evolved = t.conj().swapaxes(-1, -2) @ (self.generators @ t)
        else:
            # dV/dt_g = M_G ... M_{g+1} M_g' T_g: a channel cannot be undone.
            evolved = self._suffixes(products.factors) @ (products.slopes @ t)
        size = self.first.shape[0] ** 2
        flat = outer.conj().reshape(*outer.shape[:-2], size)
        slopes: Array = (flat @ evolved.reshape(len(t), size).T).real
        return slopes

    def _suffixes(self, factors: Array) -> Array:
        """Return M_G ... M_{g+1} for every g, the last one the identity: (G, d, d)."""
        suffixes = empty_stack(self.first, len(factors))
        suffixes[-1] = library_of(factors).eye(self.first.shape[0], dtype=factors.dtype)
        multiply = matrix_product(self.first)
        for g in range(len(factors) - 1, 0, -1):
            multiply(suffixes[g], factors[g], out=suffixes[g - 1])
        return suffixes


# One step of the sweep over a register of qubits.
Step = MatrixRun | Permutation | InputRotation
