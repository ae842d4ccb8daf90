"""Effective parameters: against what can be counted by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from qmoe_qiskit.moe import LinearRouter, MLPRouter, ProjectedRouter
from qmoe_qiskit.studies.training.effective_parameters import effective_parameters, jacobian
from qmoe_qiskit.studies.training.routers import classifier_settings
from qmoe_qiskit.train.model import build_router

if TYPE_CHECKING:
    from torch import Tensor, nn


def module(router: str, n_experts: int = 2, seed: int = 0) -> nn.Module:
    settings = classifier_settings(router, n_inputs=2, n_layers=3, seed=seed)
    name = settings.pop("router")
    generator = torch.Generator().manual_seed(seed)
    return build_router(name, 2, n_experts, generator=generator, **settings).double()


def points(n_rows: int = 200, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.pi * torch.rand((n_rows, 2), generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    ("router", "functions"),
    [
        ("linear", 3),  # 1, x, y
        ("quadratic", 6),
        ("fourier", 9),
        ("rff:5", 6),
    ],
)
@pytest.mark.parametrize("n_experts", [2, 3])
def test_a_linear_layer_has_its_functions_for_each_expert_but_one(
    router: str, functions: int, n_experts: int
) -> None:
    assert effective_parameters(module(router, n_experts), points()) == functions * (n_experts - 1)


def test_the_quantum_router_has_no_more_than_its_nine_functions() -> None:
    """They are {1, cos, sin}(x) times {1, cos, sin}(y); dephased, no sine is left."""
    ranks = {
        name: effective_parameters(module(name), points())
        for name in ("quantum", "quantum:dephased", "quantum:frozen")
    }
    assert ranks == {"quantum": 9, "quantum:dephased": 4, "quantum:frozen": 3}


def test_the_last_rz_of_each_qubit_does_nothing() -> None:
    router = module("quantum")
    by_angles = jacobian(router, points())[:, :18].reshape(-1, 3, 2, 3)
    sizes = np.abs(by_angles).max(axis=0)
    np.testing.assert_allclose(sizes[2, :, 2], 0, atol=1e-12)
    assert (sizes[:2] > 1e-6).sum() >= 9


def ratios(router: nn.Module, inputs: Tensor) -> Tensor:
    with torch.no_grad():
        logs = torch.log(router(inputs))
    return (logs[:, 1:] - logs[:, :1]).flatten()


@pytest.mark.parametrize("router", ["quantum", "quantum:dephased", "mlp:4", "rff:5"])
def test_derivatives_are_differences(router: str) -> None:
    built, inputs = module(router, n_experts=3), points(5)
    columns, step = [], 1e-6
    for parameter in built.parameters():
        flat = parameter.detach().view(-1)
        for i in range(len(flat)):
            middle = flat[i].item()
            ends = []
            for moved in (middle + step, middle - step):
                flat[i] = moved
                ends.append(ratios(built, inputs))
            flat[i] = middle
            columns.append((ends[0] - ends[1]) / (2 * step))
    expected = torch.stack(columns, dim=1).numpy()
    np.testing.assert_allclose(jacobian(built, inputs), expected, rtol=0, atol=1e-6)


def test_units_that_are_off_do_not_count() -> None:
    router = MLPRouter(2, 2, hidden=4, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        router.first.bias.fill_(10.0)
        alive = effective_parameters(router, points())
        router.first.bias[:3] = -100.0
    # One unit that is on everywhere is linear: 1, x, y are all that can be changed.
    assert effective_parameters(router, points()) == 3
    assert alive == 3
    with torch.no_grad():
        router.first.bias[3] = -100.0
    assert effective_parameters(router, points()) == 1


def test_saturated_weights_keep_their_rank() -> None:
    router = LinearRouter(2, 2, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        router.layer.weight *= 100
    assert router(points()).min() < 1e-30
    assert effective_parameters(router, points()) == 3


def test_a_projection_is_seen_through() -> None:
    matrix = torch.eye(3, 2, dtype=torch.float64)
    offset = torch.zeros(2, dtype=torch.float64)
    three = torch.cat([points(), torch.ones(200, 1, dtype=torch.float64)], dim=1)
    for name in ("linear", "quantum"):
        router = module(name)
        projected = ProjectedRouter(router, matrix, offset)
        assert effective_parameters(projected, three) == effective_parameters(router, points())


def test_one_expert_has_nothing_to_route() -> None:
    assert effective_parameters(module("linear", n_experts=1), points()) == 0


def test_points_on_which_a_weight_is_zero_are_left_out() -> None:
    router = LinearRouter(2, 2, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        router.layer.weight *= 1e3
    assert not np.isfinite(jacobian(router, points())).all()
    assert effective_parameters(router, points()) == 3
    with torch.no_grad():
        router.layer.weight *= 1e3
        router.layer.bias += torch.tensor([1e6, 0.0], dtype=torch.float64)
    assert effective_parameters(router, points()) == 0
