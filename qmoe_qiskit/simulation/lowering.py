"""A router circuit as a list of Pauli rotations and fixed gates, with a table of angles.

Every angle is affine in inputs and weights, so one matrix product gives all angles of a batch and
its transpose carries all derivatives back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Instruction, ParameterExpression
from qiskit.circuit.exceptions import CircuitError
from qiskit.circuit.library import RYGate, RZGate
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Operator

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.affine import affine_terms
from qmoe_qiskit.errors import InputError

# Pauli letters in the order of the gate's own qubits. A phase gate is RZ up to a global phase.
_PAULI_OF = {
    "rx": "X", "ry": "Y", "rz": "Z", "p": "Z", "u1": "Z",
    "rxx": "XX", "ryy": "YY", "rzz": "ZZ", "rzx": "ZX",
}  # fmt: skip
_NO_EFFECT = {"barrier", "delay", "global_phase", "id"}
_MAX_MATRIX_QUBITS = 3


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """exp(-i angle/2 P); `pauli[k]` acts on `qubits[k]`, `angle` is a row of the angle table."""

    pauli: str
    qubits: tuple[int, ...]
    angle: int


@dataclass(frozen=True, kw_only=True)
class FixedGate:
    """A constant unitary; bit k of the matrix' indices belongs to `qubits[k]`."""

    matrix: NDArray[np.complex128]
    qubits: tuple[int, ...]


Gate = Rotation | FixedGate


@dataclass(frozen=True, kw_only=True)
class AngleTable:
    """angles_G = inputs_GF @ x_F + weights_GW @ w_W + offset_G, in radians."""

    inputs_GF: NDArray[np.float64]
    weights_GW: NDArray[np.float64]
    offset_G: NDArray[np.float64]

    @property
    def uses_input(self) -> NDArray[np.bool_]:
        """Which angles depend on the inputs."""
        used: NDArray[np.bool_] = np.any(self.inputs_GF != 0, axis=1)
        return used


def lower(router: RouterCircuit) -> tuple[list[Gate], AngleTable]:
    """Rewrite a router circuit as rotations and fixed gates, in circuit order.

    Raises:
        InputError: If the circuit holds an operation that is not unitary, or an angle that is not
            affine in inputs and weights (a product of two parameters, a sine of one).
    """
    column = {p: k for k, p in enumerate([*router.inputs, *router.weights])}
    gates: list[Gate] = []
    rows: list[NDArray[np.float64]] = []
    offsets: list[float] = []
    for operation, qubits in _flatten(router.circuit):
        angle = operation.params[0] if operation.name in _PAULI_OF else None
        if isinstance(angle, ParameterExpression) and angle.parameters:
            slopes, offset = affine_terms(angle)
            row = np.zeros(len(column))
            for parameter, slope in slopes.items():
                row[column[parameter]] = slope
            gates.append(Rotation(pauli=_PAULI_OF[operation.name], qubits=qubits, angle=len(rows)))
            rows.append(row)
            offsets.append(offset)
        else:
            matrix = np.asarray(Operator(operation).data, dtype=complex)
            gates.append(FixedGate(matrix=matrix, qubits=qubits))
    table_GP = np.array(rows).reshape(len(rows), len(column))
    return gates, AngleTable(
        inputs_GF=table_GP[:, : router.n_inputs],
        weights_GW=table_GP[:, router.n_inputs :],
        offset_G=np.array(offsets, dtype=float),
    )


def _flatten(
    circuit: QuantumCircuit, wires: tuple[int, ...] | None = None
) -> Iterator[tuple[Instruction, tuple[int, ...]]]:
    """Yield known operations with the indices of their qubits, definitions unfolded."""
    wires = tuple(range(circuit.num_qubits)) if wires is None else wires
    for step in circuit.data:
        operation = step.operation
        qubits = tuple(wires[circuit.find_bit(q).index] for q in step.qubits)
        if operation.name in _NO_EFFECT:
            continue
        if operation.name in _PAULI_OF or _has_matrix(operation):
            yield operation, qubits
        elif operation.name in {"u", "u3"}:
            # Qiskit's own basis gates, with no definition: U = RZ(phi) RY(theta) RZ(lam).
            theta, phi, lam = operation.params
            for gate in (RZGate(lam), RYGate(theta), RZGate(phi)):
                yield gate, qubits
        elif (definition := _definition(operation)) is not None:
            yield from _flatten(definition, qubits)
        else:
            raise InputError(
                f"operation {operation.name!r} on qubits {list(qubits)} is not a unitary gate that "
                "unfolds into rotations: a router circuit holds gates, barriers and delays only"
            )


def _definition(operation: Any) -> QuantumCircuit | None:  # noqa: ANN401 - as below
    try:
        return getattr(operation, "definition", None)
    except CircuitError:  # some gates have one for numeric angles only
        return None


def _has_matrix(operation: Any) -> bool:  # noqa: ANN401 - gates and gate-like operations
    if operation.num_qubits > _MAX_MATRIX_QUBITS or operation.num_clbits:
        return False
    if any(isinstance(p, ParameterExpression) and p.parameters for p in operation.params):
        return False
    try:
        Operator(operation)
    except QiskitError:
        return False
    return True
