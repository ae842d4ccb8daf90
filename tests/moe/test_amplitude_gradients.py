"""Derivatives of amplitude embedding by its features, against PennyLane and finite differences."""

from __future__ import annotations

import numpy as np
import pennylane as qml
import pytest
import torch
from torch import Tensor, nn

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import amplitude_angles, amplitude_circuit
from qmoe_qiskit.moe import QuantumExpert
from qmoe_qiskit.moe.amplitude_operator import angles_of, embedded_values
from qmoe_qiskit.moe.torch_connector import RouterConnector

# Rows where angles have derivatives, and where they have none: a zero alone beside another feature,
# a pair, half a row, and one feature only.
ROWS = {
    "no zeros": [0.3, -0.7, 1.1, 0.2, -0.4, -0.9, 0.5, 0.8],
    "single zeros": [0.0, -0.7, 1.1, 0.0, -0.4, 0.0, 0.0, -0.8],
    "a pair": [0.3, -0.7, 0.0, 0.0, -0.4, -0.9, 0.5, 0.8],
    "the first pair": [0.0, 0.0, -1.1, 0.2, -0.4, -0.9, 0.5, 0.8],
    "the first half": [0.0, 0.0, 0.0, 0.0, -0.4, 0.9, 0.5, -0.8],
    "the last half and a pair": [-0.3, 0.7, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    "all but one": [0.0, 0.0, 0.0, 0.0, 0.0, -2.0, 0.0, 0.0],
    "padded": [0.3, -0.7, 0.0, 0.0, -0.4],
    "tiny and huge": [3e-160, -7e-160, 0.0, 0.0, 4e-160, 1e-160, 5e-160, 1e-160],
}


def connector_of(n_features: int, seed: int, backend: str = "statevector") -> RouterConnector:
    compiled = open_backend(backend).compile(amplitude_circuit(n_features, 2))
    generator = torch.Generator().manual_seed(seed)
    connector = RouterConnector.with_random_angles(compiled, generator)
    return connector.double()


def jacobian_of(connector: RouterConnector, row_F: list[float]) -> Tensor:
    """The derivative of every value by every feature, (O, F), by torch's backward sweeps."""
    features_1F = torch.tensor([row_F], dtype=torch.float64, requires_grad=True)
    values_O = embedded_values(connector, features_1F)[0]
    rows = [torch.autograd.grad(v, features_1F, retain_graph=True)[0][0] for v in values_O]
    return torch.stack(rows)


@pytest.mark.parametrize("name", ROWS)
def test_by_features_as_pennylane(name: str, seed: int) -> None:
    row_F = ROWS[name]
    scale = max(map(abs, row_F))  # the derivative is of degree -1 in the features
    connector, n_wires = connector_of(len(row_F), seed), 3
    weights = connector.weight.detach().numpy().reshape(2, n_wires, 3)

    @qml.qnode(qml.device("default.qubit", wires=n_wires), interface="torch")  # type: ignore[untyped-decorator]
    def node(features_F: Tensor) -> list[object]:
        # Normalized in torch, which PennyLane differentiates.
        unit_F = features_F / features_F.norm()
        qml.AmplitudeEmbedding(unit_F, wires=range(n_wires), pad_with=0.0)
        qml.StronglyEntanglingLayers(weights, wires=range(n_wires))
        return [qml.expval(qml.PauliZ(wire)) for wire in range(n_wires)]

    unit_F = torch.tensor(row_F, dtype=torch.float64) / scale
    expected_OF = torch.autograd.functional.jacobian(lambda x: torch.stack(node(x)), unit_F)
    torch.testing.assert_close(
        scale * jacobian_of(connector, row_F), expected_OF, atol=1e-12, rtol=0
    )


@pytest.mark.parametrize("name", ["single zeros", "a pair", "the first half"])
def test_finite_differences_under_noise(name: str, seed: int) -> None:
    """Noise between the preparing gates makes no difference where no block is all zeros."""
    row_F = ROWS[name]
    connector = connector_of(8, seed, "noisy:depolarizing:0.05")
    step = 1e-5
    differences = []
    for feature in range(8):
        up, down = (np.array(row_F) + sign * step * np.eye(8)[feature] for sign in (1, -1))
        values = [
            connector(torch.from_numpy(amplitude_angles(x[None])))[0].detach() for x in (up, down)
        ]
        differences.append((values[0] - values[1]) / (2 * step))
    expected_OF = torch.stack(differences, dim=1)
    # The error of central differences, step^2, and of rounding, 1e-15 / step.
    torch.testing.assert_close(jacobian_of(connector, row_F), expected_OF, atol=1e-8, rtol=0)


def test_values_and_weights_do_not_depend_on_whether_features_do(seed: int) -> None:
    connector = connector_of(8, seed)
    features_BF = torch.tensor([ROWS["a pair"], ROWS["all but one"]], dtype=torch.float64)
    gradients, values = [], []
    for wanted in (False, True):
        connector.zero_grad()
        x_BF = features_BF.clone().requires_grad_(wanted)
        values_BO = embedded_values(connector, x_BF)
        values_BO.sum().backward()
        values.append(values_BO.detach())
        assert connector.weight.grad is not None
        gradients.append(connector.weight.grad.clone())
    torch.testing.assert_close(*values, atol=1e-13, rtol=0)
    torch.testing.assert_close(*gradients, atol=1e-13, rtol=0)


# torch's forward mode loads its decompositions, which it scripts.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_transforms_of_torch(seed: int) -> None:
    connector = connector_of(8, seed)
    row_F = torch.tensor(ROWS["single zeros"], dtype=torch.float64)
    by_transform = torch.func.jacrev(lambda x: embedded_values(connector, x[None])[0])(row_F)
    torch.testing.assert_close(by_transform, jacobian_of(connector, row_F.tolist()))
    torch.testing.assert_close(
        torch.func.jacfwd(lambda x: angles_of(x[None])[0])(row_F),
        torch.func.jacrev(lambda x: angles_of(x[None])[0])(row_F),
    )


def test_a_layer_before_a_quantum_expert_is_trained(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    compiled = open_backend("statevector").compile(amplitude_circuit(4, 1))
    model = nn.Sequential(nn.Linear(3, 4), QuantumExpert(compiled, 1, generator=generator)).double()
    inputs = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda weight: torch.func.functional_call(model, {"0.weight": weight}, inputs).squeeze(),
        (model[0].weight.detach().requires_grad_(),),
    )
