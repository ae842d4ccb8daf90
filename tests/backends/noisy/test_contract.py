"""What every compiled router promises, asked of every kind of noise, and of IBM's primitives."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from qmoe_qiskit.backends import MITIGATIONS, Backend, CompiledRouter, open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import load_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


ROUNDING = 1e-11
SPECS = [
    "noisy:ibmq_manila",
    "noisy:ibm_sherbrooke",
    "noisy:thermal:50,40",
    "noisy:readout:0.02",
    "noisy:ideal",
    "noisy:depolarizing:0.05",
    "noisy:depolarizing-gates:0.01",
]
MODES: dict[str, dict[str, Any]] = {
    "exact": {},
    "shots": {"shots": 20},
    "mitigated": {"mitigation": "readout"},
    "mitigated shots": {"shots": 20, "mitigation": "readout"},
}


RUNTIME = "runtime:fake_manila"
# Extrapolation needs a device whose gates make noise: one with each sort of two-qubit gate will do.
# Each kind of noise in two modes; all together are a trial.
NOISY = [
    *(
        pytest.param(spec, mode, marks=() if (k - m) % 2 == 0 else pytest.mark.trial)
        for (k, spec), (m, mode) in product(enumerate(SPECS), enumerate(MODES))
    ),
    ("noisy:ibmq_manila", "extrapolated"),
    ("noisy:ibm_sherbrooke", "extrapolated shots"),
]
MODES |= {
    "extrapolated": {"mitigation": "zne"},
    "extrapolated shots": {"shots": 20, "mitigation": "zne"},
}


@pytest.fixture
def backend(spec: str, mode: str) -> Backend:
    return open_backend(spec, seed=4, **MODES[mode])


@pytest.fixture
def router(random_router: Callable[..., RouterCircuit]) -> RouterCircuit:
    return random_router(2, 3, n_gates=8)


@pytest.mark.parametrize(("spec", "mode"), [*NOISY, (RUNTIME, "shots")])
def test_it_keeps_the_contract(
    spec: str, mode: str, backend: Backend, router: RouterCircuit, rng: np.random.Generator
) -> None:
    settings = MODES[mode]
    assert open_backend(backend.name, **settings).name == backend.name
    compiled = backend.compile(router)
    assert compiled.router is router
    assert len(set(compiled.physical_qubits)) == 2
    assert max(compiled.physical_qubits) < compiled.isa_circuit.num_qubits
    if spec != RUNTIME:  # there each rotation has a parameter of its own
        assert set(compiled.isa_circuit.parameters) <= set(router.circuit.parameters)

    inputs_BF, weights_W = rng.uniform(-4, 4, (3, 2)), rng.uniform(-4, 4, 3)
    result = compiled.expectations(inputs_BF, weights_W)
    for array in (result.values, result.std_errors):
        assert array.shape == (3, 3)
        assert array.dtype == np.float64
        assert np.isfinite(array).all()
    circuits = len(MITIGATIONS.get(settings.get("mitigation", "none")).noise_factors)
    assert result.shots == (circuits * settings["shots"] if "shots" in settings else None)
    if "shots" in settings:
        assert (result.std_errors >= 0).all()
        assert result.std_errors.any()
    else:
        assert not result.std_errors.any()

    shapes: list[tuple[int, ...]] = [(3, 3, 2), (3, 3, 3)]
    for array, shape in zip(compiled.jacobian(inputs_BF, weights_W), shapes, strict=True):
        assert array.shape == shape
        assert array.dtype == np.float64
        assert np.isfinite(array).all()
    for array in (
        *compiled.jacobian(inputs_BF[:0], weights_W),
        compiled.vjp(inputs_BF[:0], weights_W)[0],
    ):
        assert array.shape[0] == 0

    gradient_shapes: list[tuple[int, ...]] = [(3, 3), (3, 2), (3,)]
    for kind, type_ in ((np.array, np.ndarray), (torch.tensor, torch.Tensor)):
        values, pullback = compiled.vjp(kind(inputs_BF), kind(weights_W))
        gradients = pullback(kind(np.ones((3, 3))))
        for array, expected in zip((values, *gradients), gradient_shapes, strict=True):
            assert isinstance(array, type_)
            assert tuple(array.shape) == expected
            assert str(array.dtype).endswith("float64")
        assert pullback(kind(np.ones((3, 3))), need_inputs=False)[0] is None


@pytest.mark.parametrize(("spec", "mode"), [*NOISY, (RUNTIME, "shots")])
def test_it_refuses_what_does_not_fit(backend: Backend) -> None:
    compiled = backend.compile(angle_router(2, 1))
    bad_inputs, bad_weights = np.zeros((3, 2)), np.zeros(6)
    bad_inputs[2, 1], bad_weights[5] = np.nan, np.inf
    for method in (compiled.expectations, compiled.jacobian):
        for inputs_BF, weights_W, message in (
            (np.zeros(2), np.zeros(6), r"inputs must have shape \(B, 2\)"),
            (np.zeros((1, 3)), np.zeros(6), r"inputs must have shape \(B, 2\)"),
            (np.zeros((1, 2)), np.zeros(5), r"weights must have shape \(6,\)"),
            (bad_inputs, np.zeros(6), r"inputs\[2, 1\] is nan"),
            (np.zeros((1, 2)), bad_weights, r"weights\[5\] is inf"),
        ):
            with pytest.raises(InputError, match=message):
                method(inputs_BF, weights_W)


def pickled(compiled: Any) -> Any:
    return pickle.loads(pickle.dumps(compiled))  # noqa: S301 - our own


@pytest.mark.parametrize(("spec", "mode"), NOISY)
@pytest.mark.parametrize("again", [pickled, pytest.param(copy.deepcopy, marks=pytest.mark.trial)])
def test_copies_evaluate_alike(again: Callable[[Any], Any], backend: Backend) -> None:
    compiled = backend.compile(angle_router(2, 1))
    copied = again(compiled)
    at = np.full((2, 2), 0.3), np.full(6, 0.8)
    np.testing.assert_array_equal(
        compiled.expectations(*at).values, copied.expectations(*at).values
    )
    assert again(backend).name == backend.name


def test_a_profile_of_ones_own(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "my.json"
    load_profile("ibmq_manila").save(path)
    router = angle_router(2, 1)
    at = rng.uniform(-4, 4, (2, 2)), rng.uniform(-4, 4, 6)
    mine, bundled = (
        open_backend(f"noisy:{name}").compile(router).expectations(*at).values
        for name in (path, "ibmq_manila")
    )
    np.testing.assert_array_equal(mine, bundled)


@pytest.mark.parametrize("shots", [None, 20])
def test_threads_share_a_compiled_router(
    shots: int | None, rng: np.random.Generator, *, whole: bool
) -> None:
    router = angle_router(4, 2)
    exact = open_backend("noisy:ibm_torino", seed=1).compile(router)
    compiled: CompiledRouter = open_backend("noisy:ibm_torino", seed=1, shots=shots).compile(router)
    weights_W = rng.uniform(-4, 4, router.n_weights)
    n_samples = 600 if shots is None else 20 if whole else 5
    batches = [rng.uniform(-4, 4, (n_samples, 4)) for _ in range(8)]
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda batch: compiled.expectations(batch, weights_W), batches))
    for batch, result in zip(batches, results, strict=True):
        expected = exact.expectations(batch, weights_W).values
        # Means of 20 shots, none further off than chance allows once in a million (Hoeffding).
        bound = (
            ROUNDING if shots is None else np.sqrt(2 * np.log(2 * 32 * n_samples / 1e-6) / shots)
        )
        assert np.abs(result.values - expected).max() < bound
