"""From register states to expectation values, and gradients of them back to adjoint states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from qmoe_qiskit.simulation.arrays import Array, BufferPool, library_of
from qmoe_qiskit.simulation.steps import Convertible
from qmoe_qiskit.typing import FloatArray


class Readout(Protocol):
    """What is measured at the end."""

    @property
    def n_outputs(self) -> int:
        """Number of observables, O."""
        ...

    def converted(self, convert: Callable[[np.ndarray], Array]) -> Self:
        """Return the readout with its constants in another library or on another device."""
        ...

    def values(self, states: Array) -> Array:
        """Return expectation values, (C, O)."""
        ...

    def adjoint(self, gradient_CO: Array, states: Array, pool: BufferPool) -> Array:
        """Return the adjoint states for a gradient of the values, (D, C)."""
        ...

    def adjoint_of_each(self, states: Array) -> Array:
        """Return the adjoint states of every value separately.

        The columns of the states are (output, sample), outputs outermost.
        """
        ...


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
        """Number of observables."""
        return len(self.diagonals_OD)

    def values(self, states: Array) -> Array:
        """Return sum_i z_i |psi_i|^2."""
        return (self.diagonals_OD @ (states.real**2 + states.imag**2)).T

    def adjoint(self, gradient_CO: Array, states: Array, pool: BufferPool) -> Array:
        """Return 2 z psi, weighted by the gradient."""
        return pool.multiply(self.twice_DO @ gradient_CO.T, states)

    def adjoint_of_each(self, states: Array) -> Array:
        """Return 2 z psi for the output of each column."""
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
        """Number of observables."""
        return len(self.functionals_OD)

    def values(self, states: Array) -> Array:
        """Return the functionals of the states."""
        return (self.functionals_OD @ states).T

    def adjoint(self, gradient_CO: Array, states: Array, pool: BufferPool) -> Array:  # noqa: ARG002
        """Return the functionals, weighted by the gradient."""
        return self.functionals_OD.T @ gradient_CO.T

    def adjoint_of_each(self, states: Array) -> Array:
        """Return the functional of each column's output."""
        size, columns = states.shape
        apart = states.reshape(size, self.n_outputs, columns // self.n_outputs)
        each = library_of(states).zeros_like(apart) + self.functionals_OD.T[:, :, None]
        return each.reshape(size, columns)
