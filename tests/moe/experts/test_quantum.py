"""Quantum experts: outputs, gradients, and the backends that they run on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch
from torch import Tensor, nn

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import amplitude_angles, amplitude_circuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import LinearRouter, MixtureOfExperts, QuantumExpert, quantum_experts


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rows(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=torch.float64)


def expert_on(backend: str, seed: int, n_features: int = 16, n_outputs: int = 2) -> nn.Module:
    (expert,) = quantum_experts(1, n_features, n_outputs, backend=backend, generator=seeded(seed))
    return expert.double()


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_sizes_are_those_of_linear_experts() -> None:
    experts = quantum_experts(3, 16, 2, generator=seeded(0))
    assert [count(expert) for expert in experts] == [24 + 10] * 3 == [count(nn.Linear(16, 2))] * 3
    assert count(MixtureOfExperts(LinearRouter(16, 3), experts)) == 153


def test_expectations_go_through_the_adapter(seed: int) -> None:
    expert = expert_on("statevector", seed, n_features=5, n_outputs=3)
    inputs_BF = rows(seed, 4, 5)
    state = {name: tensor.numpy() for name, tensor in expert.state_dict().items()}
    compiled = open_backend("statevector", engine="aer").compile(amplitude_circuit(5, 2))
    values_BO = compiled.expectations(
        amplitude_angles(inputs_BF.numpy()), state["connector.weight"]
    ).values
    expected = values_BO @ state["adapter.weight"].T + state["adapter.bias"]
    np.testing.assert_allclose(expert(inputs_BF).detach(), expected, rtol=0, atol=1e-12)


def test_the_papers_noise_is_pennylanes(seed: int) -> None:
    """Depolarizing channels on every qubit behind the embedding and at the end."""
    p, n = 0.1, 3
    expert = expert_on(f"noisy:depolarizing:{p}", seed, n_features=8)
    inputs_BF = rows(seed, 3, 8)
    state = {name: tensor.numpy() for name, tensor in expert.state_dict().items()}

    @qml.qnode(qml.device("default.mixed", wires=n))  # type: ignore[untyped-decorator]
    def node(features_F: np.ndarray) -> list[object]:
        qml.AmplitudeEmbedding(features_F, wires=range(n), normalize=True)
        for wire in range(n):
            qml.DepolarizingChannel(p, wires=wire)
        qml.StronglyEntanglingLayers(state["connector.weight"].reshape(2, n, 3), wires=range(n))
        for wire in range(n):
            qml.DepolarizingChannel(p, wires=wire)
        return [qml.expval(qml.PauliZ(wire)) for wire in range(n)]

    values_BO = np.array([node(features_F) for features_F in inputs_BF.numpy()])
    expected = values_BO @ state["adapter.weight"].T + state["adapter.bias"]
    np.testing.assert_allclose(expert(inputs_BF).detach(), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("backend", ["statevector", "noisy:depolarizing:0.05", "noisy:ibm_torino"])
def test_gradients_by_parameters_are_finite_differences(backend: str, seed: int) -> None:
    expert = expert_on(backend, seed, n_features=4)
    inputs_BF = rows(seed, 3, 4)

    def evaluate(*_: Tensor) -> Any:
        return expert(inputs_BF)

    # gradcheck moves the parameters in place.
    assert torch.autograd.gradcheck(evaluate, tuple(expert.parameters()), atol=1e-6)


def test_all_but_the_last_rz_angles_are_trained(seed: int) -> None:
    expert = expert_on("statevector", seed)
    assert isinstance(expert, QuantumExpert)
    (expert(rows(seed, 6, 16)) * rows(seed + 1, 6, 2)).sum().backward()
    gradient_W = expert.connector.weight.grad
    assert gradient_W is not None
    by_angle = gradient_W.reshape(2, 4, 3).abs()
    assert by_angle[-1, :, 2].max() < 1e-12
    assert torch.cat([by_angle[0].flatten(), by_angle[1, :, :2].flatten()]).min() > 1e-6


def test_shots_scatter_around_the_exact_value(seed: int) -> None:
    shots, n_rows = 4096, 8
    circuit = amplitude_circuit(4, 1)
    exact, sampled = (
        QuantumExpert(
            open_backend("noisy:ibm_torino", shots=s, seed=seed % 1000).compile(circuit),
            2,
            generator=seeded(seed),
        ).double()
        for s in (None, shots)
    )
    inputs_BF = rows(seed, n_rows, 4)
    difference = (exact(inputs_BF) - sampled(inputs_BF)).detach().abs().max()
    # A standard error of <Z> is at most 1 / sqrt(shots); the adapter adds two with its weights.
    # 6 standard errors: fails wrongly in one of 30 million runs with 16 values.
    reach = 6 * exact.adapter.weight.norm(dim=1).max() / shots**0.5
    assert 0 < difference < reach


@pytest.mark.parametrize("shape", [(7, 16), (16,), (3, 4, 16), (0, 16), (2, 9)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_and_types(shape: tuple[int, ...], dtype: torch.dtype, seed: int) -> None:
    expert = expert_on("statevector", seed).to(dtype)
    inputs = rows(seed, *shape).to(dtype)
    outputs = expert(inputs)
    assert outputs.shape == (*shape[:-1], 2)
    assert outputs.dtype == dtype
    if len(shape) == 3:
        torch.testing.assert_close(outputs[1, 2], expert(inputs[1, 2]))


def test_experts_share_a_circuit_and_differ_in_weights(seed: int) -> None:
    experts = quantum_experts(2, 16, 2, generator=seeded(seed))
    one, two = (e for e in experts if isinstance(e, QuantumExpert))
    assert one.connector.compiled is two.connector.compiled
    assert not torch.equal(one.connector.weight, two.connector.weight)
    again = quantum_experts(2, 16, 2, generator=seeded(seed))
    for module, same in zip(experts, again, strict=True):
        for name, tensor in module.state_dict().items():
            assert torch.equal(tensor, same.state_dict()[name])


def test_length_of_a_row_is_not_seen(seed: int) -> None:
    expert = expert_on("statevector", seed)
    inputs_BF = rows(seed, 5, 16)
    torch.testing.assert_close(expert(inputs_BF), expert(100 * inputs_BF), rtol=0, atol=1e-12)


def test_a_mixture_learns(seed: int) -> None:
    """Which of two halves of a row is longer: a quadratic form, out of reach of linear experts."""
    inputs_BF = rows(seed, 64, 4)
    labels = (inputs_BF[:, :2].norm(dim=1) > inputs_BF[:, 2:].norm(dim=1)).long()
    generator = seeded(seed)
    experts = quantum_experts(2, 4, 2, generator=generator)
    mixture = MixtureOfExperts(LinearRouter(4, 2, generator=generator), experts).double()
    optimizer = torch.optim.Adam(mixture.parameters(), lr=0.1)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(mixture(inputs_BF), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_bad_input_is_refused(seed: int) -> None:
    expert = expert_on("statevector", seed)
    with pytest.raises(InputError, match=r"4 qubits hold 9 to 16 features, got 8"):
        expert(rows(seed, 2, 8))
    with pytest.raises(InputError, match="row 1 is all zeros"):
        expert(torch.stack([torch.ones(16), torch.zeros(16)]))
    with torch.no_grad():
        assert expert(rows(seed, 2, 16).requires_grad_()).shape == (2, 2)
    for number in (0, -1, 1.5):
        with pytest.raises(InputError, match="n_experts"):
            quantum_experts(number, 16, 2)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="n_outputs"):
            quantum_experts(1, 16, number)  # type: ignore[arg-type]
