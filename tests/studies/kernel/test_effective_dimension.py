"""The effective dimension: its Jacobians, the formula, and what theory says of its rank."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from qiskit_machine_learning.neural_networks import EffectiveDimension

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.kernel.effective_dimension import (
    DimensionTask,
    RoutingNetwork,
    bounds,
    dimensions,
    fisher_rank,
)
from qmoe_qiskit.studies.training.train_task import TrainTask
from qmoe_qiskit.train.model import build_router

ROUTERS = ("quantum", "linear", "mlp:3", "fourier")


def network(name: str, n_experts: int = 2, **settings: Any) -> RoutingNetwork:
    generator = torch.Generator().manual_seed(0)
    router = build_router(name, 2, n_experts, generator=generator, **settings).double()
    return RoutingNetwork(router, 2, n_experts)


def draws(net: RoutingNetwork, count: int, rng: np.random.Generator) -> np.ndarray:
    reach_P = bounds(net.router, "initial")
    return rng.uniform(-reach_P, reach_P, size=(count, len(reach_P)))


@pytest.mark.parametrize("n_experts", [2, 3])
@pytest.mark.parametrize("name", ROUTERS)
def test_jacobian_by_finite_differences(
    rng: np.random.Generator, name: str, n_experts: int
) -> None:
    net = network(name, n_experts, n_layers=1, reuploads=2)
    (weights_P,) = draws(net, 1, rng)
    inputs_BF = rng.uniform(0, np.pi, (4, 2))
    step = 1e-6
    slopes = [
        (net.forward(inputs_BF, weights_P + e) - net.forward(inputs_BF, weights_P - e)) / (2 * step)
        for e in step * np.eye(len(weights_P))
    ]
    none, by_weights_BEP = net.backward(inputs_BF, weights_P)
    assert none is None
    np.testing.assert_allclose(by_weights_BEP, np.stack(slopes, axis=-1), atol=1e-8)
    np.testing.assert_allclose(net.forward(inputs_BF, weights_P).sum(axis=1), 1)


@pytest.mark.parametrize("name", ["quantum", "linear"])
def test_is_the_formula_of_abbas(rng: np.random.Generator, name: str) -> None:
    """Written out anew, from weights and derivatives of single rows."""
    net = network(name, n_layers=1)
    weights_MP, inputs_BF = draws(net, 3, rng), rng.uniform(0, np.pi, (5, 2))
    n_parameters = weights_MP.shape[1]
    fisher_MPP = np.zeros((3, n_parameters, n_parameters))
    for m, weights_P in enumerate(weights_MP):
        for row in inputs_BF:
            values, slopes = net.forward(row, weights_P), net.backward(row, weights_P)[1]
            for value_E, slope_EP in zip(values, slopes, strict=True):
                for value, slope_P in zip(value_E, slope_EP, strict=True):
                    log_P = slope_P / value
                    fisher_MPP[m] += value * np.outer(log_P, log_P) / len(inputs_BF)
    fisher_MPP *= n_parameters / np.trace(fisher_MPP.mean(axis=0))
    expected = []
    for n in (200, 5000):
        factor = n / (2 * np.pi * np.log(n))
        roots = [np.sqrt(np.linalg.det(np.eye(n_parameters) + factor * f)) for f in fisher_MPP]
        expected.append(2 * np.log(np.mean(roots)) / np.log(factor))
    found = dimensions(EffectiveDimension(net, weights_MP, inputs_BF), (200, 5000))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("quantum", {"n_layers": 3}, 9),  # the trigonometric functions of one upload
        ("fourier", {}, 9),
        ("linear", {}, 3),  # slopes and constant of the difference of two logits
    ],
)
def test_rank_is_the_number_of_functions_between_two_experts(
    rng: np.random.Generator, name: str, settings: dict[str, Any], expected: int
) -> None:
    net = network(name, **settings)
    inputs_BF = rng.uniform(0, np.pi, (40, 2))
    found = EffectiveDimension(net, draws(net, 5, rng), inputs_BF)
    assert fisher_rank(found) == expected


def test_bounds_are_those_of_training(rng: np.random.Generator) -> None:
    router = network("quantum", n_layers=2).router
    reach_P = bounds(router, "initial")
    assert reach_P.tolist() == [np.pi] * 12 + [1 / np.sqrt(2)] * 6
    assert (bounds(router, "unit") == 1).all()
    for seed in rng.integers(0, 1000, 20):
        generator = torch.Generator().manual_seed(int(seed))
        for name in ROUTERS:
            other = build_router(name, 2, 2, generator=generator).double()
            initial_P = torch.nn.utils.parameters_to_vector(other.parameters()).detach().numpy()
            assert (np.abs(initial_P) <= bounds(other, "initial") + 1e-6).all()


def task(router: str = "quantum", **changes: Any) -> DimensionTask:
    training = TrainTask(seed=4, router=router, n_layers=1, n_samples=60)
    return DimensionTask(
        training=training, **{"n_parameters": 4, "n_rows": 10, "sizes": (100, 1000), **changes}
    )


@pytest.mark.parametrize("router", ["quantum", "mlp:2"])
def test_task(router: str) -> None:
    one = task(router)
    one.check()
    result = one.run()
    assert result == one.run()
    assert result["n_parameters"] == 12
    assert all(0 < d <= 12 for d in result["dimensions"])
    assert replace(one, box="unit").run() != result
    assert replace(one, training=replace(one.training, seed=5)).run() != result


def test_a_router_that_sees_principal_components() -> None:
    digits = TrainTask(seed=0, data="digits", n_samples=60, n_layers=1, router="linear")
    result = replace(task(), training=digits).run()
    assert result["n_parameters"] == 14  # six components, two experts


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"box": "unti"}, "did you mean 'unit'"),
        ({"sizes": (100,)}, "sizes must be two or more numbers"),
        ({"sizes": (1000, 100)}, "sizes must be"),
        ({"sizes": (10, 100)}, "sizes must be"),
        ({"n_rows": 46}, "averaged over 46 rows: there are 45 training rows"),
        ({"n_parameters": 0}, "n_parameters must be a whole number"),
        ({"uploads": 0}, "uploads must be a whole number"),
    ],
)
def test_impossible_settings(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        task(**changes).check()
