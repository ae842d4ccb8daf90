"""Depolarizing noise without a device: the paper's two channels per qubit, or one per gate."""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.circuit import Instruction, Parameter, ParameterExpression
from qiskit_aer.noise import depolarizing_error

from qmoe_qiskit.circuits import RouterCircuit

# p (X + Y + Z) / 3 at p = 3/4 is the fully mixed state.
MAX_PROBABILITY = 0.75


def with_depolarizing(
    router: RouterCircuit, circuit: QuantumCircuit, probability: float, *, every_gate: bool
) -> QuantumCircuit:
    """Insert depolarizing channels as Aer instructions.

    A channel applies X, Y or Z with probability p / 3 each (as PennyLane's DepolarizingChannel, the
    one of the paper's notebooks; Aer's depolarizing_error counts the identity in: 4 p / 3 there).

    Args:
        router: Says which angles are inputs.
        circuit: The router's circuit.
        probability: p, from 0 to `MAX_PROBABILITY`.
        every_gate: Behind every gate, on each of its qubits; otherwise at the paper's positions: on
            every qubit behind each upload of the features, and at the end. An upload may be more
            than a gate a qubit: constant gates between its rotations belong to it, gates with
            weights and barriers end it.
    """
    channel = depolarizing_error(4 * probability / 3, 1).to_instruction()
    inputs = set(router.inputs)
    noisy = QuantumCircuit(circuit.num_qubits, global_phase=circuit.global_phase)
    touched: set[int] = set()  # qubits whose gates uploaded a feature since the last channels
    for step, uploading in zip(circuit.data, _uploading(circuit, inputs), strict=True):
        wires = [circuit.find_bit(q).index for q in step.qubits]
        if step.operation.name in {"barrier", "delay", "id"}:
            continue
        uploads = not inputs.isdisjoint(_parameters(step.operation))
        if not every_gate and touched and not uploading:
            _append(noisy, channel, range(circuit.num_qubits))
            touched.clear()
        noisy.append(step.operation, wires)
        if every_gate:
            _append(noisy, channel, wires)
        elif uploads:
            touched.update(wires)
    if not every_gate:
        if touched:
            _append(noisy, channel, range(circuit.num_qubits))
        _append(noisy, channel, range(circuit.num_qubits))
    return noisy


def _uploading(circuit: QuantumCircuit, inputs: set[Parameter]) -> list[bool]:
    """Return for each instruction whether it is part of an upload, or may lie between its parts."""
    uploading, follows = [], False
    for step in reversed(circuit.data):
        parameters = _parameters(step.operation)
        if step.operation.name == "barrier" or parameters:
            follows = not inputs.isdisjoint(parameters)
        uploading.append(follows)
    return uploading[::-1]


def _parameters(operation: Instruction) -> set[Parameter]:
    return {p for a in operation.params if isinstance(a, ParameterExpression) for p in a.parameters}


def _append(circuit: QuantumCircuit, channel: object, qubits: object) -> None:
    for qubit in qubits:  # type: ignore[attr-defined]
        circuit.append(channel, [qubit])
