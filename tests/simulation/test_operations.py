"""Which operations a program takes, and which it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, ParameterVector
from qiskit.circuit.classical import expr
from qiskit.circuit.library import (
    CUGate,
    GlobalPhaseGate,
    MCPhaseGate,
    PauliEvolutionGate,
    RVGate,
    UnitaryGate,
    XXPlusYYGate,
)
from qiskit.quantum_info import SparsePauliOp, random_unitary

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.simulation import StatevectorProgram

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.typing import FloatArray

    Values = Callable[[RouterCircuit, FloatArray, FloatArray], FloatArray]
    Slopes = Callable[[RouterCircuit, FloatArray, FloatArray], tuple[FloatArray, FloatArray]]

X, W = ParameterVector("x", 2), ParameterVector("w", 2)


def router_of(build: Callable[[QuantumCircuit], object]) -> RouterCircuit:
    """Two blocks of qubits, in a state without symmetries: then `build`, then a change of basis."""
    circuit = QuantumCircuit(5)
    for qubit in range(5):
        circuit.ry(0.4 + 0.3 * qubit, qubit)
        circuit.rz(W[0] + 0.2 * qubit, qubit)
    build(circuit)
    for qubit in range(5):
        circuit.rx(0.7 - 0.1 * qubit, qubit)
    return RouterCircuit(
        circuit=circuit,
        inputs=X,
        weights=W,
        observables=(SparsePauliOp("IIIIZ"), SparsePauliOp("ZIZIZ")),
    )


def wrapped(circuit: QuantumCircuit) -> None:
    inner = QuantumCircuit(2, name="inner")
    inner.rx(X[0] + W[1], 0)
    inner.cx(0, 1)
    outer = QuantumCircuit(3, name="outer")
    outer.append(inner.to_gate(), [2, 0])
    outer.barrier()
    outer.append(inner.to_instruction(), [1, 2])
    circuit.append(outer.to_instruction(), [4, 0, 2])


def global_phases(circuit: QuantumCircuit) -> None:
    circuit.global_phase = 0.3 + W[1]
    circuit.append(GlobalPhaseGate(0.2), [])
    circuit.append(GlobalPhaseGate(W[1]), [])


OPERATIONS: dict[str, Callable[[QuantumCircuit], object]] = {
    "u": lambda c: c.u(X[0], W[0] - X[1], 2 * W[1], 3),
    "u of weights": lambda c: c.u(W[0], W[1], 0.3, 0),
    "r": lambda c: c.r(X[0], W[1], 2),
    "cu": lambda c: c.append(CUGate(X[0], W[0], W[1], X[1]), [1, 4]),
    "cp": lambda c: c.cp(X[0] - W[1], 4, 2),
    "crx": lambda c: c.crx(W[1], 0, 3),
    "mcp": lambda c: c.append(MCPhaseGate(X[0], 3), [4, 0, 2, 1]),
    "xx_plus_yy": lambda c: c.append(XXPlusYYGate(W[1], X[0]), [3, 1]),
    "evolution": lambda c: c.append(
        PauliEvolutionGate(SparsePauliOp.from_list([("ZXY", 0.5), ("IZZ", -1)]), time=W[1]),
        [4, 1, 2],
    ),
    "mcx on 5": lambda c: c.mcx([0, 1, 2, 4], 3),
    "1-qubit matrix": lambda c: c.append(UnitaryGate(random_unitary(2, seed=1)), [2]),
    "2-qubit matrix": lambda c: c.append(UnitaryGate(random_unitary(4, seed=2)), [3, 1]),
    "3-qubit matrix": lambda c: c.append(UnitaryGate(random_unitary(8, seed=3)), [4, 0, 2]),
    "4-qubit matrix": lambda c: c.append(UnitaryGate(random_unitary(16, seed=4)), [4, 0, 3, 1]),
    "permutation with phases": lambda c: (c.iswap(0, 4), c.cz(1, 3), c.cy(4, 2), c.ccz(0, 2, 4)),
    "composite gates": wrapped,
    "global phases": global_phases,
    "delay and identity": lambda c: (c.delay(100, 0), c.id(1), c.barrier()),
    "a constant expression": lambda c: c.rx(0 * X[0] - 2.1, 0),
    "a parameter that cancels": lambda c: c.rx(X[0] - X[0] + W[1], 0),
    "angles as fractions": lambda c: c.rzx((X[0] + 2 * W[1]) / 3 - np.pi, 4, 1),
}


# Of SciPy, at Qiskit's own matrix of an evolution gate.
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_of_qiskit_mean_what_they_mean_there(
    name: str, qiskit_values: Values, qiskit_slopes: Slopes, rng: np.random.Generator
) -> None:
    router = router_of(OPERATIONS[name])
    inputs_BF, weights_W = rng.uniform(-3, 3, (2, 2)), rng.uniform(-3, 3, 2)
    program = StatevectorProgram(router)
    expected = qiskit_values(router, inputs_BF, weights_W)
    values = program.expectations(inputs_BF, weights_W)
    # Qiskit's synthesis of a 4-qubit matrix leaves about 1e-10.
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-9)
    slopes = program.jacobian(inputs_BF, weights_W)
    for ours, theirs in zip(slopes, qiskit_slopes(router, inputs_BF, weights_W), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def branch(circuit: QuantumCircuit) -> None:
    with circuit.while_loop(expr.lift(False)):
        circuit.x(0)


def hidden_reset(circuit: QuantumCircuit) -> None:
    inner = QuantumCircuit(1, name="inner")
    inner.reset(0)
    circuit.append(inner.to_instruction(), [2])


REFUSED: dict[str, tuple[Callable[[QuantumCircuit], object], str]] = {
    "complex angle": (lambda c: c.rx(1j * X[0], 0), "angle"),
    "reset": (lambda c: c.reset(1), r"resets qubits \[1\]"),
    "reset within": (hidden_reset, r"resets qubits \[2\]"),
    "initialize": (lambda c: c.initialize([0, 1], 0), "prepare_state"),
    "opaque gate": (lambda c: c.append(Gate("mystery", 2, []), [0, 1]), "'mystery'"),
    "opaque gate with an angle": (lambda c: c.append(Gate("odd", 1, [X[0]]), [3]), "'odd'"),
    "rotation about a free axis": (lambda c: c.append(RVGate(X[0], W[0], W[1]), [0]), "'rv'"),
    "classical control": (branch, "'while_loop'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_evaluated_exactly_is_refused(name: str) -> None:
    build, reason = REFUSED[name]
    with pytest.raises(InputError, match=reason):
        StatevectorProgram(router_of(build))
