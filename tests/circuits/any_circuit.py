"""Random circuits as users write them: every standard gate, gates of their own, library gates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import (
    AnnotatedOperation,
    ControlModifier,
    Gate,
    InverseModifier,
    Parameter,
    ParameterExpression,
    ParameterVector,
    PowerModifier,
)
from qiskit.circuit import library as lib
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.quantum_info import (
    Pauli,
    SparsePauliOp,
    Statevector,
    random_clifford,
    random_statevector,
    random_unitary,
)

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.typing import FloatArray

Angle = ParameterExpression | float
STANDARD = {
    name: gate
    for name, gate in get_standard_gate_name_mapping().items()
    if isinstance(gate, Gate) and 1 <= gate.num_qubits <= 4
}
# Names under which blocks of users hide other gates.
TAKEN_NAMES = (
    "barrier", "ccx", "cx", "diagonal", "h", "id", "mcx", "p", "quantum_channel", "rx", "swap", "u",
    "unitary", "x",
)  # fmt: skip


def random_angle(rng: np.random.Generator, parameters: list[Parameter]) -> Angle:
    """Return a number, a sum, a product, or another function of parameters."""
    number = float(rng.choice([0.0, 0.3, -2.1, np.pi / 2, np.pi]))
    p, q = (parameters[k] for k in rng.integers(len(parameters), size=2))
    forms: list[Callable[[], Angle]] = [
        lambda: number,
        lambda: p + number,
        lambda: 0.5 * p - q,
        lambda: p - p + number,
        lambda: p * q + number,
        lambda: 2 * (np.pi - p) * (np.pi - q),
        lambda: (p + 1) ** 1,
        lambda: (p / 2) ** 2,
        lambda: p.sin() * q.cos() + number,
        lambda: (p**2 + 0.7).log() - number,
        lambda: (0.3 * p).exp() / (q * q + 1),
        lambda: p.arctan() - number,
    ]
    return forms[rng.integers(len(forms))]()


def random_block(rng: np.random.Generator, parameters: list[Parameter]) -> QuantumCircuit:
    """Return a small circuit with angles, under a name that some gate has."""
    width = int(rng.integers(1, 3))
    block = QuantumCircuit(width, name=str(rng.choice(TAKEN_NAMES)))
    for _ in range(rng.integers(1, 4)):
        getattr(block, rng.choice(["rx", "ry", "rz", "p"]))(
            random_angle(rng, parameters), int(rng.integers(width))
        )
    if width == 2:
        block.cx(0, 1)
    return block


def random_operation(rng: np.random.Generator, parameters: list[Parameter], n_qubits: int) -> Any:
    """Return an operation on at most `n_qubits` qubits, of any of the kinds."""

    def angle() -> Angle:
        return random_angle(rng, parameters)

    def standard() -> Any:
        gate = STANDARD[str(rng.choice(list(STANDARD)))]
        return type(gate)(*(angle() for _ in gate.params)) if gate.params else gate

    def block() -> Any:
        return random_block(rng, parameters).to_gate()

    def instruction() -> Any:
        return random_block(rng, parameters).to_instruction()

    def nested() -> Any:
        inner = random_block(rng, parameters)
        outer = QuantumCircuit(inner.num_qubits, name=str(rng.choice(TAKEN_NAMES)))
        outer.h(0)
        outer.append(inner.to_gate(), range(inner.num_qubits))
        return outer.to_gate()

    def controlled() -> Any:
        base = [lib.RXGate(angle()), lib.XGate(), lib.HGate(), lib.RZZGate(angle())]
        chosen = base[rng.integers(len(base))]
        count = int(rng.integers(1, 3))
        return chosen.control(
            count, ctrl_state=int(rng.integers(2**count)), annotated=bool(rng.integers(2))
        )

    def annotated() -> Any:
        base = [lib.RYGate(angle()), lib.SXGate(), block(), lib.CXGate()]
        kinds = [InverseModifier(), ControlModifier(1, int(rng.integers(2))), PowerModifier(2)]
        chosen = [kinds[k] for k in rng.integers(3, size=2)]
        return AnnotatedOperation(base[rng.integers(len(base))], chosen)

    def evolution() -> Any:
        terms = [SparsePauliOp(["ZZ"]), SparsePauliOp(["XI", "ZZ", "YI"], [0.9, -0.7, 0.5])]
        time = float(rng.uniform(-2, 2)) if rng.random() < 0.5 else angle()
        return lib.PauliEvolutionGate(terms[rng.integers(2)], time=time)

    seed = int(rng.integers(2**31))
    fixed: list[Callable[[], Any]] = [
        lambda: random_clifford(2, seed=seed),
        lambda: lib.UnitaryGate(random_unitary(4, seed=seed)),
        lambda: lib.UnitaryGate(random_unitary(16, seed=seed)),
        lambda: lib.DiagonalGate(np.exp(1j * rng.uniform(-3, 3, 4)).tolist()),
        lambda: lib.PermutationGate(rng.permutation(3).tolist()),
        lambda: lib.QFTGate(3),
        lambda: lib.PauliGate("XYZ"),
        lambda: lib.StatePreparation(random_statevector(4, seed=seed)),
        lambda: lib.MCXGate(3, ctrl_state=int(rng.integers(8))),
        lambda: lib.MCMTGate(lib.RYGate(angle()), 2, 1),
        lambda: lib.MCMTGate(lib.RXGate(angle()), 1, 2),
        lambda: lib.UCRYGate([float(a) for a in rng.uniform(-3, 3, 4)]),
        lambda: lib.UCGate([random_unitary(2, seed=seed).data, np.eye(2)]),
        lambda: lib.LinearFunction([[1, 1], [0, 1]]),
        lambda: lib.HamiltonianGate(SparsePauliOp(["XY", "ZZ"], [0.4, 1]).to_matrix(), 0.7),
        lambda: lib.PauliProductRotationGate(Pauli("XY"), angle()),
        lambda: lib.MCPhaseGate(angle(), 2),
        lambda: lib.ExactReciprocalGate(2, 0.5),
        lambda: lib.GRX(2, 0.7).to_gate(),
        lambda: lib.real_amplitudes(2, reps=1).assign_parameters([angle() for _ in range(4)]),
        lambda: lib.zz_feature_map(2, reps=1).assign_parameters([angle(), angle()]),
        lambda: lib.pauli_feature_map(2, reps=1).assign_parameters([angle(), angle()]),
    ]
    kinds = [standard] * 8 + [block, instruction, nested, controlled, annotated, evolution] * 2
    made = [*kinds, *fixed]
    while True:
        operation = made[rng.integers(len(made))]()
        if isinstance(operation, QuantumCircuit):
            operation = operation.to_gate()
        if operation.num_qubits <= n_qubits:
            return operation


def random_router(rng: np.random.Generator) -> RouterCircuit:
    """Return a router of up to eight random operations, with any observables."""
    n = int(rng.integers(2, 5))
    x, w = ParameterVector("in", 2), ParameterVector("weight", 2)
    circuit = QuantumCircuit(n)
    circuit.h(range(n))
    for _ in range(rng.integers(2, 8)):
        operation = random_operation(rng, [*x, *w], n)
        circuit.append(operation, rng.permutation(n)[: operation.num_qubits].tolist())
    labels = ["".join(rng.choice(list("IXYZ"), n)) for _ in range(3)]
    observables = [SparsePauliOp(labels[:2], [1.0, -0.5]), labels[2], "Z" * n]
    return RouterCircuit(circuit=circuit, inputs=x, weights=w, observables=observables)


def state_values(router: RouterCircuit, inputs_F: FloatArray, weights_W: FloatArray) -> FloatArray:
    """Return the values by qiskit.quantum_info: every gate by its own matrix or definition.

    Evolutions count as the product formulas that they are on a device.
    """
    bound = router.bind(inputs_F, weights_W)
    state = Statevector(bound.decompose(lib.PauliEvolutionGate))
    return np.array([state.expectation_value(o).real for o in router.observables])
