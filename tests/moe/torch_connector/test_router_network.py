"""The network as qiskit-machine-learning sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit_machine_learning.neural_networks import NeuralNetwork

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.torch_connector import RouterNetwork

if TYPE_CHECKING:
    from collections.abc import Callable


def test_sizes_are_the_circuits(network: RouterNetwork) -> None:
    assert isinstance(network, NeuralNetwork)
    assert (network.num_inputs, network.num_weights) == (2, 18)
    assert network.output_shape == (2,)
    assert not network.sparse


def test_forward_and_backward_are_the_compiled_routers(
    network: RouterNetwork, rng: np.random.Generator
) -> None:
    inputs_BF, weights_W = rng.normal(size=(3, 2)), rng.normal(size=18)
    values = network.compiled.expectations(inputs_BF, weights_W).values
    np.testing.assert_array_equal(network.forward(inputs_BF, weights_W), values)
    expected = network.compiled.jacobian(inputs_BF, weights_W)
    for actual, wanted in zip(network.backward(inputs_BF, weights_W), expected, strict=True):
        np.testing.assert_allclose(np.asarray(actual), wanted, rtol=0, atol=1e-14)


def test_one_sample_may_come_without_a_batch(network: RouterNetwork) -> None:
    sample_F, weights_W = np.array([0.3, 0.4]), np.linspace(-1, 1, 18)
    np.testing.assert_array_equal(
        network.forward(sample_F, weights_W), network.forward(sample_F[None], weights_W)
    )


def test_input_gradients_can_be_left_out(paper_router: RouterCircuit) -> None:
    compiled = open_backend("statevector").compile(paper_router)
    network = RouterNetwork(compiled, input_gradients=False)
    d_inputs, d_weights = network.backward(np.zeros((3, 2)), np.zeros(18))
    assert d_inputs is None
    assert np.asarray(d_weights).shape == (3, 2, 18)


def test_wrong_lengths_are_refused(network: RouterNetwork) -> None:
    with pytest.raises((InputError, ValueError), match=r"\b17\b"):
        network.forward(np.zeros((1, 2)), np.zeros(17))


def test_circuit_without_weights(network_of: Callable[[RouterCircuit], RouterNetwork]) -> None:
    x = ParameterVector("x", 1)
    circuit = QuantumCircuit(1)
    circuit.rx(x[0], 0)
    network = network_of(
        RouterCircuit(
            circuit=circuit,
            inputs=x,
            weights=ParameterVector("w", 0),
            observables=(SparsePauliOp("Z"),),
        )
    )
    inputs_BF = np.array([[0.3]])
    np.testing.assert_allclose(network.forward(inputs_BF, None), [[np.cos(0.3)]])
    d_inputs, _ = network.backward(inputs_BF, None)
    np.testing.assert_allclose(np.asarray(d_inputs), [[[-np.sin(0.3)]]])


def test_circuit_without_inputs(network_of: Callable[[RouterCircuit], RouterNetwork]) -> None:
    w = ParameterVector("w", 1)
    circuit = QuantumCircuit(1)
    circuit.ry(w[0], 0)
    network = network_of(
        RouterCircuit(
            circuit=circuit,
            inputs=ParameterVector("x", 0),
            weights=w,
            observables=(SparsePauliOp("Z"),),
        )
    )
    weights_W = np.array([0.3])
    np.testing.assert_allclose(network.forward(None, weights_W), [[np.cos(0.3)]])
    _, d_weights = network.backward(None, weights_W)
    np.testing.assert_allclose(np.asarray(d_weights), [[[-np.sin(0.3)]]])


def test_any_compiled_router_will_do(paper_router: RouterCircuit) -> None:
    other = open_backend("statevector", engine="aer").compile(angle_router(2, 1))
    assert RouterNetwork(other).num_weights == 6
    exact = open_backend("statevector").compile(paper_router)
    assert RouterNetwork(exact).num_weights == 18
