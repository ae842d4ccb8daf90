"""The Pauli transfer matrix of an error of Aer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Reset
from qiskit.circuit.library import IGate, PauliGate, XGate, YGate, ZGate
from qiskit.quantum_info import SuperOp

from qmoe_qiskit.simulation.representation import transfer_matrix
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qiskit_aer.noise import QuantumError

# What an instruction of these classes does is said by its parameters. On up to two qubits there are
# few such instructions, whose matrices are kept.
_PLAIN = {IGate, PauliGate, Reset, XGate, YGate, ZGate}
_KEPT_QUBITS = 2
_PLAIN_MATRICES: dict[Any, FloatArray] = {}


def error_matrix(error: QuantumError) -> FloatArray:
    """Return what `transfer_matrix` returns of an error, sooner.

    The error of a two-qubit gate is a mixture of up to 144 circuits, of few different instructions.
    """
    known: dict[Any, FloatArray] = {}
    total = np.zeros((4**error.num_qubits,) * 2)
    for circuit, probability in zip(error.circuits, error.probabilities, strict=True):
        matrix = np.eye(len(total))
        for step in circuit.data:
            qubits = [circuit.find_bit(q).index for q in step.qubits]
            matrix = _matrix(step.operation, qubits, error.num_qubits, known) @ matrix
        total += probability * matrix
    return total


def _matrix(
    operation: Any,  # noqa: ANN401
    qubits: list[int],
    n_qubits: int,
    known: dict[Any, FloatArray],
) -> FloatArray:
    """Return the transfer matrix of an instruction on some of the qubits."""
    if operation.base_class in _PLAIN:
        key: Any = (operation.base_class, *operation.params, *qubits, n_qubits)
        known = _PLAIN_MATRICES if n_qubits <= _KEPT_QUBITS else known
    elif operation.name == "kraus":
        key = (*(np.asarray(matrix).tobytes() for matrix in operation.params), *qubits)
    else:
        return _alone(operation, qubits, n_qubits)
    if key not in known:
        known[key] = _alone(operation, qubits, n_qubits)
    return known[key]


def _alone(operation: Any, qubits: list[int], n_qubits: int) -> FloatArray:  # noqa: ANN401
    circuit = QuantumCircuit(n_qubits)
    circuit.append(operation, qubits)
    return transfer_matrix(SuperOp(circuit))
