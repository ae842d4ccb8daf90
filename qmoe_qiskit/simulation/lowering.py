"""A router circuit as a list of Pauli rotations and fixed gates, with a table of angles.

Every angle is affine in inputs and weights, so one matrix product gives all angles of a batch and
its transpose carries all derivatives back.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterExpression
from qiskit.circuit.exceptions import CircuitError
from qiskit.circuit.library import RYGate, RZGate
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Operator

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.affine import affine_terms, has_parameters
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.typing import FloatArray

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


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A constant channel as its Pauli transfer matrix; digit k belongs to `qubits[k]`."""

    matrix: FloatArray
    qubits: tuple[int, ...]


Gate = Rotation | FixedGate | Channel


@dataclass(frozen=True, kw_only=True)
class AngleTable:
    """angles_G = inputs_GF @ x_F + weights_GW @ w_W + offset_G, in radians."""

    inputs_GF: FloatArray
    weights_GW: FloatArray
    offset_G: FloatArray

    def angles(self, inputs_BF: FloatArray, weights_W: FloatArray) -> FloatArray:
        """Return the angles of every sample, (B, G)."""
        return inputs_BF @ self.inputs_GF.T + self.weights_GW @ weights_W + self.offset_G

    @property
    def uses_input(self) -> NDArray[np.bool_]:
        """Per angle, whether it depends on the inputs, (G,)."""
        used: NDArray[np.bool_] = np.any(self.inputs_GF != 0, axis=1)
        return used


# Takes an instruction and its qubits to the channels that act right after it.
ChannelsAfter = Callable[[Any, tuple[int, ...]], Sequence[Channel]]


def lower(router: RouterCircuit) -> tuple[list[Gate], AngleTable]:
    """Rewrite a router circuit as rotations and fixed gates; see `lower_circuit`."""
    return lower_circuit(router.circuit, list(router.inputs), list(router.weights))


def lower_circuit(
    circuit: QuantumCircuit,
    inputs: Sequence[Parameter],
    weights: Sequence[Parameter],
    *,
    noise: ChannelsAfter | None = None,
) -> tuple[list[Gate], AngleTable]:
    """Rewrite a circuit as rotations, fixed gates and the channels of its noise, in order.

    Raises:
        InputError: If the circuit holds an operation that is not unitary, or an angle that is not
            affine in inputs and weights (a product of two parameters, a sine of one).
    """
    column = {p: k for k, p in enumerate([*inputs, *weights])}
    gates: list[Gate] = []
    rows: list[FloatArray] = []
    offsets: list[float] = []
    for step in circuit.data:
        wires = tuple(circuit.find_bit(q).index for q in step.qubits)
        is_channel = noise is not None and step.operation.name == "quantum_channel"
        for operation, qubits in () if is_channel else unfold(step.operation, wires):
            angle = operation.params[0] if operation.name in _PAULI_OF else None
            if isinstance(angle, ParameterExpression) and angle.parameters:
                slopes, offset = affine_terms(angle)
                row = np.zeros(len(column))
                for parameter, slope in slopes.items():
                    row[column[parameter]] = slope
                pauli = _PAULI_OF[operation.name]
                gates.append(Rotation(pauli=pauli, qubits=qubits, angle=len(rows)))
                rows.append(row)
                offsets.append(offset)
            else:
                matrix = np.asarray(Operator(operation).data, dtype=complex)
                gates.append(FixedGate(matrix=matrix, qubits=qubits))
        if noise is not None:
            gates.extend(noise(step.operation, wires))
    table_GP = np.array(rows).reshape(len(rows), len(column))
    return gates, AngleTable(
        inputs_GF=table_GP[:, : len(inputs)],
        weights_GW=table_GP[:, len(inputs) :],
        offset_G=np.array(offsets, dtype=float),
    )


def check_lowerable(router: RouterCircuit) -> None:
    """Refuse what `lower` refuses, with InputError, without building matrices or a table."""
    for step in router.circuit.data:
        wires = tuple(router.circuit.find_bit(q).index for q in step.qubits)
        for operation, _ in unfold(step.operation, wires):
            if has_parameters(operation):
                affine_terms(operation.params[0])


# An operation, a gate or gate-like, and the indices of its qubits.
Placed = tuple[Any, tuple[int, ...]]


def unfold(operation: Any, qubits: tuple[int, ...]) -> Iterator[Placed]:  # noqa: ANN401 - as above
    """Yield known operations with the indices of their qubits, definitions unfolded."""
    if operation.name == "delay" and has_parameters(operation):
        raise InputError(
            f"the delay on qubits {list(qubits)} lasts {operation.params[0]}: a delay is a number, "
            "inputs and weights are angles"
        )
    if operation.name in _NO_EFFECT:
        return
    if operation.name in _PAULI_OF or _has_matrix(operation):
        yield operation, qubits
    elif operation.name in {"u", "u3"}:
        # Qiskit's own basis gates, with no definition: U = RZ(phi) RY(theta) RZ(lam).
        theta, phi, lam = operation.params
        for gate in (RZGate(lam), RYGate(theta), RZGate(phi)):
            yield gate, qubits
    elif (definition := _definition(operation)) is not None:
        for step in definition.data:
            wires = tuple(qubits[definition.find_bit(q).index] for q in step.qubits)
            yield from unfold(step.operation, wires)
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
    if has_parameters(operation):
        return False
    try:
        Operator(operation)
    except QiskitError:
        return False
    return True
