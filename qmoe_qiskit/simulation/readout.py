"""From register states to expectation values, and gradients of them back to adjoint states."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.simulation.arrays import Array, BufferPool, library_of
from qmoe_qiskit.simulation.steps import Convertible
from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class StateReadout(Convertible):
    """Observables that are diagonal in the computational basis, on state vectors.

    Attributes:
        diagonals_OD: The diagonals of the observables.
        twice_DO: Twice the diagonals, transposed.
    """

    diagonals_OD: Array
    twice_DO: Array

    @classmethod
    def build(cls, diagonals_OD: FloatArray) -> Self:
        """Prepare the constants."""
        return cls(diagonals_OD=diagonals_OD, twice_DO=2 * diagonals_OD.T)

    @property
    def n_outputs(self) -> int:
        """Number of observables, O."""
        return len(self.diagonals_OD)

    def values(self, states: Array) -> Array:
        """Return expectation values, sum_i z_i |psi_i|^2: (C, O)."""
        return (self.diagonals_OD @ (states.real**2 + states.imag**2)).T

    def adjoint(self, gradient_CO: Array, states: Array, pool: BufferPool) -> Array:
        """Return the adjoint states for a gradient of the values, 2 z psi: (D, C)."""
        return pool.multiply(self.twice_DO @ gradient_CO.T, states)

    def adjoint_of_each(self, states: Array) -> Array:
        """Return 2 z psi for the output of each column; columns are (output, sample)."""
        size, columns = states.shape
        apart = states.reshape(size, self.n_outputs, columns // self.n_outputs)
        return (self.twice_DO[:, :, None] * apart).reshape(size, columns)


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
    """Return the diagonals of sums of Z strings, shape (O, 2^n), states little-endian."""
    return np.array([walsh_hadamard(z_coefficients(o)) for o in observables])


def z_coefficients(observable: SparsePauliOp) -> FloatArray:
    """Return the coefficient of every Z string, bit q of its index standing for Z on qubit q."""
    coefficients = np.zeros(2**observable.num_qubits)
    masks = observable.paulis.z @ (1 << np.arange(observable.num_qubits))
    np.add.at(coefficients, masks, observable.coeffs.real)
    return coefficients


def walsh_hadamard(values: FloatArray) -> FloatArray:
    """Return sum_m (-1)^popcount(i & m) values[m] for every i: coefficients to diagonal."""
    size = len(values)
    half = 1
    while half < size:
        even, odd = np.moveaxis(values.reshape(-1, 2, half), 1, 0)
        values = np.stack([even + odd, even - odd], axis=1).reshape(-1)
        half *= 2
    return values
