"""The mixture, with routers whose answers are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import (
    LinearRouter,
    MixtureOfExperts,
    ProjectedRouter,
    QuantumRouter,
    linear_experts,
)


class FixedRouter(nn.Module):
    """The same weights for every input; with `n_experts` only where it is given."""

    def __init__(self, weights: list[float], n_experts: int | None = None) -> None:
        super().__init__()
        self.weights = torch.tensor(weights)
        if n_experts is not None:
            self.n_experts = n_experts

    def forward(self, inputs: Tensor) -> Tensor:
        return self.weights.expand(*inputs.shape[:-1], -1)


class NotingRouter(FixedRouter):
    def forward(self, inputs: Tensor) -> Tensor:
        self.seen = inputs
        return super().forward(inputs)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(5, 3), (3,), (2, 4, 3), (0, 3)])
def test_output_is_the_weighted_sum(shape: tuple[int, ...], seed: int) -> None:
    experts = linear_experts(3, 3, 2, generator=seeded(seed))
    mixture = MixtureOfExperts(FixedRouter([0.5, 0.3, 0.2]), experts)
    inputs = torch.randn(shape, generator=seeded(seed))
    expected = 0.5 * experts[0](inputs) + 0.3 * experts[1](inputs) + 0.2 * experts[2](inputs)
    torch.testing.assert_close(mixture(inputs), expected)
    assert mixture(inputs).shape == (*shape[:-1], 2)


def test_a_router_that_decides_picks_its_expert(seed: int) -> None:
    experts = linear_experts(2, 3, 4, generator=seeded(seed))
    inputs_BF = torch.randn((5, 3), generator=seeded(seed))
    for chosen, weights in ((0, [1.0, 0.0]), (1, [0.0, 1.0])):
        mixture = MixtureOfExperts(FixedRouter(weights), experts)
        torch.testing.assert_close(mixture(inputs_BF), experts[chosen](inputs_BF))


def test_every_sample_has_its_own_weights(seed: int) -> None:
    router = LinearRouter(3, 2, generator=seeded(seed))
    experts = linear_experts(2, 3, 4, generator=seeded(seed + 1))
    inputs_BF = torch.randn((5, 3), generator=seeded(seed))
    outputs = MixtureOfExperts(router, experts)(inputs_BF)
    for x_F, output_C in zip(inputs_BF, outputs, strict=True):
        weights_E = router(x_F)
        expected = sum(w * expert(x_F) for w, expert in zip(weights_E, experts, strict=True))
        torch.testing.assert_close(output_C, expected)


def test_experts_may_be_any_modules(seed: int) -> None:
    experts = (nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1)), nn.Linear(2, 1))
    mixture = MixtureOfExperts(FixedRouter([0.25, 0.75], n_experts=2), iter(experts))
    inputs_BF = torch.randn((4, 2), generator=seeded(seed))
    expected = 0.25 * experts[0](inputs_BF) + 0.75 * experts[1](inputs_BF)
    torch.testing.assert_close(mixture(inputs_BF), expected)


def test_gradients_reach_every_parameter_but_the_last_rz_angles(seed: int) -> None:
    router = QuantumRouter(angle_router(2, 3), 2, generator=seeded(seed))
    mixture = MixtureOfExperts(router, linear_experts(2, 2, 2, generator=seeded(seed))).double()
    inputs_BF = torch.randn((16, 2), generator=seeded(seed), dtype=torch.float64)
    targets_B = (inputs_BF.prod(-1) > 0).long()
    torch.autograd.backward(nn.functional.cross_entropy(mixture(inputs_BF), targets_B))
    gradients = {name: p.grad for name, p in mixture.named_parameters()}
    by_angle = [g for name, g in gradients.items() if g is not None and g.shape == (18,)]
    assert len(by_angle) == 1
    idle = by_angle[0].reshape(3, 2, 3).abs() < 1e-12
    assert idle[-1, :, 2].all()
    assert idle.sum() == 2
    for name, gradient in gradients.items():
        assert gradient is not None, name
        if gradient.shape != (18,):
            assert (gradient.abs() > 1e-12).all(), name


def test_experts_come_from_the_generator_alone() -> None:
    state = torch.get_rng_state()
    one, same, other = (linear_experts(2, 3, 4, generator=seeded(s)) for s in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), state)
    for a, b, c in zip(one, same, other, strict=True):
        assert isinstance(a, nn.Linear)
        assert (a.in_features, a.out_features) == (3, 4)
        for ours, again, others in zip(a.parameters(), b.parameters(), c.parameters(), strict=True):
            assert torch.equal(ours, again)
            assert not torch.equal(ours, others)
    first, second = (next(expert.parameters()) for expert in one)
    assert not torch.equal(first, second)


def test_no_experts_are_refused() -> None:
    with pytest.raises(InputError, match="at least one expert"):
        MixtureOfExperts(FixedRouter([1.0]), [])


@pytest.mark.parametrize("n_experts", [1, 3])
def test_router_and_experts_must_agree(n_experts: int) -> None:
    with pytest.raises(InputError, match=rf"2 experts.*has {n_experts}"):
        MixtureOfExperts(LinearRouter(3, 2), linear_experts(n_experts, 3, 2))


def test_projected_router_sees_the_affine_image() -> None:
    inner = NotingRouter([0.5, 0.5])
    matrix_FK = torch.tensor([[1.0, 0.0], [2.0, 1.0], [0.0, -1.0]])
    router = ProjectedRouter(inner, matrix_FK, torch.tensor([10.0, 20.0]))
    weights = router(torch.tensor([[1.0, 2.0, 3.0]]))
    torch.testing.assert_close(inner.seen, torch.tensor([[15.0, 19.0]]))
    torch.testing.assert_close(weights, torch.tensor([[0.5, 0.5]]))


def test_projection_is_kept_with_the_state_and_not_trained(seed: int) -> None:
    matrix_FK = torch.randn((4, 2), generator=seeded(seed))
    router = ProjectedRouter(LinearRouter(2, 2), matrix_FK, torch.ones(2))
    state = router.state_dict()
    assert torch.equal(state["matrix_FK"], matrix_FK)
    assert torch.equal(state["offset_K"], torch.ones(2))
    assert sum(p.numel() for p in router.parameters()) == 6
