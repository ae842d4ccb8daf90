"""The content hash: equal circuits have equal hashes, and others have others."""

from __future__ import annotations

import itertools
from operator import methodcaller
from typing import TYPE_CHECKING

import numpy as np
import pytest
from circuits.any_circuit import random_router
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter, ParameterExpression, ParameterVector
from qiskit.circuit.library import (
    MCMTGate,
    PauliEvolutionGate,
    PauliProductRotationGate,
    RXGate,
    RXXGate,
    RYGate,
    UnitaryGate,
)
from qiskit.quantum_info import Pauli, SparsePauliOp

from qmoe_qiskit.circuits import RouterCircuit, angle_router

if TYPE_CHECKING:
    from collections.abc import Callable

W = ParameterVector("w", 1)
V = Parameter("v")


def hash_of(
    build: Callable[[QuantumCircuit], object],
    observable: SparsePauliOp | None = None,
    *,
    n_qubits: int = 2,
) -> str:
    circuit = QuantumCircuit(n_qubits)
    build(circuit)
    observable = SparsePauliOp("I" * (n_qubits - 1) + "Z") if observable is None else observable
    return RouterCircuit(
        circuit=circuit,
        inputs=ParameterVector("x", 1),
        weights=W,
        observables=(observable,),
    ).content_hash


def test_circuits_built_twice_have_one_hash() -> None:
    assert angle_router(3, 2).content_hash == angle_router(3, 2).content_hash


def test_every_setting_counts() -> None:
    routers = [
        angle_router(2, 2),
        angle_router(2, 3),
        angle_router(3, 2),
        angle_router(2, 2, rotation="y"),
        angle_router(2, 2, rotation="z"),
        angle_router(2, 1, reuploads=2),
        angle_router(2, 2, entanglement="none"),
        angle_router(2, 2, entanglement="linear"),
        angle_router(2, 2).with_observables([SparsePauliOp("IZ")]),
        angle_router(2, 2).with_observables([SparsePauliOp("ZI"), SparsePauliOp("IZ")]),
        angle_router(2, 2).with_observables([SparsePauliOp("IZ"), 2 * SparsePauliOp("ZI")]),
    ]
    hashes = [router.content_hash for router in routers]
    assert len(set(hashes)) == len(hashes)


def test_qubits_angles_and_order_count() -> None:
    hashes = [
        hash_of(lambda c: c.cx(0, 1)),
        hash_of(lambda c: c.cx(1, 0)),
        hash_of(lambda c: c.rz(0.1, 0)),
        hash_of(lambda c: c.rz(0.1 + 1e-15, 0)),
        hash_of(lambda c: (c.h(0), c.t(0))),
        hash_of(lambda c: (c.t(0), c.h(0))),
    ]
    assert len(set(hashes)) == len(hashes)


def test_terms_of_an_observable_are_added_up() -> None:
    whole = SparsePauliOp.from_list([("ZI", 1.0), ("IZ", 2.0)])
    parts = SparsePauliOp.from_list([("ZI", 1.0), ("IZ", 0.5), ("IZ", 1.5), ("ZZ", 0.0)])
    assert hash_of(lambda c: c.h(0), whole) == hash_of(lambda c: c.h(0), parts)


def test_exchanged_roles_count() -> None:
    x, w = ParameterVector("x", 1), ParameterVector("w", 1)
    circuit = QuantumCircuit(1)
    circuit.rx(x[0], 0)
    circuit.ry(w[0], 0)
    observables = (SparsePauliOp("Z"),)
    one = RouterCircuit(circuit=circuit, inputs=x, weights=w, observables=observables)
    other = RouterCircuit(circuit=circuit, inputs=w, weights=x, observables=observables)
    assert one.content_hash != other.content_hash


def test_content_of_composite_gates_counts() -> None:
    def wrapped(angle: float) -> Callable[[QuantumCircuit], object]:
        inner = QuantumCircuit(1, name="inner")
        inner.rx(angle, 0)
        return lambda circuit: circuit.append(inner.to_gate(), [0])

    assert hash_of(wrapped(1.0)) == hash_of(wrapped(1.0))
    assert hash_of(wrapped(1.0)) != hash_of(wrapped(2.0))


def test_every_entry_of_a_matrix_counts() -> None:
    n_qubits = 5
    identity = np.ones(2**n_qubits, dtype=complex)
    flipped, turned = identity.copy(), identity.copy()
    flipped[16] = -1
    turned[0] = np.exp(1e-9j)
    gates = [UnitaryGate(np.diag(diagonal)) for diagonal in (identity, flipped, turned)]
    hashes = [
        hash_of(methodcaller("append", gate, range(n_qubits)), n_qubits=n_qubits) for gate in gates
    ]
    for one, other in itertools.combinations(hashes, 2):
        assert one != other


def block(name: str) -> QuantumCircuit:
    inner = QuantumCircuit(1, name="block")
    getattr(inner, name)(W[0], 0)
    return inner


DIFFERENT: dict[str, tuple[Callable[[], Gate], Callable[[], Gate]]] = {
    "evolutions": (
        lambda: PauliEvolutionGate(SparsePauliOp("ZZ"), time=W[0]),
        lambda: PauliEvolutionGate(SparsePauliOp("XY"), time=W[0]),
    ),
    "controlled blocks of one name": (
        lambda: block("rx").to_gate().control(1, annotated=False),
        lambda: block("ry").to_gate().control(1, annotated=False),
    ),
    "bases of many controls": (
        lambda: MCMTGate(RYGate(W[0]), 1, 1),
        lambda: MCMTGate(RXGate(W[0]), 1, 1),
    ),
    "rotations about Pauli strings": (
        lambda: PauliProductRotationGate(Pauli("ZZ"), W[0]),
        lambda: PauliProductRotationGate(Pauli("XY"), W[0]),
    ),
    "states of a control": (
        lambda: RXGate(W[0]).control(1, ctrl_state=0, annotated=False),
        lambda: RXGate(W[0]).control(1, ctrl_state=1, annotated=False),
    ),
    "functions": (lambda: RXXGate(W[0] * W[0]), lambda: RXXGate(W[0].sin())),
    "constants of functions": (
        lambda: RXXGate(W[0] * W[0] + 0.1),
        lambda: RXXGate(W[0] * W[0] + 0.1 + 1e-9),
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_whatever_changes_the_unitary_counts(name: str) -> None:
    hashes = {hash_of(methodcaller("append", make(), [0, 1])) for make in DIFFERENT[name]}
    assert len(hashes) == 2


@pytest.mark.parametrize("angle", [-0.0, W[0] * 1 - 0.0, -0.0 * W[0] - 0.0, W[0] - W[0] - 0.5])
def test_zeros_have_no_sign_after_qpy(angle: ParameterExpression | float) -> None:
    circuit = QuantumCircuit(1)
    circuit.rx(angle, 0)
    router = RouterCircuit.from_circuit(circuit, inputs=[])
    assert RouterCircuit.from_qpy(router.to_qpy()).content_hash == router.content_hash


@pytest.mark.parametrize(
    "angle",
    [
        W[0] * V * 2,
        2 * W[0].sign(),
        (W[0] ** 2 + V) * 2,
        3 * W[0].sin() / 2,
        1.5 * W[0] / W[0],
    ],
)
def test_whole_numbers_keep_the_hash_over_qpy(angle: ParameterExpression) -> None:
    circuit = QuantumCircuit(1)
    circuit.rx(angle, 0)
    circuit.ry(W[0] + V, 0)
    router = RouterCircuit.from_circuit(circuit, inputs=[])
    assert RouterCircuit.from_qpy(router.to_qpy()).content_hash == router.content_hash


def test_random_circuits_keep_their_hash_over_qpy(rng: np.random.Generator) -> None:
    for _ in range(25):
        router = random_router(rng)
        again = RouterCircuit.from_qpy(router.to_qpy())
        assert again.content_hash == router.content_hash
