"""A mixture over probabilities, against torch's distributions and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from qiskit.quantum_info import Operator, Statevector
from torch import Tensor, nn
from torch.distributions import Categorical, MixtureSameFamily

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.circuits.angle import expert_projectors
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import LinearRouter, MixtureOfExperts, QuantumRouter, linear_experts


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sampled(router: nn.Module, n_classes: int, seed: int) -> MixtureOfExperts:
    experts = linear_experts(router.n_experts, 2, n_classes, generator=seeded(seed))
    return MixtureOfExperts(router, experts, routing="sampled").double()


@pytest.mark.parametrize(("n_qubits", "n_experts"), [(1, 2), (2, 2), (2, 3), (3, 4), (3, 5)])
def test_projectors_give_every_basis_state_to_one_expert(n_qubits: int, n_experts: int) -> None:
    projectors = expert_projectors(n_qubits, n_experts)
    for expert, projector in enumerate(projectors):
        matrix = np.diag([float(i % n_experts == expert) for i in range(2**n_qubits)])
        np.testing.assert_allclose(Operator(projector).data, matrix, atol=1e-15)


@pytest.mark.parametrize("n_experts", [2, 3, 4])
def test_weights_are_the_probabilities_of_bit_strings(n_experts: int, seed: int) -> None:
    circuit = angle_router(2, 2)
    router = QuantumRouter(
        circuit, n_experts, readout="probabilities", routing="sampled", generator=seeded(seed)
    )
    inputs_BF = torch.rand((5, 2), generator=seeded(seed), dtype=torch.float64)
    angles_W = router.connector.weight.detach().double().numpy()
    weights_BE = router.double()(inputs_BF).detach().numpy()
    for row_F, weights_E in zip(inputs_BF.numpy(), weights_BE, strict=True):
        probabilities_S = Statevector(circuit.bind(row_F, angles_W)).probabilities()
        expected_E = [probabilities_S[e::n_experts].sum() for e in range(n_experts)]
        np.testing.assert_allclose(weights_E, expected_E, atol=1e-12)


@pytest.mark.parametrize("quantum", [True, False])
def test_the_loss_is_the_likelihood_of_a_drawn_expert(quantum: bool, seed: int) -> None:
    router = (
        QuantumRouter(angle_router(2, 1), 3, readout="probabilities", routing="sampled")
        if quantum
        else LinearRouter(2, 3, generator=seeded(seed))
    )
    mixture = sampled(router, 4, seed)
    inputs_BF = torch.rand((6, 2), generator=seeded(seed), dtype=torch.float64)
    labels_B = torch.arange(6) % 4
    loss = nn.CrossEntropyLoss()(mixture(inputs_BF), labels_B)
    expected = MixtureSameFamily(
        Categorical(probs=mixture.router(inputs_BF).detach()),
        Categorical(logits=mixture.expert_outputs(inputs_BF)),
    )
    torch.testing.assert_close(loss, -expected.log_prob(labels_B).mean(), rtol=1e-12, atol=0.0)
    torch.testing.assert_close(
        mixture(inputs_BF).exp().sum(-1), torch.ones(6, dtype=torch.float64), rtol=0.0, atol=1e-14
    )
    parameters = list(mixture.parameters())
    gradients = torch.autograd.grad(loss, parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        slopes = finite_differences(mixture, parameter, inputs_BF, labels_B)
        torch.testing.assert_close(gradient, slopes, rtol=0.0, atol=1e-8)


def finite_differences(
    mixture: MixtureOfExperts, parameter: nn.Parameter, inputs_BF: Tensor, labels_B: Tensor
) -> Tensor:
    step, slopes = 1e-5, torch.zeros_like(parameter)
    with torch.no_grad():
        for index in range(parameter.numel()):
            ends = []
            for shift in (step, -2 * step):
                parameter.view(-1)[index] += shift
                ends.append(nn.CrossEntropyLoss()(mixture(inputs_BF), labels_B))
            parameter.view(-1)[index] += step
            slopes.view(-1)[index] = (ends[0] - ends[1]) / (2 * step)
    return slopes


def test_an_expert_without_weight_keeps_its_gradient() -> None:
    """No shot chose it, and yet it may be the better one."""
    mixture = MixtureOfExperts(nn.Identity(), linear_experts(2, 2, 2), routing="sampled")
    weights_BE = torch.tensor([[1.0, 0.0]], requires_grad=True)
    logits_BEC = torch.tensor([[[0.0, 300.0], [300.0, 0.0]]], dtype=torch.float64)
    mixed_BC = mixture.combine(weights_BE.double(), logits_BEC)
    assert mixed_BC.isfinite().all()
    (gradient_BE,) = torch.autograd.grad(mixed_BC[0, 0], weights_BE)
    assert gradient_BE[0, 1] > 0
    router = QuantumRouter(angle_router(2, 1), 2, readout="probabilities", routing="sampled")
    values_BO = torch.tensor([[1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    weights_BE = router.weights_of(values_BO)
    (gradient_BO,) = torch.autograd.grad(weights_BE[0, 1], values_BO)
    assert gradient_BO.tolist() == [[0.0, 1.0]]


def test_rounding_below_zero_gives_no_negative_weight() -> None:
    router = QuantumRouter(angle_router(2, 1), 2, readout="probabilities", routing="sampled")
    weights_BE = router.weights_of(torch.tensor([[1.0, -1e-17]], dtype=torch.float64))
    assert (weights_BE >= 0).all()


def test_noise_is_part_of_the_weights() -> None:
    """A wrong outcome is a wrong expert."""
    backend = open_backend("noisy:readout:0.1", seed=0)
    ideal, noisy = (
        QuantumRouter(
            angle_router(2, 1),
            2,
            where,
            readout="probabilities",
            routing="sampled",
            generator=seeded(0),
        ).double()
        for where in ("statevector", backend)
    )
    inputs_BF = torch.rand((4, 2), generator=seeded(1), dtype=torch.float64)
    exact_BE = ideal(inputs_BF)
    torch.testing.assert_close(noisy(inputs_BF), 0.9 * exact_BE + 0.1 * exact_BE.flip(-1))


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="readout 'expectations' has no bit string"):
        QuantumRouter(angle_router(2, 1), 2, routing="sampled")
    with pytest.raises(
        InputError, match="unknown routing 'drawn': known are sampled, straight-through, weighted"
    ):
        MixtureOfExperts(LinearRouter(2, 2), linear_experts(2, 2, 2), routing="drawn")
