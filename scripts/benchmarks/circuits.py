"""Time Qiskit's ZZ feature map beside PennyLane, and beside our own router."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.util import find_spec

import torch
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from torch import Tensor

from benchmarks.measuring import Row, in_turns
from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.moe.torch_connector import RouterConnector, RouterNetwork

N_QUBITS, BATCH = 4, 32
# Both circuits have about 80 gates.
ANGLE_LAYERS = 5


def feature_map_router() -> RouterCircuit:
    """Return Qiskit's ZZ feature map, whose angles are products, and its real amplitudes."""
    features, ansatz = zz_feature_map(N_QUBITS), real_amplitudes(N_QUBITS)
    return RouterCircuit.from_circuit(
        features.compose(ansatz), inputs=features.parameters, weights=ansatz.parameters
    )


def connector_step(router: RouterCircuit) -> Callable[[], object]:
    """Return forward + backward through the torch module, by all weights."""
    connector = RouterConnector(RouterNetwork(open_backend("statevector").compile(router)))
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(BATCH, N_QUBITS, dtype=torch.float64, generator=generator)

    def action() -> None:
        connector.zero_grad()
        torch.autograd.backward(connector(inputs).sum())

    return action


def pennylane_step() -> Callable[[], object]:
    """Return the same circuit under PennyLane's default.qubit with backpropagation."""
    import pennylane as qml

    wires = range(N_QUBITS)

    device = qml.device("default.qubit", wires=N_QUBITS)

    @qml.qnode(device, interface="torch", diff_method="backprop")  # type: ignore[untyped-decorator]
    def circuit(inputs: Tensor, weights: Tensor) -> list[object]:
        for _ in range(2):
            for i in wires:
                qml.Hadamard(i)
                qml.PhaseShift(2 * inputs[:, i], i)
            for i in wires:
                for j in range(i + 1, N_QUBITS):
                    qml.CNOT([i, j])
                    qml.PhaseShift(2 * (math.pi - inputs[:, i]) * (math.pi - inputs[:, j]), j)
                    qml.CNOT([i, j])
        for layer in range(4):
            for i in wires:
                qml.RY(weights[layer, i], i)
            if layer < 3:
                for i in reversed(range(N_QUBITS - 1)):
                    qml.CNOT([i, i + 1])
        return [qml.expval(qml.PauliZ(i)) for i in wires]

    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(BATCH, N_QUBITS, dtype=torch.float64, generator=generator)
    weights = torch.rand(4, N_QUBITS, dtype=torch.float64, generator=generator, requires_grad=True)
    compiled = open_backend("statevector").compile(feature_map_router())
    ours = compiled.expectations(inputs.numpy(), weights.detach().reshape(-1).numpy()).values
    gap = torch.stack(tuple(circuit(inputs, weights)), dim=1).detach() - torch.from_numpy(ours)
    assert gap.abs().max() < 1e-12, "the two circuits differ"

    def action() -> None:
        weights.grad = None
        torch.autograd.backward(torch.stack(tuple(circuit(inputs, weights))).sum())

    return action


def measure_circuits() -> list[Row]:
    """Time the feature map over default.qubit, and over our own router of as many gates."""
    actions = {
        "ours": connector_step(feature_map_router()),
        "angle router": connector_step(angle_router(N_QUBITS, ANGLE_LAYERS)),
    }
    if find_spec("pennylane"):
        actions["default.qubit"] = pennylane_step()
    times = in_turns(actions, rounds=7, block=10)
    ours, angle = times.pop("ours"), times.pop("angle router")
    reference = times.get("default.qubit")
    return [
        Row(
            what="forward + backward, ZZ feature map + real amplitudes, 4 qubits, batch 32",
            ours=ours,
            unit="ms",
            peers=times,
            goal="at most 1/20 of default.qubit",
            met=None if reference is None else ours <= reference / 20,
        ),
        Row(
            what="the same over an angle router of as many gates",
            ours=ours / angle,
            unit="x",
            peers={},
            goal="at most 2.0",
            met=ours / angle <= 2.0,
        ),
    ]
