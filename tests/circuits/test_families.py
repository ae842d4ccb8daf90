"""The families of circuits, against Qiskit's library, its operators, PennyLane and Aer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pennylane as qml
import pytest
from qiskit.circuit.library import zz_feature_map
from qiskit.quantum_info import Statevector

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.noisy.backend import NoisyBackend
from qmoe_qiskit.circuits import CIRCUITS, CircuitSettings, RouterCircuit, build_circuit, zz_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.typing import FloatArray

# Two float64 simulators over at most 100 gates.
ROUNDING = 1e-11


def built(family: str, **settings: Any) -> RouterCircuit:
    return build_circuit(family, CircuitSettings(**{"n_inputs": 3, "n_layers": 2, **settings}))


def point(router: RouterCircuit, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    return rng.uniform(-2, 2, (2, router.n_inputs)), rng.uniform(-3, 3, router.n_weights)


def values_by_qiskit(router: RouterCircuit, x_F: FloatArray, w_W: FloatArray) -> FloatArray:
    state = Statevector(router.bind(x_F, w_W))
    return np.array([state.expectation_value(one).real for one in router.observables])


@pytest.mark.parametrize("reuploads", [1, 2])
@pytest.mark.parametrize("family", ["angle", "zz"])
def test_derivatives_with_scaled_inputs(
    family: str, reuploads: int, rng: np.random.Generator
) -> None:
    """By inputs and by factors of inputs, against finite differences of Qiskit's states."""
    router = built(family, input_scaling=True, reuploads=reuploads)
    assert router.n_weights == 18 * reuploads + 3 * reuploads
    inputs_BF, weights_W = point(router, rng)
    by_inputs_BOF, by_weights_BOW = (
        open_backend("statevector").compile(router).jacobian(inputs_BF, weights_W)
    )
    step, x_F = 1e-5, inputs_BF[0]

    def difference(k: int) -> FloatArray:
        both = np.concatenate([x_F, weights_W])
        up, down = (both + sign * step * np.eye(len(both))[k] for sign in (1, -1))
        there = [values_by_qiskit(router, one[:3], one[3:]) for one in (up, down)]
        return (there[0] - there[1]) / (2 * step)

    # step^2 times third derivatives, which angles of up to 2 (pi + 6)^2 make large.
    tolerance = {"angle": 1e-8, "zz": 2e-5}[family]
    for k in range(3):
        np.testing.assert_allclose(by_inputs_BOF[0, :, k], difference(k), atol=tolerance)
    for k in (0, 4, *range(router.n_weights - 3 * reuploads, router.n_weights)):
        np.testing.assert_allclose(by_weights_BOW[0, :, k], difference(3 + k), atol=tolerance)


def test_scaled_inputs_as_pennylane(rng: np.random.Generator) -> None:
    router = built("angle", input_scaling=True)
    inputs_BF, weights_W = point(router, rng)
    tensor, scalings = weights_W[:18].reshape(2, 3, 3), weights_W[18:]

    @qml.qnode(qml.device("default.qubit", wires=3))  # type: ignore[untyped-decorator]
    def node(x_F: FloatArray) -> list[object]:
        qml.AngleEmbedding(scalings * x_F, wires=range(3))
        qml.StronglyEntanglingLayers(tensor, wires=range(3))
        return [qml.expval(qml.PauliZ(wire)) for wire in range(3)]

    ours = open_backend("statevector").compile(router).expectations(inputs_BF, weights_W).values
    np.testing.assert_allclose(ours, [node(x_F) for x_F in inputs_BF], atol=ROUNDING)


@pytest.mark.parametrize("n_features", [2, 4])
def test_zz_prepares_the_states_of_qiskits_feature_map(
    n_features: int, rng: np.random.Generator
) -> None:
    router = zz_router(n_features, 1, entanglement="none")
    x_F = rng.uniform(-2, 2, n_features)
    state = Statevector(router.bind(x_F, np.zeros(router.n_weights)))
    library = zz_feature_map(n_features, reps=1, entanglement="linear")
    assert state.equiv(Statevector(library.assign_parameters(x_F)))


@pytest.mark.parametrize("family", CIRCUITS.names)
@pytest.mark.parametrize("noise", ["depolarizing:0.05", "ibmq_manila"])
def test_every_family_under_noise_as_aer(family: str, noise: str, rng: np.random.Generator) -> None:
    """Compiling compares a probe point with Aer's density matrix; shots of Aer agree as well."""
    scaled = family != "amplitude"
    router = built(family, n_layers=1, input_scaling=scaled)
    inputs_BF, weights_W = point(router, rng)
    exact = open_backend(f"noisy:{noise}", seed=1).compile(router)
    values_BO = exact.expectations(inputs_BF, weights_W).values
    sampled = open_backend(f"noisy:{noise}", shots=4000, seed=1).compile(router)
    drawn = sampled.expectations(inputs_BF, weights_W)
    # Six numbers within 5 standard errors: fails by chance once in 300 000.
    gap = np.abs(drawn.values - values_BO) / np.maximum(drawn.std_errors, 1e-3)
    assert gap.max() < 5
    ideal_BO = open_backend("statevector").compile(router).expectations(inputs_BF, weights_W).values
    assert np.abs(values_BO - ideal_BO).max() > 1e-3  # the noise is there


@pytest.mark.parametrize(
    ("family", "settings", "message"),
    [
        ("zz", {"rotation": "y"}, "rotation='y' would have no effect on circuit 'zz'"),
        ("amplitude", {"reuploads": 2}, "reuploads=2 would have no effect"),
        ("amplitude", {"input_scaling": True}, "input_scaling=True would have no effect"),
        ("hardware-efficient", {"entanglement": "ring"}, "follows the device"),
        ("angle", {"entanglement": "device"}, "is for circuit 'hardware-efficient', not 'angle'"),
        ("zz", {"mirrored": True, "n_layers": 3}, "n_layers=3: .* must be even"),
        ("zz", {"n_layers": 0}, "n_layers must be"),
        ("zz", {"entanglement": "full"}, "unknown entanglement 'full'"),
        ("angle", {"n_layers": 2000}, "at most 5000 are accepted"),
        ("tree", {}, "unknown circuit 'tree': known are amplitude, angle, hardware-efficient, zz"),
    ],
)
def test_bad_input(family: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        built(family, **settings)


def test_too_many_qubits_are_refused_with_the_limit() -> None:
    with pytest.raises(InputError, match="31 qubits: the statevector backend takes at most 30"):
        open_backend("statevector").compile(built("zz", n_inputs=31, n_layers=1))
    assert isinstance(open_backend("noisy:depolarizing:0.1"), NoisyBackend)
    with pytest.raises(InputError, match="12 qubits"):
        open_backend("noisy:depolarizing:0.1").compile(built("zz", n_inputs=12, n_layers=1))
