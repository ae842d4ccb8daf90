"""How the weights of circuits start."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector

from qmoe_qiskit.circuits import CIRCUITS, CircuitSettings, angle_router, build_circuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import INITIALIZATIONS, QuantumRouter, initial_weights
from qmoe_qiskit.moe.routers.initialization import SMALL_ANGLE


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("family", CIRCUITS.names)
def test_identity_blocks_are_the_identity(family: str, seed: int) -> None:
    """What comes after the embedding, which ends at the first barrier, by Qiskit's operators."""
    router = build_circuit(family, CircuitSettings(n_inputs=4, n_layers=4, mirrored=True))
    weights_W = initial_weights(router, "identity-block", seeded(seed)).double().numpy()
    steps = router.circuit.data
    first = next(k for k, step in enumerate(steps) if step.operation.name == "barrier")
    blocks = router.circuit.copy_empty_like()
    for step in steps[first:]:
        blocks.append(step)
    angles = dict(zip(router.weights, weights_W, strict=True))
    bound = blocks.assign_parameters({p: angles[p] for p in blocks.parameters})
    assert blocks.num_parameters == router.n_weights
    assert blocks.num_nonlocal_gates() > 0
    assert np.abs(weights_W).max() > 1
    # Angles are stored in float32.
    identity = Operator(np.eye(2**router.n_qubits))
    assert Operator(bound).equiv(identity, atol=1e-6, rtol=0)


def test_identity_blocks_after_each_upload(seed: int, rng: np.random.Generator) -> None:
    """Two uploads are then one of twice the angle."""
    router = angle_router(3, 2, reuploads=2, mirrored=True)
    x_F = rng.uniform(-1, 1, 3)
    weights_W = initial_weights(router, "identity-block", seeded(seed)).double().numpy()
    twice = QuantumCircuit(3)
    for qubit, x in enumerate(x_F):
        twice.rx(2 * x, qubit)
    assert Statevector(router.bind(x_F, weights_W)).equiv(Statevector(twice), atol=1e-6, rtol=0)


def test_small_angles_have_the_stated_deviation(seed: int) -> None:
    weights_W = initial_weights(angle_router(10, 30), "small-angle", seeded(seed))
    # The standard error of a standard deviation is 1 / sqrt(2 W); 5 of them.
    assert abs(weights_W.std().item() / SMALL_ANGLE - 1) < 5 / np.sqrt(2 * 900)
    assert abs(weights_W.mean().item()) < 5 * SMALL_ANGLE / 30


@pytest.mark.parametrize("name", INITIALIZATIONS.names)
def test_factors_of_inputs_start_at_one(name: str, seed: int) -> None:
    router = angle_router(2, 2, reuploads=2, input_scaling=True, mirrored=True)
    weights_W = initial_weights(router, name, seeded(seed))
    assert weights_W[-4:].tolist() == [1.0] * 4
    plain = initial_weights(angle_router(2, 2, reuploads=2, mirrored=True), name, seeded(seed))
    assert torch.equal(weights_W[:-4], plain)


def test_the_default_is_what_it_was(seed: int) -> None:
    router = QuantumRouter(angle_router(2, 3), 2, generator=seeded(seed))
    before = torch.empty(18).uniform_(-torch.pi, torch.pi, generator=seeded(seed))
    assert torch.equal(router.connector.weight.detach(), before)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"initialization": "identity-block"}, "needs a circuit whose layers come in mirrored"),
        ({"initialization": "zero"}, "unknown initialization 'zero': known are identity-block"),
        ({"n_experts": 5, "readout": "probabilities"}, "each of 5 experts a basis state"),
    ],
)
def test_bad_input(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        QuantumRouter(angle_router(2, 2), **{"n_experts": 2, **settings})


def test_too_many_qubits_for_probabilities() -> None:
    """They are refused before 2^n numbers per expert are made."""
    with pytest.raises(InputError, match="25 qubits: readout 'probabilities' takes at most 20"):
        QuantumRouter(angle_router(25, 1), 2, readout="probabilities")
