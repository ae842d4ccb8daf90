"""Exact noisy values and derivatives of every bundled device, against AerSimulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeLagosV2, FakeManilaV2, FakePerth

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.noise_profiles import list_profiles, load_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.typing import FloatArray

# What is asked for; Aer's own truncation comes on top, see `aer_values`.
AGREEMENT = 1e-9
SMALL = ("ibm_lagos", "ibm_perth", "ibmq_manila")


def random_point(
    router: RouterCircuit, rng: np.random.Generator, n_samples: int = 3
) -> tuple[FloatArray, FloatArray]:
    return rng.uniform(-4, 4, (n_samples, router.n_inputs)), rng.uniform(-4, 4, router.n_weights)


def check(
    name: str,
    router: RouterCircuit,
    aer_values: Any,
    rng: np.random.Generator,
    n_samples: int = 3,
) -> None:
    compiled = open_backend(f"noisy:{name}", seed=1).compile(router)
    point = random_point(router, rng, n_samples)
    expected, missing = aer_values(load_profile(name), compiled, *point)
    assert missing < 1e-6
    result = compiled.expectations(*point)
    np.testing.assert_allclose(result.values, expected, rtol=0, atol=AGREEMENT + missing)
    assert not result.std_errors.any()
    assert result.shots is None


# One device of each generation; `make trials` takes all.
KEPT = {"ibm_fez", "ibm_lagos", "ibm_torino", "ibmq_manila"}
DEVICES = [
    pytest.param(name, marks=() if name in KEPT else pytest.mark.trial) for name in list_profiles()
]


def test_there_are_devices_of_every_family() -> None:
    families = {str(load_profile(name).family).split()[0] for name in list_profiles()}
    assert families == {"Falcon", "Eagle", "Heron", "Nighthawk"}
    assert len(list_profiles()) >= 10


@pytest.mark.parametrize("name", DEVICES)
def test_the_papers_router_on_every_device(
    name: str, aer_values: Any, rng: np.random.Generator
) -> None:
    check(name, angle_router(2, 3), aer_values, rng)


@pytest.mark.parametrize("name", DEVICES)
def test_a_random_circuit_on_every_device(
    name: str,
    random_router: Callable[..., RouterCircuit],
    aer_values: Any,
    rng: np.random.Generator,
    seed: int,
) -> None:
    check(name, random_router(3, seed), aer_values, rng)


# The whole device is simulated here, so these say that compaction to the active qubits is exact.
@pytest.mark.parametrize(
    ("name", "n_qubits"),
    [
        pytest.param(name, n_qubits, marks=() if (k + m) % 2 == 0 else pytest.mark.trial)
        for k, name in enumerate(SMALL)
        for m, n_qubits in enumerate((1, 4))
    ],
)
def test_small_devices_at_full_width(
    name: str,
    n_qubits: int,
    random_router: Callable[..., RouterCircuit],
    aer_values: Any,
    seed: int,
) -> None:
    router = random_router(n_qubits, seed, n_gates=10)
    check(name, router, aer_values, np.random.default_rng(seed))


@pytest.mark.parametrize(("n_qubits", "n_layers"), [(4, 2), (5, 1)])
def test_entanglers_that_need_routing(
    n_qubits: int, n_layers: int, aer_values: Any, rng: np.random.Generator
) -> None:
    check("ibm_perth", angle_router(n_qubits, n_layers), aer_values, rng)


def test_many_gates_on_six_qubits(
    aer_values: Any, rng: np.random.Generator, *, whole: bool
) -> None:
    """Where Aer's truncation exceeds 1e-9, compiling must not take it for an error of ours."""
    check("ibm_fez", angle_router(6, 3), aer_values, rng, n_samples=3 if whole else 1)


@pytest.mark.parametrize(
    "fake", [FakeManilaV2, FakeLagosV2, pytest.param(FakePerth, marks=pytest.mark.trial)]
)
def test_gate_and_idle_noise_are_those_of_aers_own_device_simulator(
    fake: Callable[[], Any], aer_values: Any, rng: np.random.Generator
) -> None:
    """Its readout errors are symmetric, so they are left out: without them the two agree."""
    backend = fake()
    name = {"fake_manila": "ibmq_manila"}.get(backend.name, backend.name.replace("fake", "ibm"))
    simulator = AerSimulator.from_backend(backend, method="density_matrix")
    router = angle_router(3, 2)
    compiled = open_backend(f"noisy:{name}", mitigation="readout").compile(router)
    point = random_point(router, rng)
    expected, missing = aer_values(
        load_profile(name), compiled, *point, readout=False, simulator=simulator
    )
    values = compiled.expectations(*point).values
    np.testing.assert_allclose(values, expected, rtol=0, atol=AGREEMENT + missing)


@pytest.mark.parametrize("mitigation", ["none", "readout"])
def test_derivatives_are_finite_differences_of_aers_values(
    mitigation: str,
    random_router: Callable[..., RouterCircuit],
    aer_values: Any,
    seed: int,
) -> None:
    router, profile = random_router(3, seed), load_profile("ibmq_manila")
    compiled = open_backend("noisy:ibmq_manila", mitigation=mitigation).compile(router)
    rng = np.random.default_rng(seed)
    inputs_BF, weights_W = random_point(router, rng)
    by_inputs, by_weights = compiled.jacobian(inputs_BF, weights_W)
    step = 1e-3  # the two-point rule's error is step^2 / 6 times the third derivative

    # One row for each direction in which to step, forwards or backwards, and each sample.
    steps_DP = step * np.concatenate([np.eye(5), -np.eye(5)])
    moved_DBP = np.tile(np.hstack([inputs_BF, np.tile(weights_W, (3, 1))]), (10, 1, 1))
    moved_DBP += steps_DP[:, None, :]
    moved_NP = moved_DBP.reshape(30, 5)
    values_NO, _ = aer_values(
        profile, compiled, moved_NP[:, :2], moved_NP[:, 2:], readout=mitigation == "none"
    )
    ahead_PBO, behind_PBO = values_NO.reshape(2, 5, 3, -1)
    expected_PBO = (ahead_PBO - behind_PBO) / (2 * step)
    slopes_BOP = np.concatenate([by_inputs, by_weights], axis=-1)
    np.testing.assert_allclose(slopes_BOP, np.moveaxis(expected_PBO, 0, -1), rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", [*SMALL, "ibm_torino"])
def test_mitigation_undoes_readout_errors_exactly(
    name: str, aer_values: Any, rng: np.random.Generator
) -> None:
    router = angle_router(3, 2)
    compiled = open_backend(f"noisy:{name}", mitigation="readout").compile(router)
    point = random_point(router, rng)
    expected, missing = aer_values(load_profile(name), compiled, *point, readout=False)
    measured, _ = aer_values(load_profile(name), compiled, *point)
    assert np.abs(measured - expected).max() > 1e-3
    values = compiled.expectations(*point).values
    np.testing.assert_allclose(values, expected, rtol=0, atol=AGREEMENT + 2 * missing)
