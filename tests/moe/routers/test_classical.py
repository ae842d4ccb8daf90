"""The classical routers: against plain torch, and against what the circuit can express."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import (
    FourierRouter,
    LinearRouter,
    MLPRouter,
    QuadraticRouter,
    RandomFourierRouter,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ROUTERS: dict[str, Callable[..., nn.Module]] = {
    "linear": LinearRouter,
    "quadratic": QuadraticRouter,
    "mlp": lambda *args, **options: MLPRouter(*args, hidden=8, **options),
    "fourier": FourierRouter,
    "fourier of degree 2": lambda *args, **options: FourierRouter(*args, degree=2, **options),
    "random Fourier": lambda *args, **options: RandomFourierRouter(*args, n_waves=7, **options),
}


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def samples(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=torch.float64)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True))


def test_parameter_counts_are_the_papers() -> None:
    assert count(LinearRouter(2, 2)) == 6
    assert count(QuadraticRouter(2, 2)) == 12
    widths = [2, 4, 8, 16, 32, 64]
    assert [count(MLPRouter(2, 2, hidden=h)) for h in widths] == [12, 22, 42, 82, 162, 322]
    assert count(FourierRouter(2, 2)) == 18


@pytest.mark.parametrize("name", ROUTERS)
@pytest.mark.parametrize("shape", [(5, 3), (3,), (2, 4, 3), (0, 3)])
def test_rows_are_distributions(name: str, shape: tuple[int, ...], seed: int) -> None:
    router = ROUTERS[name](3, 4, generator=seeded(seed)).double()
    weights = router(samples(seed, *shape))
    assert weights.shape == (*shape[:-1], 4)
    assert (weights > 0).all()
    torch.testing.assert_close(weights.sum(-1), weights.new_ones(shape[:-1]))


def test_linear_router_is_linear_and_softmax(seed: int) -> None:
    router = LinearRouter(3, 4, generator=seeded(seed)).double()
    inputs_BF = samples(seed, 5, 3)
    weight, bias = (p.detach().numpy() for p in router.parameters())
    expected = softmax(inputs_BF.numpy() @ weight.T + bias)
    np.testing.assert_allclose(router(inputs_BF).detach(), expected, rtol=0, atol=1e-14)


def test_quadratic_router_sees_every_product_once(seed: int) -> None:
    router = QuadraticRouter(3, 4, generator=seeded(seed)).double()
    inputs_BF = samples(seed, 5, 3)
    x_BF = inputs_BF.numpy()
    pairs = itertools.combinations_with_replacement(range(3), 2)
    features = np.column_stack([x_BF, *(x_BF[:, i] * x_BF[:, j] for i, j in pairs)])
    weight, bias = (p.detach().numpy() for p in router.parameters())
    expected = softmax(features @ weight.T + bias)
    np.testing.assert_allclose(router(inputs_BF).detach(), expected, rtol=0, atol=1e-14)


def test_mlp_router_is_torchs(seed: int) -> None:
    router = MLPRouter(3, 4, hidden=5, generator=seeded(seed)).double()
    plain = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.Softmax(-1)).double()
    with torch.no_grad():
        for ours, theirs in zip(router.parameters(), plain.parameters(), strict=True):
            theirs.copy_(ours)
    inputs_BF = samples(seed, 50, 3)
    torch.testing.assert_close(router(inputs_BF), plain(inputs_BF))


@pytest.mark.parametrize(("n_features", "degree"), [(1, 1), (1, 3), (2, 1), (2, 2), (3, 1)])
def test_fourier_features_are_the_trigonometric_products(n_features: int, degree: int) -> None:
    router = FourierRouter(n_features, 2, degree=degree).double()
    inputs_BF = samples(0, 6, n_features)
    x_BF = inputs_BF.numpy()
    frequencies = range(1, degree + 1)
    waves_BF = [np.ones_like(x_BF)]
    waves_BF += [wave(k * x_BF) for k in frequencies for wave in (np.cos, np.sin)]
    products = [
        np.prod([wave_BF[:, i] for i, wave_BF in enumerate(choice)], axis=0)
        for choice in itertools.product(waves_BF, repeat=n_features)
    ]
    features = router.features(inputs_BF).numpy()
    assert features.shape == (6, (2 * degree + 1) ** n_features - 1)
    for feature in products[1:]:
        distances = np.abs(features - feature[:, None]).max(0)
        assert (distances < 1e-12).sum() == 1


@pytest.mark.parametrize(("n_features", "degree"), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)])
def test_fourier_features_span_what_the_circuit_can_output(
    n_features: int, degree: int, rng: np.random.Generator
) -> None:
    """They contain every output, and outputs at random weights need every one of them.

    The constant joins them from the second upload on: averaged over the inputs of a single upload
    the state is the maximally mixed one, in which <Z> is zero.
    """
    circuit = angle_router(n_features, 2, reuploads=degree)
    compiled = open_backend("statevector").compile(circuit)
    size = (2 * degree + 1) ** n_features
    inputs_BF = rng.uniform(-math.pi, math.pi, (4 * size, n_features))
    router = FourierRouter(n_features, 2, degree=degree)
    features = router.features(torch.tensor(inputs_BF)).numpy()
    basis = np.column_stack([np.ones(len(features)), features])
    outputs = np.column_stack(
        [
            compiled.expectations(
                inputs_BF, rng.uniform(-math.pi, math.pi, circuit.n_weights)
            ).values
            for _ in range(2 * size)
        ]
    )
    fitted = np.linalg.lstsq(basis, outputs, rcond=None)[0]
    np.testing.assert_allclose(basis @ fitted, outputs, rtol=0, atol=1e-10)
    assert np.linalg.matrix_rank(basis) == size
    assert np.linalg.matrix_rank(outputs, tol=1e-8) == (size - 1 if degree == 1 else size)


@pytest.mark.parametrize("name", ROUTERS)
def test_initial_weights_come_from_the_generator_alone(name: str) -> None:
    state = torch.get_rng_state()
    build = ROUTERS[name]
    one, same, other = (build(2, 3, generator=seeded(s)).state_dict() for s in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), state)
    for key, tensor in one.items():
        assert torch.equal(tensor, same[key])
        assert not torch.equal(tensor, other[key])


def test_initial_weights_are_distributed_as_torchs() -> None:
    """Uniform in +-1/sqrt(n_in), weights and biases; 5 standard errors of mean and mean square."""
    n_in = 16
    ours, torchs = LinearRouter(n_in, 400, generator=seeded(0)), nn.Linear(n_in, 400)
    bound = 1 / math.sqrt(n_in)
    for values in (*ours.parameters(), *torchs.parameters()):
        n = values.numel()
        assert values.abs().max() <= bound
        assert values.abs().max() > 0.95 * bound
        assert abs(values.mean()) < 5 * bound / math.sqrt(3 * n)
        spread = bound**2 * math.sqrt(4 / 45 / n)
        assert abs(values.square().mean() - bound**2 / 3) < 5 * spread


@pytest.mark.parametrize("name", ROUTERS)
def test_gradients_reach_every_parameter(name: str, seed: int) -> None:
    router = ROUTERS[name](2, 3, generator=seeded(seed)).double()
    (router(samples(seed, 64, 2)) * samples(seed + 1, 64, 3)).sum().backward()
    for parameter in router.parameters():
        assert parameter.grad is not None
        assert (parameter.grad != 0).all()


@pytest.mark.parametrize("name", ROUTERS)
@pytest.mark.parametrize("n_experts", [0, -2, 1.5])
def test_experts_must_be_counted(name: str, n_experts: int) -> None:
    with pytest.raises(InputError, match="n_experts"):
        ROUTERS[name](2, n_experts)


def test_other_settings_must_be_positive() -> None:
    with pytest.raises(InputError, match=r"mlp:H.*0"):
        MLPRouter(2, 2, hidden=0)
    with pytest.raises(InputError, match=r"degree.*-1"):
        FourierRouter(2, 2, degree=-1)
    with pytest.raises(InputError, match=r"rff:N.*0"):
        RandomFourierRouter(2, 2, n_waves=0)


@pytest.mark.parametrize("length_scale", [0.5, 1.0])
def test_random_waves_approximate_the_gaussian_kernel(length_scale: float, seed: int) -> None:
    """Products of N waves estimate the kernel with a standard error below sqrt(3 / 2 / N)."""
    n_waves = 40_000
    router = RandomFourierRouter(
        2, 2, n_waves=n_waves, length_scale=length_scale, generator=seeded(seed)
    ).double()
    points = samples(seed + 1, 6, 2)
    waves = router.features(points)
    kernel = torch.exp(-(torch.cdist(points, points) ** 2) / (2 * length_scale**2))
    # 36 products, 6 standard errors: a false failure once in 10^7 runs.
    assert (waves @ waves.T - kernel).abs().max() < 6 * math.sqrt(1.5 / n_waves)


def test_only_the_layer_behind_random_waves_is_trained() -> None:
    router = RandomFourierRouter(2, 2, n_waves=8, generator=seeded(0))
    assert count(router) == 8 * 2 + 2
    assert {"frequencies_NF", "phases_N"} <= router.state_dict().keys()


def test_too_many_trigonometric_features_are_refused_with_their_number() -> None:
    FourierRouter(10, 2)
    with pytest.raises(InputError, match=rf"11 features at degree 1 would have {3**11}"):
        FourierRouter(11, 2)
    with pytest.raises(InputError, match=str(5**8)):
        FourierRouter(8, 2, degree=2)


def test_the_state_holds_weights_only() -> None:
    assert set(QuadraticRouter(2, 2).state_dict()) == {"layer.weight", "layer.bias"}
