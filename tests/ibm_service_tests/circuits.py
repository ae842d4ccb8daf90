"""A circuit for the devices of the service, and its observables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp

if TYPE_CHECKING:
    from qiskit_ibm_runtime import IBMBackend

# Seconds between two looks at a job.
POLL = 0.1
DEVICES = ["ibmq_manila", "ibm_torino"]


def entangled() -> QuantumCircuit:
    """Two qubits, four angles; every Pauli operator has a different expectation value."""
    angles = ParameterVector("angle", 4)
    circuit = QuantumCircuit(2)
    circuit.ry(angles[0], 0)
    circuit.ry(angles[1], 1)
    circuit.cx(0, 1)
    circuit.rx(angles[2], 0)
    circuit.ry(angles[3], 1)
    return circuit


def compiled(circuit: QuantumCircuit, backend: IBMBackend, qubits: list[int]) -> QuantumCircuit:
    passes = generate_preset_pass_manager(
        1, backend=backend, initial_layout=qubits, seed_transpiler=0
    )
    return passes.run(circuit)


def observables(isa: QuantumCircuit, *paulis: str) -> list[list[SparsePauliOp]]:
    return [[SparsePauliOp(pauli).apply_layout(isa.layout)] for pauli in paulis]
