"""The charge of a job in QPU seconds, computed from the program that arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qiskit.circuit import QuantumCircuit
    from qiskit.transpiler import Target

# Charge of a job besides its circuits, in seconds.
OVERHEAD = 2.0
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}


def charge(executions: Iterable[tuple[int, float]], rep_delay: float) -> float:
    """Return the QPU seconds of a job.

    Args:
        executions: For each circuit, its number of executions and its duration in seconds.
        rep_delay: Delay between two executions in seconds.
    """
    return OVERHEAD + sum(count * (rep_delay + duration) for count, duration in executions)


def duration(circuit: QuantumCircuit, target: Target) -> float:
    """Return the duration of a circuit in seconds, readout included.

    Each instruction and barrier starts when all its qubits are free.
    """
    free = [0.0] * circuit.num_qubits
    index = {qubit: k for k, qubit in enumerate(circuit.qubits)}
    for step in circuit.data:
        qubits = tuple(index[qubit] for qubit in step.qubits)
        end = max((free[q] for q in qubits), default=0.0) + _seconds(step.operation, qubits, target)
        for q in qubits:
            free[q] = end
    return max(free, default=0.0)


def _seconds(operation: object, qubits: tuple[int, ...], target: Target) -> float:
    name = operation.name  # type: ignore[attr-defined]
    if name == "barrier":
        return 0.0
    if name == "delay":
        unit = operation.unit  # type: ignore[attr-defined]
        return float(operation.params[0]) * (target.dt if unit == "dt" else _UNITS[unit])  # type: ignore[attr-defined]
    properties = target[name].get(qubits)
    return (properties and properties.duration) or 0.0
