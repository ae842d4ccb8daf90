"""Training of sparse mixtures: the load in the history, the bias, and that it repeats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import (
    BALANCE_LOSSES,
    LinearRouter,
    MixtureOfExperts,
    ProjectedRouter,
    QuantumRouter,
    RoutingStatistics,
    linear_experts,
)
from qmoe_qiskit.train.loop.routing_load import load_remark
from qmoe_qiskit.train.loop.training import Training

LOADS = [f"expert_load_{e}" for e in range(4)]
SUMMARY = ["load_entropy", "load_variation", "dead_experts", "dropped_choices"]


def rows(count: int = 96) -> tuple[Tensor, Tensor]:
    X_NF, y_N = load_digits(return_X_y=True)
    return torch.from_numpy(X_NF[:count] / 16), torch.from_numpy(y_N[:count])


def mixture(n_experts: int = 4, **settings: Any) -> MixtureOfExperts:
    generator = torch.Generator().manual_seed(0)
    router = LinearRouter(64, n_experts, generator=generator)
    experts = linear_experts(n_experts, 64, 10, generator=generator)
    return MixtureOfExperts(router, experts, **settings).double()


def train(module: MixtureOfExperts, epochs: int = 2, **settings: Any) -> Training:
    settings = {"learning_rate": 0.01, "batch_size": 32, "seed": 3, "history": []} | settings
    training = Training(module, **settings)
    training.run(*rows(), max_epochs=epochs, after_epoch=lambda _entry: None)
    return training


def test_histories_of_dense_mixtures_stay_as_they_were() -> None:
    for settings in ({}, {"balance_weight": 0.1}):
        assert list(train(mixture(), **settings).history[0]) == ["epoch", "train_loss"]


@pytest.mark.parametrize("balance", BALANCE_LOSSES.names)
def test_the_load_is_recorded(balance: str) -> None:
    module = mixture(top_k=2, capacity_factor=1.0)
    chosen: list[Tensor] = []
    ran: list[Tensor] = []

    def count(routing: Any) -> None:
        chosen.append(routing.chosen_BE)
        ran.append(routing.runs_BE)

    with module.register_routing_hook(count):
        entry = train(module, 1, balance=balance, balance_weight=0.1).history[0]
    assert sorted(entry) == sorted(["epoch", "train_loss", *LOADS, *SUMMARY])
    counts_E = torch.cat(chosen).sum(0).numpy()
    np.testing.assert_allclose([entry[name] for name in LOADS], counts_E / counts_E.sum())
    assert entry["dead_experts"] == np.count_nonzero(counts_E == 0)
    assert entry["dropped_choices"] == pytest.approx(1 - torch.cat(ran).sum() / counts_E.sum())
    assert load_remark(entry).startswith(f"dead experts {entry['dead_experts']:.0f}, load CV 0.")


def test_the_balance_loss_is_part_of_the_training_loss() -> None:
    features, labels = rows()
    for name in BALANCE_LOSSES.names:
        module, balance = mixture(top_k=2), BALANCE_LOSSES.get(name)
        routing = module.route(features, with_logits=balance.needs_logits)
        cross_entropy = nn.CrossEntropyLoss()(module(features), labels)
        wanted = (cross_entropy + 0.3 * balance.loss(routing, None)).detach()
        entry = train(module, 1, balance=name, balance_weight=0.3, batch_size=96).history[0]
        assert entry["train_loss"] == pytest.approx(float(wanted), rel=1e-6)


def test_the_bias_follows_the_load_of_every_batch() -> None:
    module, wanted_E = mixture(top_k=2), np.zeros(4)

    def count(routing: Any) -> None:
        load_E = routing.chosen_BE.sum(0).numpy()
        wanted_E[:] += 0.01 * np.sign(load_E.mean() - load_E)

    with module.register_routing_hook(count):
        train(module, bias_rate=0.01)
    np.testing.assert_allclose(module.expert_bias_E, wanted_E, rtol=1e-12)
    assert wanted_E.any()
    with pytest.raises(InputError, match="set top_k"):
        train(mixture(), bias_rate=0.01)


@pytest.mark.parametrize(
    "settings", [{"router_noise": 1.0}, {"routing": "straight-through", "capacity_factor": 1.0}]
)
def test_draws_repeat_and_go_on_after_an_interruption(settings: dict[str, Any]) -> None:
    whole, parts = mixture(top_k=2, **settings), mixture(top_k=2, **settings)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    history = train(whole, 4, bias_rate=0.01).history
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)  # has no influence
    first = train(parts, 2, bias_rate=0.01)
    state = first.optimizer_state
    second = train(parts, 4, bias_rate=0.01, history=first.history, optimizer_state=state)
    assert second.history == history
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(one, other)


def digits_mixture(router: str, n_experts: int, seed: int, inputs_NF: Tensor) -> MixtureOfExperts:
    """A mixture of linear experts, top-2; a circuit sees six principal components in [0, pi]."""
    generator = torch.Generator().manual_seed(seed)
    if router == "linear":
        chosen: nn.Module = LinearRouter(64, n_experts, generator=generator)
    else:
        centred_NF = inputs_NF - inputs_NF.mean(0)
        axes_FK = torch.linalg.svd(centred_NF, full_matrices=False).Vh[:6].T
        components_NK = inputs_NF @ axes_FK
        low_K, high_K = components_NK.amin(0), components_NK.amax(0)
        scale_K = torch.pi / (high_K - low_K)
        circuit = QuantumRouter(angle_router(6, 3), n_experts, generator=generator)
        chosen = ProjectedRouter(circuit, axes_FK * scale_K, -low_K * scale_K)
    experts = linear_experts(n_experts, 64, 10, generator=generator)
    return MixtureOfExperts(chosen, experts, top_k=2).double()


@pytest.mark.parametrize(
    ("router", "n_experts", "seed", "epochs"),
    [
        pytest.param("linear", 8, 0, 4, marks=pytest.mark.slow),
        *(
            pytest.param(router, n_experts, seed, 10, marks=pytest.mark.trial)
            for router in ("linear", "quantum")
            for n_experts in (8, 16)
            for seed in range(1, 4)
        ),
    ],
)
def test_the_balance_loss_leaves_no_expert_dead(
    router: str, n_experts: int, seed: int, epochs: int
) -> None:
    """On held-out digits, with the bias beside it; without both, a quarter and more serve no row.

    A smaller loss leaves one of 16 experts of a linear router dead in some seeds, and the same loss
    without the bias one of a quantum router.
    """
    full = 1.0 if router == "linear" else 0.3
    X_NF, y_N = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(X_NF))
    inputs, labels = torch.from_numpy(X_NF[order] / 16 * np.pi), torch.from_numpy(y_N[order])
    dead = {}
    for weight, bias_rate in ((0.0, 0.0), (full, 0.001)):
        module = digits_mixture(router, n_experts, seed, inputs[:1400])
        training = Training(
            module,
            learning_rate=0.01,
            batch_size=32,
            seed=seed,
            history=[],
            balance_weight=weight,
            bias_rate=bias_rate,
        )
        training.run(
            inputs[:1400], labels[:1400], max_epochs=epochs, after_epoch=lambda _entry: None
        )
        with torch.no_grad():
            dead[weight] = RoutingStatistics.of(module.route(inputs[1400:])).n_dead
    assert dead[full] == 0
    assert dead[0.0] >= n_experts / 4
