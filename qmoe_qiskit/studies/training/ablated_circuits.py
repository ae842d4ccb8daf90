"""Router circuits without one property, to see whether the router depends on it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterExpression, ParameterVector
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError


def dephased(router: RouterCircuit) -> RouterCircuit:
    """Remove all coherence after the embedding.

    After the last gate that uploads a feature, a CNOT copies every qubit onto a qubit of its own
    that no other gate acts on. For the router this is a measurement in the computational basis
    whose outcome nobody reads: the state becomes diagonal, a probability distribution over basis
    states. Later gates can mix these probabilities, but amplitudes that the features gave to
    different basis states cannot interfere.

    Args:
        router: A circuit that uploads the features once, before its trainable gates.

    Raises:
        InputError: If a trainable gate comes before an upload.
    """
    n, circuit = router.n_qubits, router.circuit
    uploads = [_uses(step.operation, router.inputs) for step in circuit.data]
    trainable = [_uses(step.operation, router.weights) for step in circuit.data]
    end = len(uploads) - uploads[::-1].index(True) if any(uploads) else 0
    if any(trainable[:end]):
        raise InputError(
            "only a router that uploads its features once can be dephased after the embedding: "
            "use reuploads=1"
        )
    twice = QuantumCircuit(2 * n, name=f"{circuit.name}_dephased")
    for step in circuit.data[:end]:
        twice.append(step.operation, [circuit.find_bit(q).index for q in step.qubits])
    for qubit in range(n):
        twice.cx(qubit, n + qubit)
    for step in circuit.data[end:]:
        twice.append(step.operation, [circuit.find_bit(q).index for q in step.qubits])
    nothing = SparsePauliOp("I" * n)
    return replace(
        router,
        circuit=twice,
        observables=tuple(nothing.tensor(observable) for observable in router.observables),
    )


def frozen(router: RouterCircuit, rng: np.random.Generator) -> RouterCircuit:
    """Fix the trainable angles at random values, uniform in [-pi, pi], and keep no weights."""
    angles_W = rng.uniform(-np.pi, np.pi, router.n_weights)
    used = set(router.circuit.parameters)
    values = {p: float(a) for p, a in zip(router.weights, angles_W, strict=True) if p in used}
    return replace(
        router,
        circuit=router.circuit.assign_parameters(values),
        weights=ParameterVector("w", 0),
    )


def _uses(operation: object, parameters: Sequence[Parameter]) -> bool:
    return any(
        isinstance(angle, ParameterExpression) and not set(parameters).isdisjoint(angle.parameters)
        for angle in getattr(operation, "params", [])
    )
