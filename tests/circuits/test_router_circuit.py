"""The router circuit as data: what it accepts, and how angles are filled in."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.quantum_info import PauliList, SparsePauliOp, Statevector

from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError

INPUTS, WEIGHTS = ParameterVector("x", 2), ParameterVector("w", 2)
Z0 = SparsePauliOp("IZ")


def two_qubit_circuit() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.rx(INPUTS[0], 0)
    circuit.ry(WEIGHTS[1] - INPUTS[0], 1)
    circuit.cx(0, 1)
    return circuit


def build(
    circuit: QuantumCircuit | None = None, *observables: SparsePauliOp, **changes: Any
) -> RouterCircuit:
    parts: dict[str, Any] = {
        "circuit": two_qubit_circuit() if circuit is None else circuit,
        "inputs": INPUTS,
        "weights": WEIGHTS,
        "observables": observables or (Z0,),
    }
    return RouterCircuit(**{**parts, **changes})


def test_is_frozen() -> None:
    router = build()
    with pytest.raises(FrozenInstanceError):
        router.circuit = QuantumCircuit(2)  # type: ignore[misc]


def test_parameters_may_stay_unused() -> None:
    router = build()
    assert (router.n_inputs, router.n_weights) == (2, 2)
    bound = router.bind(np.array([0.3, 9.0]), np.array([9.0, 0.7]))
    assert not bound.parameters


def test_bind_fills_in_every_angle() -> None:
    by_hand = QuantumCircuit(2)
    by_hand.rx(0.3, 0)
    by_hand.ry(0.7 - 0.3, 1)
    by_hand.cx(0, 1)
    bound = build().bind(np.array([0.3, 9.0]), np.array([9.0, 0.7]))
    np.testing.assert_allclose(Statevector(bound).data, Statevector(by_hand).data, atol=1e-15)


@pytest.mark.parametrize(("n_inputs", "n_weights"), [(1, 2), (3, 2), (2, 1), (2, 3), (0, 0)])
def test_bind_refuses_other_lengths(n_inputs: int, n_weights: int) -> None:
    with pytest.raises(InputError, match="2 inputs and 2 weights"):
        build().bind(np.zeros(n_inputs), np.zeros(n_weights))


def test_circuits_are_copied_in_and_out() -> None:
    """Qiskit users edit circuits in place; the router, its values and its hash stay."""
    given = two_qubit_circuit()
    router = build(given)
    kept, hashed = two_qubit_circuit(), router.content_hash
    for circuit in (given, router.circuit, router.standard_circuit):
        circuit.x(0)
        circuit.measure_all()
    assert router.circuit == router.standard_circuit == kept
    assert build(router.circuit).content_hash == hashed


def test_a_vector_that_grows_later_changes_nothing() -> None:
    x = ParameterVector("x", 2)
    circuit = QuantumCircuit(1)
    circuit.rx(x[0] + x[1], 0)
    router = RouterCircuit.from_circuit(circuit, inputs=x)
    data = router.to_qpy()
    x.resize(5)
    assert router.n_inputs == 2
    again = RouterCircuit.from_qpy(router.to_qpy())
    assert again.content_hash == router.content_hash == RouterCircuit.from_qpy(data).content_hash


def test_with_observables_changes_nothing_else() -> None:
    router = angle_router(2, 1, reuploads=2)
    other = router.with_observables([SparsePauliOp("ZZ")])
    assert other.observables == (SparsePauliOp("ZZ"),)
    assert other.circuit == router.circuit
    assert other.degree == 2
    assert router.n_outputs == 2


def test_parameters_of_nobody_are_refused_by_name() -> None:
    circuit = two_qubit_circuit()
    circuit.rz(Parameter("stray") + Parameter("astray"), 0)
    with pytest.raises(InputError, match="astray, stray"):
        build(circuit)


def test_a_parameter_is_an_input_or_a_weight_not_both() -> None:
    circuit = QuantumCircuit(2)
    circuit.rx(INPUTS[0], 0)
    with pytest.raises(InputError, match=r"x\[0\]"):
        build(circuit, weights=INPUTS)


def test_classical_bits_and_measurements_are_refused() -> None:
    measured = two_qubit_circuit()
    measured.measure_all()
    with pytest.raises(InputError, match="measure"):
        build(measured)
    with pytest.raises(InputError, match="classical bits"):
        build(QuantumCircuit(2, 1))


@pytest.mark.parametrize(
    ("observable", "reason"),
    [
        (SparsePauliOp("IZ", coeffs=[1j]), "real"),
        (SparsePauliOp("IZ", coeffs=[1 + 1e-3j]), "real"),
        (SparsePauliOp("IZ", coeffs=np.array([Parameter("c")])), "numeric"),
        (SparsePauliOp("IZ", coeffs=[np.nan]), "nan"),
        (SparsePauliOp("Z"), "1 qubits"),
        (SparsePauliOp("ZZZ"), "3 qubits"),
    ],
)
def test_observables_must_be_real_and_fit(observable: SparsePauliOp, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        build(None, Z0, observable)


def test_an_observable_that_was_handed_out_changes_nothing() -> None:
    router = build(None, Z0, SparsePauliOp(["ZI", "XX"], [0.5, 2.0]))
    before, known = [o.to_list() for o in router.observables], router.content_hash
    for observable in router.observables:
        with pytest.raises(ValueError, match="read-only"):
            observable.paulis = PauliList(["YY"] * len(observable))
        with pytest.raises(ValueError, match="read-only"):
            observable.coeffs[:] = 7
        with pytest.raises(ValueError, match="read-only"):
            observable.paulis.z[:] = False
    assert [o.to_list() for o in router.observables] == before
    assert router.content_hash == known


def test_no_observable_is_refused() -> None:
    with pytest.raises(InputError, match="at least one observable"):
        build(observables=())
