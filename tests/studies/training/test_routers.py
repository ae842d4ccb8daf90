"""The routers of the studies: what they are called is what they are."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import DensityMatrix, Operator, Statevector, partial_trace

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.training.ablated_circuits import dephased, frozen
from qmoe_qiskit.studies.training.routers import QUANTUM, classifier_settings, label
from qmoe_qiskit.train.model import build_router

N_LAYERS = 3


def built(router: str, n_experts: int = 2, n_layers: int = N_LAYERS) -> int:
    """Return the number of trained parameters."""
    settings = classifier_settings(router, n_inputs=2, n_layers=n_layers, seed=0)
    name = settings.pop("router")
    module = build_router(name, 2, n_experts, **settings)
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("router", "count"),
    [
        ("quantum", 24),
        ("quantum:dephased", 24),
        ("quantum:no-entangler", 24),
        ("quantum:one-layer", 12),
        ("quantum:product", 12),
        ("quantum:frozen", 6),
        ("linear", 6),
        ("quadratic", 12),
        ("fourier", 18),
        ("rff:8", 18),
        *((f"mlp:{h}", n) for h, n in zip((2, 4, 8, 16, 32, 64), (12, 22, 42, 82, 162, 322))),  # noqa: B905
    ],
)
def test_parameters_are_counted_as_the_paper_does(router: str, count: int) -> None:
    assert built(router) == count


def test_each_layer_adds_six_angles() -> None:
    assert [built("quantum", n_layers=n) for n in (1, 2, 4, 6)] == [12, 18, 30, 42]


def embedded(inputs_F: np.ndarray) -> QuantumCircuit:
    circuit = QuantumCircuit(len(inputs_F))
    for qubit, angle in enumerate(inputs_F):
        circuit.rx(angle, qubit)
    return circuit


def entangled(n: int, weights_W: np.ndarray) -> QuantumCircuit:
    """The layers after the embedding, written a second time."""
    circuit = QuantumCircuit(n)
    for layer, angles_N3 in enumerate(weights_W.reshape(-1, n, 3)):
        for qubit, (phi, theta, omega) in enumerate(angles_N3):
            circuit.rz(phi, qubit)
            circuit.ry(theta, qubit)
            circuit.rz(omega, qubit)
        for qubit in range(n):
            circuit.cx(qubit, (qubit + layer % (n - 1) + 1) % n)
    return circuit


def z_of(state: DensityMatrix, qubit: int) -> float:
    p0, p1 = state.probabilities([qubit])
    return float(p0 - p1)


@pytest.mark.parametrize("n", [2, 3])
def test_dephasing_leaves_no_coherence(n: int, rng: np.random.Generator) -> None:
    """Against density matrices whose off-diagonal terms are removed after the embedding."""
    circuit = dephased(angle_router(n, N_LAYERS))
    compiled = open_backend("statevector").compile(circuit)
    weights_W = rng.uniform(-np.pi, np.pi, circuit.n_weights)
    inputs_BF = rng.uniform(-np.pi, np.pi, (4, n))
    expected_BO = []
    for inputs_F in inputs_BF:
        state = DensityMatrix(embedded(inputs_F))
        diagonal = DensityMatrix(np.diag(np.diag(state.data)))
        after = diagonal.evolve(entangled(n, weights_W))
        expected_BO.append([z_of(after, qubit) for qubit in range(n)])
    values_BO = compiled.expectations(inputs_BF, weights_W).values
    np.testing.assert_allclose(values_BO, expected_BO, rtol=0, atol=1e-10)
    # Populations are even in every feature, coherences are not.
    np.testing.assert_allclose(
        compiled.expectations(-inputs_BF, weights_W).values, values_BO, rtol=0, atol=1e-10
    )
    full = open_backend("statevector").compile(angle_router(n, N_LAYERS))
    assert np.abs(full.expectations(inputs_BF, weights_W).values - values_BO).max() > 0.01


def test_the_state_behind_the_embedding_is_diagonal(rng: np.random.Generator) -> None:
    inputs_F = rng.uniform(0.5, 1.5, 2)
    router = dephased(angle_router(2, 1))
    bound = router.bind(inputs_F, np.zeros(6))
    begins = next(i for i, step in enumerate(bound.data) if step.operation.name == "rz")
    start = bound.copy_empty_like()
    start.data = [step for step in bound.data[:begins] if step.operation.name != "barrier"]
    reduced = partial_trace(Statevector(start), [2, 3]).data
    np.testing.assert_allclose(reduced, np.diag(np.diag(reduced)), atol=1e-12)
    coherent = DensityMatrix(embedded(inputs_F)).data
    np.testing.assert_allclose(np.diag(reduced), np.diag(coherent), atol=1e-12)
    assert np.abs(coherent - np.diag(np.diag(coherent))).max() > 0.1


def test_only_one_upload_can_be_dephased() -> None:
    with pytest.raises(InputError, match="reuploads=1"):
        dephased(angle_router(2, 1, reuploads=2))


def circuit_of(router: str) -> RouterCircuit:
    settings = classifier_settings(router, n_inputs=2, n_layers=N_LAYERS, seed=1)
    name = settings.pop("router")
    return name if isinstance(name, RouterCircuit) else angle_router(2, **settings)


@pytest.mark.parametrize(
    ("router", "is_product"),
    [
        ("quantum", False),
        ("quantum:one-layer", False),
        ("quantum:frozen", False),
        ("quantum:no-entangler", True),
        ("quantum:product", True),
    ],
)
def test_product_states_are_products(
    router: str, is_product: bool, rng: np.random.Generator
) -> None:
    circuit = circuit_of(router)
    bound = circuit.bind(rng.uniform(0, np.pi, 2), rng.uniform(-np.pi, np.pi, circuit.n_weights))
    state = Statevector(bound.copy())
    purity = np.real(partial_trace(state, [1]).purity())
    assert (purity > 1 - 1e-9) == is_product


def test_three_rotations_are_one(rng: np.random.Generator) -> None:
    """So the product router has the functions of the one without entangler."""
    three = circuit_of("quantum:no-entangler")
    weights_W = rng.uniform(-np.pi, np.pi, three.n_weights)
    behind = np.eye(2)
    for angles in weights_W.reshape(-1, 2, 3)[:, 0]:
        single = QuantumCircuit(1)
        single.rz(angles[0], 0)
        single.ry(angles[1], 0)
        single.rz(angles[2], 0)
        behind = Operator(single).data @ behind
    # Any unitary of one qubit is RZ RY RZ up to a phase: Qiskit finds the angles.
    from qiskit.synthesis import OneQubitEulerDecomposer

    theta, phi, lam = OneQubitEulerDecomposer("ZYZ").angles(behind)
    one = circuit_of("quantum:product")
    inputs_BF = rng.uniform(0, np.pi, (5, 2))
    values = [
        open_backend("statevector").compile(c).expectations(inputs_BF, w).values[:, 0]
        for c, w in ((three, weights_W), (one, np.array([lam, theta, phi, 0, 0, 0])))
    ]
    np.testing.assert_allclose(*values, rtol=0, atol=1e-10)


def test_frozen_angles_belong_to_the_seed(rng: np.random.Generator) -> None:
    full = angle_router(2, N_LAYERS)
    circuit = frozen(full, np.random.default_rng(5))
    assert circuit.n_weights == 0
    inputs_BF = rng.uniform(0, np.pi, (4, 2))
    angles_W = np.random.default_rng(5).uniform(-np.pi, np.pi, full.n_weights)
    backend = open_backend("statevector")
    np.testing.assert_allclose(
        backend.compile(circuit).expectations(inputs_BF, np.zeros(0)).values,
        backend.compile(full).expectations(inputs_BF, angles_W).values,
        rtol=0,
        atol=1e-12,
    )
    hashes = {
        classifier_settings("quantum:frozen", n_inputs=2, n_layers=3, seed=seed)[
            "router"
        ].content_hash
        for seed in (1, 1, 2)
    }
    assert len(hashes) == 2


def test_labels_tell_routers_apart() -> None:
    names = [*QUANTUM, "linear", "quadratic", "fourier", "mlp:4", "mlp:64", "rff:4", "rff:64"]
    assert len({label(name) for name in names}) == len(names)
    assert label("quantum", 3) != label("quantum", 4)
