"""The two representations of a register's states: state vectors, and density matrices.

In both a register of n qubits is a vector of base^n numbers, a gate is a matrix, and a rotation
by an angle t is rest + cos(k t) even + sin(k t) odd with constant matrices.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PTM, Operator

from qmoe_qiskit.typing import FloatArray

Matrix = NDArray[Any]

_PAULI = {
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0 + 0j, -1]),
}


@dataclass(frozen=True, kw_only=True)
class Terms:
    """A rotation by t: rest + cos(scale t) even + sin(scale t) odd; rest is None where it is 0."""

    even: Matrix
    odd: Matrix
    rest: Matrix | None


@dataclass(frozen=True, kw_only=True)
class StateRepresentation:
    """How states of a register, gates and channels are represented.

    Attributes:
        base: The number of entries per qubit.
        dtype: The type of the entries.
        scale: The factor from a rotation's angle to the angle of its cosine.
        ground: The state |0> of a qubit.
        block_qubits: The most qubits of a block; a larger register is cut into several.
        permutes: Whether entangling gates are worth a permutation of the register.
        rotation: Takes a Pauli string, letter k belonging to digit k, to the terms of its rotation.
        gate: Takes a unitary to its matrix, digits in the order of the gate's qubits.
    """

    base: int
    dtype: type
    scale: float
    ground: NDArray[Any]
    block_qubits: int
    permutes: bool
    rotation: Callable[[str], Terms]
    gate: Callable[[NDArray[np.complex128]], Matrix]

    def identity(self, n_qubits: int) -> Matrix:
        """Return the matrix that changes nothing."""
        return np.eye(self.base**n_qubits, dtype=self.dtype)


def pauli_matrix(letters: str) -> NDArray[np.complex128]:
    """Return the matrix of a Pauli string whose letter k belongs to bit k of the index."""
    matrix = np.ones((1, 1), dtype=complex)
    for letter in letters:
        matrix = np.kron(_PAULI[letter], matrix)
    return matrix


def transfer_matrix(channel: Any) -> FloatArray:  # noqa: ANN401 - any Qiskit channel
    """Return the Pauli transfer matrix of a channel, real, digits in the channel's qubit order."""
    matrix: FloatArray = np.ascontiguousarray(PTM(channel).data.real)
    return matrix


def _rotate_state(letters: str) -> Terms:
    pauli = pauli_matrix(letters)
    return Terms(even=np.eye(len(pauli), dtype=complex), odd=-1j * pauli, rest=None)


@cache
def _rotate_density(letters: str) -> Terms:
    pauli = pauli_matrix(letters)
    half = transfer_matrix(Operator(pauli))  # a rotation by pi
    quarter = transfer_matrix(Operator((np.eye(len(pauli)) - 1j * pauli) / np.sqrt(2)))
    identity = np.eye(len(half))
    rest = np.round((identity + half) / 2)
    return Terms(even=np.round((identity - half) / 2), odd=np.round(quarter - rest), rest=rest)


# Named functions, which pickle finds again.
def _gate_on_state(unitary: NDArray[np.complex128]) -> Matrix:
    return unitary


def _gate_on_density(unitary: NDArray[np.complex128]) -> Matrix:
    return transfer_matrix(Operator(unitary))


STATE = StateRepresentation(
    base=2,
    dtype=np.complex128,
    scale=0.5,
    ground=np.array([1, 0], dtype=complex),
    block_qubits=4,
    permutes=True,
    rotation=_rotate_state,
    gate=_gate_on_state,
)

# Entry sum_k p_k 4^k is tr(P rho) with letter p_k of I, X, Y, Z on qubit k.
DENSITY = StateRepresentation(
    base=4,
    dtype=np.float64,
    scale=1.0,
    ground=np.array([1.0, 0, 0, 1]),
    block_qubits=2,
    permutes=False,
    rotation=_rotate_density,
    gate=_gate_on_density,
)
