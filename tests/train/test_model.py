"""What the settings build: routers, readouts, projections."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import (
    FourierRouter,
    LinearRouter,
    MLPRouter,
    ProjectedRouter,
    QuadraticRouter,
    QuantumRouter,
)
from qmoe_qiskit.train import QMoEClassifier

Rows = tuple[np.ndarray, np.ndarray]


def fitted(rows: Rows, **settings: Any) -> QMoEClassifier:
    return QMoEClassifier(**{"max_epochs": 1, "random_state": 0, **settings}).fit(*rows)


@pytest.mark.parametrize(
    ("settings", "kind", "n_parameters"),
    [
        ({}, QuantumRouter, 18 + 6),  # the paper's
        ({"n_layers": 2, "reuploads": 3}, QuantumRouter, 36 + 6),
        ({"readout": "probabilities", "n_experts": 4}, QuantumRouter, 18),
        ({"router": "linear"}, LinearRouter, 6),
        ({"router": "quadratic"}, QuadraticRouter, 12),
        ({"router": "mlp:4"}, MLPRouter, 22),
        ({"router": "mlp:16"}, MLPRouter, 82),
        ({"router": "fourier"}, FourierRouter, 18),
        ({"router": "fourier", "reuploads": 2}, FourierRouter, 50),
        ({"router": "linear", "n_experts": 1}, LinearRouter, 3),
    ],
    ids=str,
)
def test_routers(
    moons: Rows, settings: dict[str, Any], kind: type[torch.nn.Module], n_parameters: int
) -> None:
    model = fitted(moons, **settings)
    n_experts = settings.get("n_experts", 2)
    assert isinstance(model.module_.router, kind)
    assert model.n_parameters_ == {"router": n_parameters, "experts": 6 * n_experts}
    assert {p.dtype for p in model.module_.parameters()} == {torch.float64}
    assert model.routing_weights(moons[0]).shape == (60, n_experts)


@pytest.mark.parametrize(
    "settings",
    [
        {"rotation": "y"},
        {"rotation": "z"},
        {"entanglement": "none"},
        {"entanglement": "ring"},
        {"entanglement": "linear"},
        {"reuploads": 2},
        {"n_layers": 1},
    ],
    ids=str,
)
def test_settings_of_the_circuit_reach_it(wide: Rows, settings: dict[str, Any]) -> None:
    X, y = wide
    expected = angle_router(3, **{"n_layers": 3, **settings})
    circuit = fitted((X[:, :3], y), **settings).module_.router.circuit
    assert circuit.content_hash == expected.content_hash
    assert circuit.content_hash != angle_router(3, 3).content_hash


def test_a_circuit_of_ones_own(moons: Rows) -> None:
    """Its outputs, through the adapter and softmax, are the routing weights."""
    inputs, weights = ParameterVector("x", 2), ParameterVector("w", 1)
    circuit = QuantumCircuit(2)
    for qubit in range(2):
        circuit.rx(inputs[qubit], qubit)
    circuit.cx(0, 1)
    circuit.ry(weights[0], 1)
    observables = (SparsePauliOp("ZZ"), SparsePauliOp("IZ"), SparsePauliOp("ZI"))
    router = RouterCircuit(circuit=circuit, inputs=inputs, weights=weights, observables=observables)
    model = fitted(moons, router=router)
    assert model.n_parameters_["router"] == 1 + 2 * (3 + 1)

    state = {k: v.numpy() for k, v in model.module_.router.state_dict().items()}
    values_NO = (
        open_backend("statevector")
        .compile(router)
        .expectations(model.feature_map_.scale(moons[0]), state["connector.weight"])
        .values
    )
    logits_NE = values_NO @ state["adapter.weight"].T + state["adapter.bias"]
    expected_NE = np.exp(logits_NE) / np.exp(logits_NE).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.routing_weights(moons[0]), expected_NE, atol=1e-12)


def test_a_backend_object_and_its_name_are_the_same(moons: Rows) -> None:
    by_name, opened = fitted(moons), fitted(moons, backend=open_backend("statevector"))
    np.testing.assert_array_equal(by_name.predict_proba(moons[0]), opened.predict_proba(moons[0]))


def test_one_feature() -> None:
    X_NF = np.linspace(0, 1, 40)[:, None]
    y = (np.abs(X_NF[:, 0] - 0.5) < 0.25).astype(int)
    model = QMoEClassifier(max_epochs=60, random_state=0).fit(X_NF, y)
    assert model.module_.router.circuit.n_qubits == 1
    assert model.score(X_NF, y) > 0.9


def test_a_constant_feature(moons: Rows) -> None:
    X, y = moons
    with_constant = np.column_stack([X, np.full(len(X), 7.0)])
    assert np.isfinite(fitted((with_constant, y)).predict_proba(with_constant)).all()


@pytest.mark.parametrize(
    ("settings", "n_inputs"),
    [({}, 6), ({"n_qubits": 3}, 3), ({"n_qubits": 8}, 8), ({"router": angle_router(2, 1)}, 2)],
    ids=["default", "3", "8", "circuit"],
)
def test_beyond_its_qubits_the_router_sees_principal_components(
    wide: Rows, settings: dict[str, Any], n_inputs: int
) -> None:
    """The router's weights are those of its inner router on the components; experts see all."""
    X, _ = wide
    model = fitted(wide, **settings)
    router = model.module_.router
    assert model.feature_map_.n_router_inputs == n_inputs
    assert isinstance(router, ProjectedRouter) == (n_inputs < 8)
    assert [tuple(e.weight.shape) for e in model.module_.experts] == [(3, 8), (3, 8)]
    if n_inputs == 8:
        return
    seen_NK = (
        model.feature_map_.scale(X) @ model.feature_map_.matrix_FK + model.feature_map_.offset_K
    )
    assert seen_NK.min() > -1e-9
    assert seen_NK.max() < np.pi + 1e-9
    with torch.no_grad():
        inner_NE = router.router(torch.from_numpy(seen_NK)).numpy()
    np.testing.assert_allclose(model.routing_weights(X), inner_NE, atol=1e-12)


def test_the_projection_of_the_model_is_its_own(wide: Rows) -> None:
    model = fitted(wide, router="linear", n_qubits=2)
    before = model.feature_map_.matrix_FK.copy()
    model.module_.load_state_dict({k: v * 0 for k, v in model.module_.state_dict().items()})
    np.testing.assert_array_equal(model.feature_map_.matrix_FK, before)


def test_any_router_sees_the_components(wide: Rows) -> None:
    model = fitted(wide, router="linear", n_qubits=2)
    assert model.n_parameters_["router"] == 2 * (2 + 1)  # the projection is not trained


def test_a_circuit_of_the_user_is_routed_and_initialized_as_ours(moons: Rows) -> None:
    circuit = angle_router(2, n_layers=2, mirrored=True)
    settings: dict[str, Any] = {
        "readout": "probabilities",
        "routing": "sampled",
        "n_votes": None,
        "n_experts": 3,
        "initialization": "identity-block",
    }
    own, ours = fitted(moons, router=circuit, **settings), fitted(moons, n_layers=2, **settings)
    for model in (own, ours):
        assert model.module_.router.is_sampled
    np.testing.assert_array_equal(own.predict_proba(moons[0]), ours.predict_proba(moons[0]))
    unmirrored = angle_router(2, n_layers=2)
    with pytest.raises(InputError, match="needs a circuit whose layers come in mirrored pairs"):
        fitted(moons, router=unmirrored, initialization="identity-block")
    with pytest.raises(InputError, match="no bit string that chooses"):
        fitted(moons, router=unmirrored, routing="sampled")
