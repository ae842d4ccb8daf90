"""Gates are what class and definition say, not the name: values by qiskit.quantum_info."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from circuits.any_circuit import TAKEN_NAMES, state_values
from qiskit import QuantumCircuit
from qiskit.circuit import (
    AnnotatedOperation,
    Clbit,
    ControlModifier,
    Gate,
    InverseModifier,
    Parameter,
    ParameterVector,
    PowerModifier,
)
from qiskit.circuit.library import (
    HamiltonianGate,
    PauliEvolutionGate,
    RGate,
    RVGate,
    RXGate,
    RYGate,
    UGate,
    UnitaryGate,
    real_amplitudes,
    zz_feature_map,
)
from qiskit.quantum_info import Operator, Pauli, SparsePauliOp, Statevector, random_clifford
from qiskit_machine_learning.circuit.library import qnn_circuit, raw_feature_vector

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.standard_form import standard_form
from qmoe_qiskit.errors import InputError

W = ParameterVector("w", 3)
ANGLES = np.array([0.4, -1.1, 0.7])
OBSERVABLES = ["ZI", "IZ", "ZZ"]


def router_with(*operations: Any) -> RouterCircuit:
    """Two qubits in a state without symmetries, and operations after it."""
    circuit = QuantumCircuit(2)
    circuit.ry(0.3, 0)
    circuit.rx(W[2] + 0.5, 1)
    circuit.cx(0, 1)
    for operation in operations:
        circuit.append(operation, range(operation.num_qubits))
    circuit.ry(0.7, 0)
    return RouterCircuit.from_circuit(circuit, inputs=[], weights=W, observables=OBSERVABLES)


def assert_value(router: RouterCircuit, spec: str, **settings: Any) -> None:
    compiled = open_backend(spec, seed=0, **settings).compile(router)
    values = compiled.expectations(np.zeros((1, 0)), ANGLES).values[0]
    expected = state_values(router, np.zeros(0), ANGLES)
    np.testing.assert_allclose(values, expected, atol=1e-8)


@pytest.mark.parametrize("name", TAKEN_NAMES)
@pytest.mark.parametrize("spec", ["statevector", "noisy:ideal", "noisy:depolarizing:0"])
def test_a_block_may_have_the_name_of_a_gate(name: str, spec: str) -> None:
    block = QuantumCircuit(2, name=name)
    block.ry(W[1], 0)
    block.cx(0, 1)
    assert_value(router_with(block.to_gate()), spec)


@pytest.mark.parametrize("name", ["barrier", "diagonal", "rx", "swap"])
def test_aer_sees_a_block_and_not_its_name(name: str) -> None:
    block = QuantumCircuit(1, name=name)
    block.rz(W[1] * W[0], 0)
    block.rx(W[1], 0)
    assert_value(router_with(block.to_instruction()), "statevector", engine="aer")


def with_phase(phase: Any) -> Gate:
    """A block whose global phase is seen once it has a control."""
    block = QuantumCircuit(1, name="block", global_phase=phase)
    block.rx(W[0], 0)
    return block.to_gate()


KINDS: dict[str, Callable[[], Any]] = {
    "angle that cancels": lambda: RXGate(W[0] - W[0] - 0.5),
    "angles that cancel within": lambda: RGate(W[0], W[1]).control(1, annotated=False),
    "time that cancels": lambda: PauliEvolutionGate(SparsePauliOp("ZX"), time=W[0] - W[0]),
    "Clifford": lambda: random_clifford(2, seed=3),
    "annotated": lambda: AnnotatedOperation(
        RXGate(W[0]), [InverseModifier(), ControlModifier(1, 0), PowerModifier(3)]
    ),
    "annotated root": lambda: AnnotatedOperation(RXGate(W[0]), PowerModifier(0.5)),
    "annotated negative power": lambda: AnnotatedOperation(RXGate(W[0]), PowerModifier(-2)),
    "numeric Hamiltonian": lambda: HamiltonianGate(np.array([[0.3, 1], [1, -0.2]]), 0.7),
    "ansatz": lambda: (
        real_amplitudes(2, reps=1, parameter_prefix="v")
        .assign_parameters([W[0], W[1] ** 2, 0.1, W[0] / 3])
        .to_gate()
    ),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("spec", ["statevector", "noisy:ideal"])
def test_what_users_append_is_evaluated(name: str, spec: str) -> None:
    assert_value(router_with(KINDS[name]()), spec)


@pytest.mark.filterwarnings(
    "ignore:spsolve:scipy.sparse.SparseEfficiencyWarning",
    "ignore:splu:scipy.sparse.SparseEfficiencyWarning",
)
@pytest.mark.parametrize(("spec", "engine"), [("statevector", "auto"), ("statevector", "aer")])
def test_an_evolution_is_the_product_formula_that_devices_run(spec: str, engine: str) -> None:
    hamiltonian = SparsePauliOp(["XI", "ZZ", "YI"], [0.9, -0.7, 0.5])
    router = router_with(PauliEvolutionGate(hamiltonian, time=1.3))
    exact = Statevector(router.bind(np.zeros(0), ANGLES))  # Qiskit's matrix is the exponential
    gap = state_values(router, np.zeros(0), ANGLES)[0] - exact.expectation_value(Pauli("ZI"))
    assert abs(gap) > 1e-3
    assert_value(router, spec, engine=engine)
    assert_value(router, "noisy:ideal")


MODIFIERS = {
    "control": [ControlModifier(1)],
    "inverse and control": [InverseModifier(), ControlModifier(1, 0)],
    "power and control": [PowerModifier(2), ControlModifier(1)],
    "control, inverse and power": [ControlModifier(1), InverseModifier(), PowerModifier(3)],
}


@pytest.mark.parametrize("phase", [0.7, W[1] + 0.2])
@pytest.mark.parametrize("name", MODIFIERS)
def test_the_phase_of_a_block_counts_once_it_is_controlled(name: str, phase: Any) -> None:
    gate = AnnotatedOperation(with_phase(phase), MODIFIERS[name])
    definition = with_phase(phase).definition
    matrix = Operator(definition.assign_parameters(dict(zip(W, ANGLES, strict=True)), strict=False))
    for modifier in MODIFIERS[name]:
        if isinstance(modifier, InverseModifier):
            matrix = matrix.adjoint()
        elif isinstance(modifier, PowerModifier):
            matrix = matrix.power(modifier.power)
        else:
            gate_of_matrix = UnitaryGate(matrix).control(1, ctrl_state=modifier.ctrl_state)
            matrix = Operator(gate_of_matrix)
    rotated = RXGate(W[0]), RYGate(W[1] - 0.1)  # every parameter is in the circuit
    expected = state_values(router_with(*rotated, UnitaryGate(matrix)), np.zeros(0), ANGLES)
    router = router_with(*rotated, gate)
    values = open_backend("statevector").compile(router).expectations(np.zeros((1, 0)), ANGLES)
    np.testing.assert_allclose(values.values[0], expected, atol=1e-8)


def test_a_root_of_a_block_with_a_phase_has_the_phase() -> None:
    block = QuantumCircuit(1, name="block", global_phase=0.7)
    block.rx(0.3, 0)
    block.rz(0.3, 0)
    gate = AnnotatedOperation(block.to_gate(), [PowerModifier(0.5), ControlModifier(1)])
    root = UnitaryGate(Operator(block).power(0.5)).control(1)
    expected = state_values(router_with(root, RXGate(W[0])), np.zeros(0), ANGLES)
    router = router_with(gate, RXGate(W[0]))
    values = open_backend("statevector").compile(router).expectations(np.zeros((1, 0)), ANGLES)
    np.testing.assert_allclose(values.values[0], expected, atol=1e-8)


def looped() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    with circuit.for_loop(range(3)) as number:
        circuit.rx(W[0] * number + 0.1, 0)
    with circuit.box():
        circuit.rz(W[1], 0)
    with circuit.for_loop([1, 2]):
        circuit.ry(0.2, 0)
    return circuit


@pytest.mark.parametrize(
    "values", [range(0), range(5, 0), range(1, 8, 3), range(9, 0, -2), (4, 2), range(3, 4, 100)]
)
def test_loops_take_each_value_once(values: Sequence[int]) -> None:
    """A loop that does not run needs no room, whatever its body."""
    circuit = QuantumCircuit(1)
    body = many_gates(3 if len(values) else 20_000)
    circuit.for_loop(values, None, body, [0], [])
    assert len(standard_form(circuit).data) == len(values) * len(body.data)


def test_loops_over_known_values_are_unrolled() -> None:
    written_out = QuantumCircuit(1)
    for number in range(3):
        written_out.rx(W[0] * number + 0.1, 0)
    written_out.rz(W[1], 0)
    written_out.ry(0.2, 0)
    written_out.ry(0.2, 0)
    loops, gates = (
        RouterCircuit.from_circuit(circuit, inputs=[], weights=W, observables="Y")
        for circuit in (looped(), written_out)
    )
    value = open_backend("statevector").compile(loops).expectations(np.zeros((1, 0)), ANGLES)
    np.testing.assert_allclose(
        value.values[0], state_values(gates, np.zeros(0), ANGLES), atol=1e-14
    )


class Endless(Gate):
    """A gate that is defined by itself."""

    def __init__(self) -> None:
        super().__init__("endless", 1, [])

    def _define(self) -> None:
        self.definition = QuantumCircuit(1)
        self.definition.append(Endless(), [0])


def conditional(kind: str) -> Callable[[QuantumCircuit], object]:
    def build(circuit: QuantumCircuit) -> None:
        circuit.add_bits([Clbit()])
        block = QuantumCircuit(1)
        condition = (circuit.clbits[0], 1)
        if kind == "if":
            circuit.if_test(condition, block, [0], [])
        else:
            circuit.while_loop(condition, block, [0], [])

    return build


def leaving(circuit: QuantumCircuit) -> None:
    with circuit.for_loop(range(2)):
        circuit.break_loop()


def one_gate() -> QuantumCircuit:
    return many_gates(1)


def many_gates(count: int) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    for _ in range(count):
        circuit.h(0)
    return circuit


REFUSED: dict[str, tuple[Callable[[QuantumCircuit], object], str]] = {
    "measured at the end": (lambda c: c.measure_all(), "remove_final_measurements"),
    "reset": (lambda c: c.reset(0), "use a further qubit"),
    "initialize": (lambda c: c.initialize([0, 1], 0), "prepare_state"),
    "if": (conditional("if"), "'if_else'.*fixed sequence of gates"),
    "while": (conditional("while"), "'while_loop'.*fixed sequence of gates"),
    "break": (leaving, "'break_loop'.*leaves a loop"),
    "Hamiltonian with a free time": (
        lambda c: c.append(HamiltonianGate(np.eye(2), W[0]), [0]),
        "PauliEvolutionGate",
    ),
    "features as amplitudes": (
        lambda c: c.compose(raw_feature_vector(2), [0], inplace=True),
        "amplitude_circuit",
    ),
    "rotation about a vector": (
        lambda c: c.append(RVGate(W[0], W[1], 0.1), [0]),
        "use a gate that is made of rotations, such as rx, ry and rz",
    ),
    "root of a free U": (
        lambda c: c.append(AnnotatedOperation(UGate(W[0], W[1], 0), [PowerModifier(0.5)]), [0]),
        r"its angles are free\): bind the parameters, or write it as rotations",
    ),
    "endless loop": (
        lambda c: c.for_loop(range(10**6), None, QuantumCircuit(1), [0], []),
        "unfolds into more than 50000 operations",
    ),
    "long loop downwards": (
        lambda c: c.for_loop(range(10**6, 0, -7), Parameter("k"), one_gate(), [0], []),
        "unfolds into more than 50000 operations",
    ),
    "loop over many gates": (
        lambda c: c.for_loop(range(251), None, many_gates(200), [0], []),
        "unfolds into more than 50000 operations",
    ),
    "root of several gates": (
        lambda c: c.append(AnnotatedOperation(looped_gate(), PowerModifier(0.5)), [0]),
        r"power=0\.5",
    ),
    "defined by itself": (lambda c: c.append(Endless(), [0]), "contains itself"),
    "delay with a parameter": (lambda c: c.delay(W[0], 0), "a delay is a number"),
    "imaginary": (lambda c: c.rx(1j * W[0], 0), "not real"),
}


def looped_gate() -> Gate:
    circuit = QuantumCircuit(1)
    circuit.rx(W[0], 0)
    circuit.rz(W[0], 0)
    return circuit.to_gate()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_fixed_unitary_is_refused_with_advice(name: str) -> None:
    build, advice = REFUSED[name]
    circuit = QuantumCircuit(1)
    build(circuit)
    with pytest.raises(InputError, match=advice):
        RouterCircuit.from_circuit(circuit, inputs=[])


def test_circuits_of_qiskit_machine_learning() -> None:
    circuit, features, weights = qnn_circuit(
        feature_map=zz_feature_map(2), ansatz=real_amplitudes(2)
    )
    router = RouterCircuit.from_circuit(circuit, inputs=features, weights=weights)
    assert (router.n_inputs, router.n_weights, router.n_outputs) == (2, 8, 2)
    inputs_F, weights_W = np.array([0.2, -0.9]), np.linspace(-2, 2, 8)
    compiled = open_backend("statevector").compile(router)
    values = compiled.expectations(inputs_F[None], weights_W).values[0]
    np.testing.assert_allclose(values, state_values(router, inputs_F, weights_W), atol=1e-13)


def test_inputs_may_be_mixed() -> None:
    single, several = Parameter("a"), ParameterVector("b", 2)
    circuit = QuantumCircuit(1)
    circuit.rx(single + several[0] * several[1] + W[0], 0)
    router = RouterCircuit.from_circuit(circuit, inputs=[several, single])
    assert [p.name for p in router.inputs] == ["b[0]", "b[1]", "a"]
    assert [p.name for p in router.weights] == ["w[0]"]
    one = RouterCircuit.from_circuit(circuit, inputs=single)
    assert [p.name for p in one.weights] == ["b[0]", "b[1]", "w[0]"]


@pytest.mark.parametrize("inputs", ["a", [Parameter("a"), "b"], [[Parameter("a")]]])
def test_inputs_are_parameters(inputs: Any) -> None:
    with pytest.raises(InputError, match="give Parameters and ParameterVectors"):
        RouterCircuit.from_circuit(QuantumCircuit(1), inputs=inputs)


def test_names_are_unique() -> None:
    with pytest.raises(InputError, match=r"a: each input and weight .* a name of its own"):
        RouterCircuit.from_circuit(
            QuantumCircuit(1), inputs=[Parameter("a")], weights=[Parameter("a")]
        )


@pytest.mark.parametrize("given", [{}, {"weights": real_amplitudes(2).parameters}])
def test_parameters_of_another_circuit_are_told_apart(given: dict[str, Any]) -> None:
    circuit = zz_feature_map(2).compose(real_amplitudes(2))
    with pytest.raises(InputError, match=r"x\[0\], x\[1\].*: the circuit has other parameters"):
        RouterCircuit.from_circuit(circuit, inputs=zz_feature_map(2).parameters, **given)
