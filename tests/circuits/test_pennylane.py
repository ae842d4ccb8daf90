"""The angle router against circuits built in PennyLane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pennylane as qml
import pytest

from qmoe_qiskit.circuits import RouterCircuit, angle_router

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.typing import FloatArray

    Outputs = Callable[[RouterCircuit, FloatArray, FloatArray], FloatArray]

# Two float64 simulators over at most 130 gates.
ROUNDING = 1e-11


def pennylane_values(
    gates: Callable[[FloatArray, FloatArray], None],
    inputs_BF: FloatArray,
    weights: FloatArray,
) -> FloatArray:
    """<Z> of every wire for every sample, after `gates(inputs_F, weights)`."""
    n_wires = inputs_BF.shape[1]

    @qml.qnode(qml.device("default.qubit", wires=n_wires))  # type: ignore[untyped-decorator]
    def node(inputs_F: FloatArray) -> list[object]:
        gates(inputs_F, weights)
        return [qml.expval(qml.PauliZ(wire)) for wire in range(n_wires)]

    return np.array([node(inputs_F) for inputs_F in inputs_BF])


def random_point(router: RouterCircuit, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    return rng.uniform(-4, 4, (3, router.n_inputs)), rng.uniform(-4, 4, router.n_weights)


@pytest.mark.parametrize(
    ("n_qubits", "n_layers"),
    [(1, 1), (1, 4), (2, 1), (2, 3), (3, 2), (3, 5), (4, 3), (4, 6), (5, 7), (6, 1), (6, 7)],
)
def test_defaults_are_angle_embedding_and_strongly_entangling_layers(
    n_qubits: int, n_layers: int, outputs: Outputs, rng: np.random.Generator
) -> None:
    router = angle_router(n_qubits, n_layers)
    inputs_BF, weights_W = random_point(router, rng)

    def gates(inputs_F: FloatArray, weights: FloatArray) -> None:
        qml.AngleEmbedding(inputs_F, wires=range(n_qubits))
        qml.StronglyEntanglingLayers(weights, wires=range(n_qubits))

    expected = pennylane_values(gates, inputs_BF, weights_W.reshape(n_layers, n_qubits, 3))
    np.testing.assert_allclose(outputs(router, inputs_BF, weights_W), expected, atol=ROUNDING)


@pytest.mark.parametrize("rotation", ["x", "y", "z"])
@pytest.mark.parametrize("reuploads", [1, 2, 3])
def test_rotations_and_reuploads(
    rotation: str, reuploads: int, outputs: Outputs, rng: np.random.Generator
) -> None:
    n_qubits, n_layers = 3, 2
    router = angle_router(n_qubits, n_layers, rotation=rotation, reuploads=reuploads)
    inputs_BF, weights_W = random_point(router, rng)

    def gates(inputs_F: FloatArray, weights: FloatArray) -> None:
        if rotation == "z":
            for wire in range(n_qubits):
                qml.Hadamard(wire)
        for block in weights:
            qml.AngleEmbedding(inputs_F, wires=range(n_qubits), rotation=rotation.upper())
            qml.StronglyEntanglingLayers(block, wires=range(n_qubits))

    weights = weights_W.reshape(reuploads, n_layers, n_qubits, 3)
    expected = pennylane_values(gates, inputs_BF, weights)
    np.testing.assert_allclose(outputs(router, inputs_BF, weights_W), expected, atol=ROUNDING)


@pytest.mark.parametrize(
    ("entanglement", "n_qubits", "cnots"),
    [
        ("none", 3, []),
        ("linear", 1, []),
        ("linear", 2, [(0, 1)]),
        ("linear", 4, [(0, 1), (1, 2), (2, 3)]),
        ("ring", 1, []),
        ("ring", 2, [(0, 1), (1, 0)]),
        ("ring", 4, [(0, 1), (1, 2), (2, 3), (3, 0)]),
    ],
)
def test_other_entanglers(
    entanglement: str,
    n_qubits: int,
    cnots: list[tuple[int, int]],
    outputs: Outputs,
    rng: np.random.Generator,
) -> None:
    n_layers = 3
    router = angle_router(n_qubits, n_layers, entanglement=entanglement)
    inputs_BF, weights_W = random_point(router, rng)

    def gates(inputs_F: FloatArray, weights: FloatArray) -> None:
        for wire in range(n_qubits):
            qml.RX(inputs_F[wire], wires=wire)
        for layer in weights:
            for wire in range(n_qubits):
                qml.Rot(*layer[wire], wires=wire)
            for pair in cnots:
                qml.CNOT(wires=pair)

    expected = pennylane_values(gates, inputs_BF, weights_W.reshape(n_layers, n_qubits, 3))
    np.testing.assert_allclose(outputs(router, inputs_BF, weights_W), expected, atol=ROUNDING)
