"""Amplitude embedding against Qiskit's states and PennyLane's embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pennylane as qml
import pytest
from qiskit.quantum_info import Statevector

from qmoe_qiskit.circuits import RouterCircuit, amplitude_angles, amplitude_circuit
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.typing import FloatArray

    Outputs = Callable[[RouterCircuit, FloatArray, FloatArray], FloatArray]

ROUNDING = 1e-11


def prepared(features_BF: FloatArray) -> FloatArray:
    """The states that the gates in front of the layers prepare, by Qiskit, qubit 0 first."""
    router = amplitude_circuit(features_BF.shape[1], 1)
    preparation = router.circuit.copy_empty_like()
    for step in router.circuit.data:
        if step.operation.name == "barrier":
            break
        preparation.append(step)
    states = [
        Statevector(preparation.assign_parameters(dict(zip(router.inputs, angles_A, strict=True))))
        for angles_A in amplitude_angles(features_BF)
    ]
    amplitudes = np.array([state.reverse_qargs().data for state in states])
    np.testing.assert_allclose(amplitudes.imag, 0, atol=1e-15)
    real: FloatArray = amplitudes.real
    return real


def normalized(features_BF: FloatArray, width: int) -> FloatArray:
    padded = np.zeros((len(features_BF), width))
    padded[:, : features_BF.shape[1]] = features_BF
    unit: FloatArray = padded / np.linalg.norm(padded, axis=1, keepdims=True)
    return unit


@pytest.mark.parametrize("n_features", [1, 2, 3, 4, 5, 8, 13, 16, 32])
def test_state_is_the_normalized_row(n_features: int, rng: np.random.Generator) -> None:
    features_BF = rng.normal(size=(4, n_features))
    features_BF[1, : n_features // 2] = 0  # a half without a norm
    features_BF[2] = np.eye(n_features)[-1] * -3
    features_BF[3] = np.abs(features_BF[3])
    states = prepared(features_BF)
    expected = normalized(features_BF, states.shape[1])
    np.testing.assert_allclose(states, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_scale_of_a_row_changes_nothing(scale: float, rng: np.random.Generator) -> None:
    features_BF = rng.normal(size=(3, 16))
    expected = amplitude_angles(features_BF)
    np.testing.assert_allclose(amplitude_angles(scale * features_BF), expected, atol=1e-12)


@pytest.mark.parametrize(("n_features", "n_layers"), [(2, 1), (4, 3), (7, 2), (16, 1), (16, 2)])
def test_outputs_are_those_of_amplitude_embedding_and_strongly_entangling_layers(
    n_features: int, n_layers: int, outputs: Outputs, rng: np.random.Generator
) -> None:
    router = amplitude_circuit(n_features, n_layers)
    n = router.n_qubits
    features_BF = rng.normal(size=(3, n_features))
    weights_W = rng.uniform(-4, 4, router.n_weights)

    @qml.qnode(qml.device("default.qubit", wires=n))  # type: ignore[untyped-decorator]
    def node(features_F: FloatArray) -> list[object]:
        qml.AmplitudeEmbedding(features_F, wires=range(n), pad_with=0.0, normalize=True)
        qml.StronglyEntanglingLayers(weights_W.reshape(n_layers, n, 3), wires=range(n))
        return [qml.expval(qml.PauliZ(wire)) for wire in range(n)]

    expected = np.array([node(features_F) for features_F in features_BF])
    values = outputs(router, amplitude_angles(features_BF), weights_W)
    np.testing.assert_allclose(values, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize(("n_features", "n_qubits"), [(1, 1), (2, 1), (3, 2), (16, 4), (17, 5)])
def test_gates_and_angles_are_as_many_as_stated(n_features: int, n_qubits: int) -> None:
    router = amplitude_circuit(n_features, 2)
    assert router.n_qubits == n_qubits
    assert router.n_inputs == 2**n_qubits - 1
    assert router.n_weights == 2 * n_qubits * 3
    assert router.circuit.count_ops().get("cz", 0) == 2**n_qubits - n_qubits - 1
    assert amplitude_angles(np.ones((0, n_features))).shape == (0, router.n_inputs)


def test_outputs_are_quadratic_forms_in_the_features(
    outputs: Outputs, rng: np.random.Generator
) -> None:
    """So that products of two features are the control that contains the circuit."""
    router = amplitude_circuit(4, 3)
    features_BF = normalized(rng.normal(size=(40, 4)), 4)
    values_BO = outputs(router, amplitude_angles(features_BF), rng.uniform(-4, 4, router.n_weights))
    rows, columns = np.triu_indices(4)
    products_BP = features_BF[:, rows] * features_BF[:, columns]
    fitted, *_ = np.linalg.lstsq(products_BP[:20], values_BO[:20])
    np.testing.assert_allclose(products_BP[20:] @ fitted, values_BO[20:], rtol=0, atol=1e-10)


def test_a_row_of_zeros_has_no_direction() -> None:
    with pytest.raises(InputError, match=r"row 1 is all zeros.*constant feature"):
        amplitude_angles(np.array([[1.0, 0], [0, 0]]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_must_be_finite(value: float) -> None:
    with pytest.raises(InputError, match=r"feature 2 of row 1 is -?(nan|inf)"):
        amplitude_angles(np.array([[1.0, 0, 0], [0, 0, value]]))


def test_impossible_settings_are_refused() -> None:
    for count in (0, -1, 1.5, True):
        with pytest.raises(InputError, match="n_features"):
            amplitude_circuit(count, 1)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="n_layers"):
            amplitude_circuit(4, count)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"at most 1024 features, got 1025"):
        amplitude_circuit(1025, 1)
    with pytest.raises(InputError, match=r"unknown entanglement 'rong'.*did you mean"):
        amplitude_circuit(4, 1, entanglement="rong")
