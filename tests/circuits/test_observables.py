"""Observables mean what they mean to Qiskit's primitives, and bases measure all their terms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import (
    Operator,
    Pauli,
    PauliList,
    SparseObservable,
    SparsePauliOp,
    Statevector,
    random_pauli_list,
    random_statevector,
)

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.circuits.observables import as_observables, is_diagonal, measurement_bases
from qmoe_qiskit.errors import InputError

FORMS: dict[str, Any] = {
    "operator of two terms": SparsePauliOp(["ZZ", "IZ"], [2, 3]),
    "label": "XZ",
    "projectors": "0+",
    "Pauli with a sign": Pauli("-ZY"),
    "sparse observable": SparseObservable.from_list([("Zl", 0.3), ("1I", -1)]),
    "mapping": {"ZI": 0.5, "XX": -1.5},
    "list": ["ZI", SparsePauliOp("IX"), Pauli("YY")],
    "Pauli list": PauliList(["ZI", "-XY"]),
    "tuple": (SparsePauliOp(["ZZ", "XI"], [2, 3]), "IZ"),
}

# Qiskit's StatevectorEstimator knows no projectors: |0><0| = (I + Z) / 2, |l><l| = (I - Y) / 2.
BY_HAND = {
    "projectors": SparsePauliOp(["II", "IX", "ZI", "ZX"], [0.25] * 4),
    "sparse observable": SparsePauliOp(["ZI", "ZY", "II", "ZI"], [0.15, -0.15, -0.5, 0.5]),
}


@pytest.mark.parametrize("name", FORMS)
def test_meaning_is_that_of_the_primitives(name: str) -> None:
    given = FORMS[name]
    router = angle_router(2, 1).with_observables(given)
    inputs_F, weights_W = np.array([0.3, -1.0]), np.linspace(-1, 2, 6)
    several = [*given] if isinstance(given, PauliList | tuple) else given
    several = BY_HAND.get(name, several)
    pub = (router.bind(inputs_F, weights_W), several)
    expected = np.atleast_1d(StatevectorEstimator().run([pub]).result()[0].data.evs)
    compiled = open_backend("statevector").compile(router)
    values = compiled.expectations(inputs_F[None], weights_W).values[0]
    np.testing.assert_allclose(values, expected, atol=1e-14)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("QZ", "'QZ' is not an observable"),
        (3, "of type int"),
        (Operator(np.eye(4)), "of type Operator"),
        ([np.eye(4)], "ndarray is not an observable"),
        ("ZZZ", "acts on 3 qubits, the circuit has 2"),
        (Pauli("iZZ"), "real"),
        ([], "at least one observable"),
    ],
)
def test_what_is_no_observable_is_refused(given: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        as_observables(given, 2)


def test_observables_handed_out_cannot_be_changed() -> None:
    router = angle_router(2, 1).with_observables("ZI")
    with pytest.raises(ValueError, match="read-only"):
        router.observables[0].coeffs[0] = 2.0


def test_bases_measure_every_term_once(rng: np.random.Generator) -> None:
    for n_qubits in (1, 2, 3):
        labels = random_pauli_list(n_qubits, 7, seed=int(rng.integers(1000)), phase=False)
        split = [SparsePauliOp(labels[:4], rng.normal(size=4)), SparsePauliOp(labels[4:])]
        state = random_statevector(2**n_qubits, seed=int(rng.integers(1000)))
        total = np.zeros(2)
        for basis in measurement_bases(split):
            assert is_diagonal(basis.observables)
            turned = state.evolve(basis.change())
            total += [turned.expectation_value(o).real for o in basis.observables]
        expected = [state.expectation_value(o).real for o in split]
        np.testing.assert_allclose(total, expected, atol=1e-13)


def test_terms_that_share_letters_share_a_basis() -> None:
    bases = measurement_bases(as_observables(["ZII", "IXI", "IIY", "ZXY", "III"], 3))
    assert [basis.letters for basis in bases] == ["YXZ"]  # qubit 0 first
    assert len(measurement_bases(as_observables(["ZII", "IXI", "ZZI"], 3))) == 2


SHOTS = 4000


@pytest.mark.parametrize(
    ("spec", "settings", "tolerance"),
    [
        ("noisy:ideal", {}, 1e-9),
        ("noisy:depolarizing:0", {}, 1e-9),
        ("noisy:ideal", {"shots": SHOTS, "seed": 3}, None),
        ("statevector", {"engine": "aer"}, 1e-12),
    ],
)
def test_every_backend_measures_off_the_diagonal(
    spec: str, settings: dict[str, Any], tolerance: float | None
) -> None:
    router = angle_router(2, 1).with_observables(
        [SparsePauliOp(["XY", "ZZ", "II"], [0.3, 1, 0.5]), "YI", {"IX": 2, "+-": 1}]
    )
    inputs_BF, weights_W = np.array([[0.3, -1.0], [1.2, 0.4]]), np.linspace(-1, 2, 6)
    expected = np.array(
        [
            [Statevector(router.bind(x, weights_W)).expectation_value(o).real for o in row]
            for x, row in zip(inputs_BF, [router.observables] * 2, strict=True)
        ]
    )
    compiled = open_backend(spec, **settings).compile(router)
    found = compiled.expectations(inputs_BF, weights_W)
    if tolerance is None:  # 6 values: 5 standard errors are exceeded in 3 of a million trials
        assert found.shots == 4 * SHOTS
        assert (np.abs(found.values - expected) < 5 * found.std_errors).all()
    else:
        np.testing.assert_allclose(found.values, expected, atol=tolerance)
        exact = open_backend("statevector").compile(router).jacobian(inputs_BF, weights_W)
        for slopes, reference in zip(compiled.jacobian(inputs_BF, weights_W), exact, strict=True):
            np.testing.assert_allclose(slopes, reference, atol=max(tolerance, 1e-9))


@pytest.mark.parametrize("given", [SparsePauliOp("ZZ"), Pauli("ZZ"), "ZZ", PauliList(["ZZ"])])
def test_observables_of_a_router_do_not_change_in_place(given: Any) -> None:
    circuit = QuantumCircuit(2)
    router = RouterCircuit.from_circuit(circuit, inputs=[], observables=given)
    (observable,) = router.observables
    with pytest.raises(ValueError, match="read-only"):
        observable.paulis[0] = "XX"
    with pytest.raises(ValueError, match="read-only"):
        observable.coeffs[0] = 2
    assert observable == SparsePauliOp("ZZ")
    if not isinstance(given, str):  # what the user holds stays the user's
        array = given.paulis.x if isinstance(given, SparsePauliOp) else given.x
        assert array.flags.writeable
