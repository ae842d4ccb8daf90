"""A router circuit as a list of Pauli rotations and fixed gates, with a table of angles."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import RYGate, RZGate
from qiskit.quantum_info import Operator

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.angles import has_parameters
from qmoe_qiskit.circuits.standard_form import Placed
from qmoe_qiskit.simulation.angle_table import AngleRows, AngleTable
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


# Takes an instruction and its qubits to the channels that act right after it.
ChannelsAfter = Callable[[Any, tuple[int, ...]], Sequence[Channel]]


def lower(router: RouterCircuit) -> tuple[list[Gate], AngleTable]:
    """Rewrite a router circuit as rotations and fixed gates; see `lower_circuit`."""
    return lower_circuit(router.standard_circuit, router.inputs, router.weights)


def lower_circuit(
    circuit: QuantumCircuit,
    inputs: Sequence[Parameter],
    weights: Sequence[Parameter],
    *,
    noise: ChannelsAfter | None = None,
) -> tuple[list[Gate], AngleTable]:
    """Rewrite a circuit in standard form as rotations, fixed gates and channels, in order.

    Args:
        circuit: The circuit, see `standard_form`; with noise it may hold Aer's channels.
        inputs: The parameters that are inputs.
        weights: The parameters that are weights.
        noise: Takes each instruction to the channels that act after it.

    Raises:
        InputError: If an angle is not real, or a function in it is not known.
    """
    rows = AngleRows(inputs, weights)
    gates: list[Gate] = []
    for step in circuit.data:
        wires = tuple(circuit.find_bit(q).index for q in step.qubits)
        is_channel = noise is not None and step.operation.name == "quantum_channel"
        for operation, qubits in () if is_channel else unfold(step.operation, wires):
            if has_parameters(operation):
                row = rows.add(operation.params[0])
                pauli = _PAULI_OF[operation.name]
                gates.append(Rotation(pauli=pauli, qubits=qubits, angle=row))
            else:
                matrix = np.asarray(Operator(operation).data, dtype=complex)
                gates.append(FixedGate(matrix=matrix, qubits=qubits))
        if noise is not None:
            gates.extend(noise(step.operation, wires))
    return gates, rows.table()


def check_angles(router: RouterCircuit) -> None:
    """Refuse the angles that `lower` refuses, with InputError, without building matrices."""
    rows = AngleRows(router.inputs, router.weights)
    circuit = router.standard_circuit
    for step in circuit.data:
        if has_parameters(step.operation):
            wires = tuple(circuit.find_bit(q).index for q in step.qubits)
            for operation, _ in unfold(step.operation, wires):
                if has_parameters(operation):
                    rows.add(operation.params[0])
    rows.table()


def unfold(operation: Any, qubits: tuple[int, ...]) -> Iterator[Placed]:  # noqa: ANN401 - a gate
    """Yield rotations, and small gates without parameters, for an operation in standard form."""
    if operation.name in _NO_EFFECT:
        return
    if operation.name in _PAULI_OF or (
        operation.num_qubits <= _MAX_MATRIX_QUBITS and not has_parameters(operation)
    ):
        yield operation, qubits
    elif operation.name in {"u", "u3"}:
        # Qiskit's own basis gates, with no definition: U = RZ(phi) RY(theta) RZ(lam).
        theta, phi, lam = operation.params
        for gate in (RZGate(lam), RYGate(theta), RZGate(phi)):
            yield gate, qubits
    else:
        definition = operation.definition
        for step in definition.data:
            wires = tuple(qubits[definition.find_bit(q).index] for q in step.qubits)
            yield from unfold(step.operation, wires)
