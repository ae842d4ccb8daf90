"""From register states to expectation values, and gradients of them back to adjoint states."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.simulation.arrays import Array, BufferPool, library_of
from qmoe_qiskit.simulation.steps import Convertible
from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class StateReadout(Convertible):
    """Observables on state vectors.

    An observable is a diagonal D_0 and, for each set m of qubits that its Pauli strings flip, a
    diagonal D_m times the flip: sum_i conj(psi_i) D_m[i] psi[i ^ m].

    Attributes:
        diagonals_OD: The diagonals D_0.
        twice_DO: Twice the diagonals, transposed.
        sources_MD: Per set m that occurs, the index i ^ m of every state; None without any.
        flips_MOD: Per set m, the diagonals D_m, complex; None without any.
    """

    diagonals_OD: Array
    twice_DO: Array
    sources_MD: Array | None
    flips_MOD: Array | None

    @classmethod
    def build(cls, observables: Sequence[SparsePauliOp]) -> Self:
        """Prepare the constants."""
        diagonals_OD = diagonals(observables)
        masks = sorted({mask for o in observables for mask in _flips(o).tolist()} - {0})
        states = np.arange(diagonals_OD.shape[1])
        return cls(
            diagonals_OD=diagonals_OD,
            twice_DO=2 * diagonals_OD.T,
            sources_MD=np.array([states ^ mask for mask in masks]) if masks else None,
            flips_MOD=np.array([[_flip_diagonal(o, mask) for o in observables] for mask in masks])
            if masks
            else None,
        )

    @property
    def n_outputs(self) -> int:
        """Number of observables, O."""
        return len(self.diagonals_OD)

    def values(self, states: Array) -> Array:
        """Return expectation values, (C, O)."""
        values_OC = self.diagonals_OD @ (states.real**2 + states.imag**2)
        for flips_OD, flipped in self._flipped(states):
            values_OC = values_OC + (flips_OD @ (states.conj() * flipped)).real
        return values_OC.T

    def adjoint(self, gradient_CO: Array, states: Array, pool: BufferPool) -> Array:
        """Return the adjoint states for a gradient of the values, 2 O psi: (D, C)."""
        adjoint = pool.multiply(self.twice_DO @ gradient_CO.T, states)
        for flips_OD, flipped in self._flipped(states):
            weights_DC = flips_OD.T @ (gradient_CO.T + 0j)
            adjoint += 2 * weights_DC * flipped
        return adjoint

    def adjoint_of_each(self, states: Array) -> Array:
        """Return 2 O psi for the output of each column; columns are (output, sample)."""
        size, columns = states.shape
        shape = size, self.n_outputs, columns // self.n_outputs
        each = self.twice_DO[:, :, None] * states.reshape(shape)
        for flips_OD, flipped in self._flipped(states):
            each = each + 2 * flips_OD.T[:, :, None] * flipped.reshape(shape)
        return each.reshape(size, columns)

    def _flipped(self, states: Array) -> Iterator[tuple[Array, Array]]:
        """Yield the diagonals D_m of every set m with the states psi[i ^ m]."""
        if self.sources_MD is not None and self.flips_MOD is not None:
            for source_D, flips_OD in zip(self.sources_MD, self.flips_MOD, strict=True):
                yield flips_OD, states[source_D]


@dataclass(frozen=True, kw_only=True)
class DensityReadout(Convertible):
    """Linear functionals of density matrices in the Pauli basis.

    Attributes:
        functionals_OD: The functionals, one row per output.
    """

    functionals_OD: Array

    @property
    def n_outputs(self) -> int:
        """Number of observables, O."""
        return len(self.functionals_OD)

    def values(self, states: Array) -> Array:
        """Return the functionals of the states, (C, O)."""
        return (self.functionals_OD @ states).T

    def adjoint(self, gradient_CO: Array, states: Array, pool: BufferPool) -> Array:  # noqa: ARG002
        """Return the functionals, weighted by the gradient, (D, C)."""
        return self.functionals_OD.T @ gradient_CO.T

    def adjoint_of_each(self, states: Array) -> Array:
        """Return the functional of each column's output."""
        size, columns = states.shape
        apart = states.reshape(size, self.n_outputs, columns // self.n_outputs)
        each = library_of(states).zeros_like(apart) + self.functionals_OD.T[:, :, None]
        return each.reshape(size, columns)


Readout = StateReadout | DensityReadout


def diagonals(observables: Sequence[SparsePauliOp]) -> FloatArray:
    """Return the diagonals of observables, shape (O, 2^n), states little-endian."""
    return np.array([_flip_diagonal(o, 0).real for o in observables])


def pauli_coefficients(observable: SparsePauliOp) -> FloatArray:
    """Return the coefficient of every Pauli string, base-4 digit q of its index being qubit q.

    Digits 0 to 3 are I, X, Y and Z.
    """
    coefficients = np.zeros(4**observable.num_qubits)
    x, z = observable.paulis.x.astype(int), observable.paulis.z.astype(int)
    strings = (x + 3 * z - 2 * x * z) @ 4 ** np.arange(observable.num_qubits)
    np.add.at(coefficients, strings, observable.coeffs.real)
    return coefficients


def _flips(observable: SparsePauliOp) -> NDArray[np.int64]:
    """Return per term the qubits that it flips, as the bits of a number."""
    flips: NDArray[np.int64] = observable.paulis.x @ (1 << np.arange(observable.num_qubits))
    return flips


def _flip_diagonal(observable: SparsePauliOp, mask: int) -> NDArray[np.complex128]:
    """Return D with (O_m psi)[i] = D[i] psi[i ^ m], where O_m are the terms that flip m: (2^n,).

    A string P = i^(number of Y) Z^z X^x has D[i] = (-i)^(number of Y) (-1)^popcount(i & z).
    """
    paulis, n = observable.paulis, observable.num_qubits
    chosen = _flips(observable) == mask
    n_y = (paulis.x & paulis.z)[chosen].sum(axis=1)
    coefficients = np.zeros(2**n, dtype=complex)
    places = paulis.z[chosen] @ (1 << np.arange(n))
    np.add.at(coefficients, places, observable.coeffs.real[chosen] * (-1j) ** n_y)
    return walsh_hadamard(coefficients)


def walsh_hadamard(values: NDArray[Any]) -> NDArray[Any]:
    """Return sum_m (-1)^popcount(i & m) values[m] for every i: coefficients to diagonal."""
    size = len(values)
    half = 1
    while half < size:
        even, odd = np.moveaxis(values.reshape(-1, 2, half), 1, 0)
        values = np.stack([even + odd, even - odd], axis=1).reshape(-1)
        half *= 2
    return values
