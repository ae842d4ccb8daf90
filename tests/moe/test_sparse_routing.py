"""Top-k routing, against loops over rows and against torch's own derivatives."""

from __future__ import annotations

import copy
import math
from collections import Counter
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.utils.checkpoint import checkpoint

from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import (
    FourierRouter,
    LinearRouter,
    MixtureOfExperts,
    MLPRouter,
    ProjectedRouter,
    QuantumRouter,
    build_experts,
    linear_experts,
)
from qmoe_qiskit.moe.routers.logits import logits_of

N_EXPERTS = 5


class Given(nn.Module):
    """A router whose weights are its inputs."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs


class Counting(nn.Module):
    """An expert that notes how many rows it gets, and returns them times a number."""

    def __init__(self, factor: float, n_outputs: int = 1) -> None:
        super().__init__()
        self.factor, self.n_outputs = factor, n_outputs
        self.calls: list[int] = []

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls.append(len(inputs))
        return self.factor * inputs.new_ones(*inputs.shape[:-1], self.n_outputs)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=dtype)


def mixture(seed: int, top_k: int | None, **settings: Any) -> MixtureOfExperts:
    generator = seeded(seed)
    router = LinearRouter(3, N_EXPERTS, generator=generator)
    experts = build_experts("mlp:4", N_EXPERTS, 3, 2, generator=generator)
    return MixtureOfExperts(router, experts, top_k=top_k, **settings).double()


def row_by_row(module: MixtureOfExperts, inputs_NF: Tensor, top_k: int) -> Tensor:
    """The outputs by a loop over rows and experts."""
    rows = []
    for x_F in inputs_NF:
        weights_E = module.router(x_F)
        largest = weights_E.tolist()
        best = sorted(range(N_EXPERTS), key=lambda e: -largest[e])[:top_k]
        total = sum(weights_E[e] for e in best) if top_k > 1 else 1.0
        rows.append(sum(weights_E[e] / total * module.experts[e](x_F) for e in best))
    return torch.stack(rows)


def gradients(module: nn.Module, values: Tensor) -> list[Tensor]:
    found = torch.autograd.grad(
        values.square().sum(), list(module.parameters()), allow_unused=True, retain_graph=True
    )
    pairs = zip(found, module.parameters(), strict=True)
    return [torch.zeros_like(p) if g is None else g for g, p in pairs]


def assert_same(module: nn.Module, actual: Tensor, wanted: Tensor, atol: float = 1e-13) -> None:
    torch.testing.assert_close(actual, wanted, rtol=0, atol=atol)
    for one, other in zip(gradients(module, actual), gradients(module, wanted), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=20 * atol)


@pytest.mark.parametrize("top_k", range(1, N_EXPERTS + 1))
def test_is_the_loop_over_rows(top_k: int, seed: int) -> None:
    module, inputs_NF = mixture(seed, top_k), draw(seed, 11, 3)
    assert_same(module, module(inputs_NF), row_by_row(module, inputs_NF, top_k))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_experts_are_the_dense_mixture(dtype: torch.dtype, seed: int) -> None:
    module = mixture(seed, N_EXPERTS).to(dtype)
    dense = MixtureOfExperts(module.router, module.experts)
    inputs_NF = draw(seed, 40, 3, dtype=dtype)
    assert_same(dense, module(inputs_NF), dense(inputs_NF), 1e-6 if dtype.itemsize == 4 else 1e-14)


@pytest.mark.parametrize("shape", [(3,), (0, 3), (2, 4, 3), (2, 0, 3)])
def test_leading_dimensions(shape: tuple[int, ...], seed: int) -> None:
    module, inputs = mixture(seed, 2), draw(seed, *shape)
    values = module(inputs)
    assert values.shape == (*shape[:-1], 2)
    flat = module(inputs.reshape(-1, 3)) if inputs.numel() else values.reshape(-1, 2)
    torch.testing.assert_close(values.reshape(-1, 2), flat, rtol=0, atol=1e-14)


def test_only_the_chosen_experts_run_and_each_once() -> None:
    weights_NE = torch.tensor([[0.6, 0.3, 0.1, 0.0], [0.1, 0.7, 0.2, 0.0], [0.5, 0.4, 0.1, 0.0]])
    experts = [Counting(1.0), Counting(2.0), Counting(4.0), Counting(8.0)]
    module = MixtureOfExperts(Given(), experts, top_k=2)
    values = module(weights_NE)
    assert [expert.calls for expert in experts] == [[2], [3], [1], []]
    wanted = [(0.6 + 2 * 0.3) / 0.9, (2 * 0.7 + 4 * 0.2) / 0.9, (0.5 + 2 * 0.4) / 0.9]
    np.testing.assert_allclose(values[:, 0], wanted, rtol=1e-6)


def test_one_expert_leaves_the_router_its_gradient(seed: int) -> None:
    module = mixture(seed, 1)
    slopes = gradients(module.router, module(draw(seed, 8, 3)))
    assert max(slope.abs().max() for slope in slopes) > 1e-3


def test_gradient_by_finite_differences(seed: int) -> None:
    module, inputs_NF = mixture(seed, 2), draw(seed, 6, 3).requires_grad_()
    best = module.router(inputs_NF).topk(3).values
    assert (best[:, 1] - best[:, 2]).min() > 1e-3  # far from another choice
    assert torch.autograd.gradcheck(module, inputs_NF)


# Capacity


def test_capacity_by_a_loop(rng: np.random.Generator) -> None:
    weights_NE = rng.dirichlet(np.ones(4), size=12)
    experts = [Counting(10.0**e) for e in range(4)]
    module = MixtureOfExperts(Given(), experts, top_k=2, capacity_factor=0.5)
    room = math.ceil(0.5 * 2 * 12 / 4)
    wanted_N, chosen = np.zeros(12), np.argsort(-weights_NE, axis=1)[:, :2]
    for e in range(4):
        rows = [n for n in range(12) if e in chosen[n]]
        for n in sorted(rows, key=lambda n: -weights_NE[n, e])[:room]:
            wanted_N[n] += 10.0**e * weights_NE[n, e] / weights_NE[n, chosen[n]].sum()
    values = module(torch.from_numpy(weights_NE))[:, 0]
    np.testing.assert_allclose(values, wanted_N, rtol=1e-12)
    assert all(sum(expert.calls) <= room for expert in experts)
    assert (wanted_N == 0).any()  # dropped by both


def test_evaluation_drops_no_row(seed: int) -> None:
    inputs_NF = draw(seed, 30, 3)
    limited, free = mixture(seed, 2, capacity_factor=0.3), mixture(seed, 2)
    assert not torch.equal(limited(inputs_NF), free(inputs_NF))
    assert torch.equal(limited.eval()(inputs_NF), free.eval()(inputs_NF))


def test_of_equal_rows_the_first_stay() -> None:
    module = MixtureOfExperts(Given(), linear_experts(2, 2, 1), top_k=1, capacity_factor=0.5)
    runs_NE = module.route(torch.tensor([[1.0, 0.0]] * 8)).runs_BE
    assert runs_NE[:, 0].tolist() == [True, True] + 6 * [False]


# Noise, draws and bias


def test_noise_is_added_to_logits_in_training_alone(seed: int) -> None:
    module, inputs_NF = mixture(seed, 2, router_noise=0.7), draw(seed, 20, 3)
    torch.manual_seed(seed)
    routing = module.route(inputs_NF)
    torch.manual_seed(seed)
    logits_NE = module.router.logits(inputs_NF)
    noisy_NE = logits_NE + 0.7 * torch.randn_like(logits_NE)
    torch.testing.assert_close(routing.weights_BE, noisy_NE.softmax(-1), rtol=0, atol=1e-14)
    assert torch.equal(module.eval()(inputs_NF), mixture(seed, 2)(inputs_NF))


def test_draws_have_the_probabilities_of_the_weights(seed: int) -> None:
    weights_E = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)
    module = MixtureOfExperts(
        Given(), linear_experts(4, 4, 1), routing="straight-through", top_k=2
    ).double()
    torch.manual_seed(seed)
    count = 20_000
    chosen_NE = module.route(weights_E.expand(count, -1)).chosen_BE
    counts = Counter(tuple(row) for row in chosen_NE.nonzero()[:, 1].reshape(-1, 2).tolist())
    # One after the other without replacement; five standard deviations fail once in 10^6.
    for (a, b), seen in counts.items():
        p, q = float(weights_E[a]), float(weights_E[b])
        probability = p * q / (1 - p) + q * p / (1 - q)
        spread = math.sqrt(count * probability * (1 - probability))
        assert abs(seen - count * probability) < 5 * spread
    assert len(counts) == 6


@pytest.mark.parametrize("top_k", [1, 2])
def test_straight_through_counts_fully_and_differentiates_softly(top_k: int, seed: int) -> None:
    module = mixture(seed, top_k, routing="straight-through")
    inputs_NF = draw(seed, 9, 3)
    torch.manual_seed(seed)
    routing = module.route(inputs_NF)
    gates_NE = routing.gates_BE
    torch.testing.assert_close(gates_NE.sum(-1), torch.ones(9).double())
    assert ((gates_NE > 0) == routing.chosen_BE).all()
    if top_k == 1:
        assert set(gates_NE.flatten().tolist()) <= {0.0, 1.0}
    direction_NE = draw(seed + 1, 9, N_EXPERTS)
    soft = (module.router(inputs_NF) * routing.chosen_BE * direction_NE).sum()
    for actual, wanted in zip(
        torch.autograd.grad((gates_NE * direction_NE).sum(), list(module.router.parameters())),
        torch.autograd.grad(soft, list(module.router.parameters())),
        strict=True,
    ):
        torch.testing.assert_close(actual, wanted)
    module.eval()
    assert torch.equal(module(inputs_NF), module(inputs_NF))
    best_NE = module.router(inputs_NF).topk(top_k).indices
    assert module.route(inputs_NF).chosen_BE.gather(1, best_NE).all()


def test_the_bias_decides_the_choice_and_no_weight(seed: int) -> None:
    module, inputs_NF = mixture(seed, 2), draw(seed, 8, 3)
    module.expert_bias_E[3] = 2.0  # more than any difference of weights
    routing = module.route(inputs_NF)
    assert routing.chosen_BE[:, 3].all()
    weights_NE = module.router(inputs_NF)
    kept_NE = weights_NE * routing.chosen_BE
    torch.testing.assert_close(routing.gates_BE, kept_NE / kept_NE.sum(-1, keepdim=True))
    other = mixture(seed + 1, 2)
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(inputs_NF), module(inputs_NF))


def test_the_bias_rises_for_experts_with_little_load(seed: int) -> None:
    module = mixture(seed, 2)
    module.adjust_expert_bias(torch.tensor([8.0, 4, 4, 4, 0]), 0.01)
    assert module.expert_bias_E.tolist() == [-0.01, 0.0, 0.0, 0.0, 0.01]
    with pytest.raises(InputError, match="dense mixture has no choice"):
        mixture(seed, None).adjust_expert_bias(torch.ones(5), 0.01)


# What PyTorch users do


def test_gradients_per_sample(seed: int) -> None:
    module, inputs_NF = mixture(seed, 2), draw(seed, 7, 3)
    parameters = {name: p.detach() for name, p in module.named_parameters()}

    def loss(given: dict[str, Tensor], x_F: Tensor) -> Tensor:
        value: Tensor = functional_call(module, given, (x_F,)).square().sum()
        return value

    slopes = vmap(grad(loss), in_dims=(None, 0))(parameters, inputs_NF)
    for row, x_F in enumerate(inputs_NF):
        for slope, wanted in zip(slopes.values(), gradients(module, module(x_F)), strict=True):
            torch.testing.assert_close(slope[row], wanted, rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.:DeprecationWarning")
# torch's compiler looks at what lies before and after the grouping of rows.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_compiled(seed: int) -> None:
    module, inputs_NF = mixture(seed, 2), draw(seed, 16, 3)
    compiled = torch.compile(copy.deepcopy(module), backend="eager")
    try:
        assert_same(module, module(inputs_NF), row_by_row(module, inputs_NF, 2))
        torch.testing.assert_close(compiled(inputs_NF), module(inputs_NF), rtol=0, atol=1e-13)
        slopes = gradients(compiled, compiled(inputs_NF))
    finally:
        torch._dynamo.reset()
    for slope, wanted in zip(slopes, gradients(module, module(inputs_NF)), strict=True):
        torch.testing.assert_close(slope, wanted, rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.torch.jit.:DeprecationWarning")
def test_traced_and_exported(seed: int) -> None:
    """With all experts, since a recorded program cannot know which rows to group."""
    module, inputs_NF = mixture(seed, 2).eval(), draw(seed, 6, 3)
    others_NF = draw(seed + 1, 6, 3)
    for program in (
        torch.jit.trace(module, (inputs_NF,)),
        torch.export.export(module, (inputs_NF,), strict=False).module(),
    ):
        torch.testing.assert_close(program(others_NF), module(others_NF), rtol=0, atol=1e-13)


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_checkpointed(seed: int, *, use_reentrant: bool) -> None:
    """The second forward pass draws what the first drew."""
    module, inputs_NF = mixture(seed, 2, router_noise=1.0), draw(seed, 6, 3).requires_grad_()
    slopes = []
    for call in (module, partial(checkpoint, module, use_reentrant=use_reentrant)):
        torch.manual_seed(seed)
        module.zero_grad()
        call(inputs_NF).square().sum().backward()
        slopes.append([p.grad for p in module.router.parameters()])
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-13)


def test_autocast_computes_the_experts_in_bfloat16(seed: int) -> None:
    module, inputs_NF = mixture(seed, 2).float(), draw(seed, 16, 3, dtype=torch.float32)
    wanted = module(inputs_NF)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = module(inputs_NF)
    assert values.dtype == torch.bfloat16
    # The router, too, rounds to 8 bits: rows near another choice may choose it.
    near = (values.float() - wanted).abs().amax(-1) < 8 * 2**-8 * wanted.abs().max()
    assert near.float().mean() > 0.7
    values.float().square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())


def test_shapes_on_the_meta_device(seed: int) -> None:
    assert mixture(seed, 2).to("meta")(torch.empty(6, 3, device="meta").double()).shape == (6, 2)


# Routers


@pytest.mark.parametrize(
    "router",
    [
        LinearRouter(2, 3),
        MLPRouter(2, 3, hidden=4),
        FourierRouter(2, 3),
        QuantumRouter(angle_router(2, 1), 3),
        QuantumRouter(angle_router(2, 1), 3, readout="probabilities"),
        ProjectedRouter(LinearRouter(1, 3), torch.ones(2, 1), torch.zeros(1)),
        nn.Sequential(nn.Linear(2, 3), nn.Softmax(-1)),
    ],
    ids=lambda router: type(router).__name__,
)
def test_logits_are_those_of_the_weights(router: nn.Module, seed: int) -> None:
    inputs_NF = draw(seed, 6, 2)
    router.double()
    weights_NE = logits_of(router, inputs_NF).softmax(-1)
    torch.testing.assert_close(weights_NE, router(inputs_NF), rtol=0, atol=1e-14)


def test_a_quantum_router_learns_through_its_choice(seed: int) -> None:
    router = QuantumRouter(angle_router(2, 2), 4, generator=seeded(seed))
    module = MixtureOfExperts(router, linear_experts(4, 2, 2, generator=seeded(seed)), top_k=2)
    module.double()(draw(seed, 16, 2)).square().sum().backward()
    assert router.connector.weight.grad is not None
    assert router.connector.weight.grad.abs().max() > 1e-4


def test_routing_hooks_see_every_pass(seed: int) -> None:
    module, inputs_NF, seen = mixture(seed, 2), draw(seed, 4, 3), []
    with module.register_routing_hook(seen.append, with_logits=True):
        module(inputs_NF)
    module(inputs_NF)
    [routing] = seen
    assert torch.equal(routing.logits_BE, module.router.logits(inputs_NF))
    assert copy.deepcopy(module).state_dict().keys() == module.state_dict().keys()


# Refusals


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"top_k": 6}, "top_k=6 is more than the 5 experts"),
        ({"top_k": 0}, "top_k must be a whole number of at least 1"),
        ({"top_k": 1.5}, "top_k must be a whole number"),
        ({"top_k": 2, "capacity_factor": 0.19}, "at least 1/5.*got 0.19"),
        ({"top_k": 2, "capacity_factor": math.nan}, "capacity_factor must be a finite number"),
        ({"top_k": 2, "router_noise": -1.0}, "router_noise must be a finite number of at least 0"),
        ({"top_k": 2, "router_noise": "loud"}, "router_noise must be a number, got 'loud'"),
        ({"top_k": 2, "routing": "sampled"}, "draws one expert per row from all weights"),
        ({"routing": "straight-through"}, "set top_k"),
        ({"capacity_factor": 1.0}, "capacity_factor is for a choice of experts: set top_k"),
        ({"router_noise": 1.0}, "router_noise is for a choice of experts: set top_k"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        MixtureOfExperts(LinearRouter(3, 5), linear_experts(5, 3, 2), **settings)


def test_weights_that_are_not_finite_name_the_router(seed: int) -> None:
    module, inputs_NF = mixture(seed, 2), draw(seed, 4, 3)
    inputs_NF[1, 0] = math.nan
    with pytest.raises(InputError, match="router LinearRouter gave weights that are not fini"):
        module(inputs_NF)


@pytest.mark.parametrize(
    ("router", "message"),
    [
        (nn.Linear(2, 4), "Linear gave weights that are negative on 3 of 3 rows.* softmax"),
        (nn.Sequential(nn.Linear(2, 3), nn.Softmax(-1)), r"shape \(3, 3\).*the 4 experts"),
    ],
)
def test_routers_of_the_user_that_are_refused(router: nn.Module, message: str) -> None:
    if isinstance(router, nn.Linear):
        nn.init.constant_(router.weight, -1.0)
    mixture = MixtureOfExperts(router, linear_experts(4, 2, 3), top_k=2)
    with pytest.raises(InputError, match=message):
        mixture(torch.ones(3, 2))
