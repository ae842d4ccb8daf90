"""Gate folding and extrapolation, against Aer and against polynomials."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qiskit_aer import AerSimulator

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.mitigation.folding import extrapolation
from qmoe_qiskit.backends.noisy.backend import NoisyBackend
from qmoe_qiskit.backends.transpile.routing import relabelled
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile
from qmoe_qiskit.simulation import diagonals
from qmoe_qiskit.studies.noise.bitstrings import sample_frequencies, string_probabilities
from qmoe_qiskit.typing import FloatArray

DEVICES = ("ibmq_manila", "ibm_sherbrooke", "ibm_torino")  # cx, ecr, cz


def folded_backend(profile: NoiseProfile, factor: int = 1, seed: int | None = None) -> NoisyBackend:
    return NoisyBackend(name="folded", noise=profile, noise_factor=factor, seed=seed)


def point(router: RouterCircuit, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    return rng.uniform(0, math.pi, (3, router.n_inputs)), rng.uniform(-3, 3, router.n_weights)


@pytest.mark.parametrize("device", DEVICES)
def test_without_folding_it_is_the_noisy_backend(device: str, rng: np.random.Generator) -> None:
    router = angle_router(2, 2)
    arguments = point(router, rng)
    folded = folded_backend(load_profile(device), seed=3).compile(router)
    noisy = open_backend(f"noisy:{device}", seed=3).compile(router)
    assert folded.physical_qubits == noisy.physical_qubits
    np.testing.assert_allclose(
        folded.expectations(*arguments).values, noisy.expectations(*arguments).values, atol=1e-12
    )


@pytest.mark.parametrize(
    ("device", "n_qubits"),
    [
        ("ibmq_manila", 3),
        ("ibm_sherbrooke", 2),
        ("ibm_torino", 2),
        pytest.param("ibmq_manila", 2, marks=pytest.mark.trial),
        pytest.param("ibm_sherbrooke", 3, marks=pytest.mark.trial),
        pytest.param("ibm_torino", 3, marks=pytest.mark.trial),
    ],
)
def test_folded_circuits_are_what_aer_runs(
    device: str, n_qubits: int, seed: int, rng: np.random.Generator
) -> None:
    """Wrongly fails in 1 of 3e4 runs: 3 x 4 or 3 x 8 frequencies, each within 5 standard errors."""
    router = angle_router(n_qubits, 1)
    profile = load_profile(device)
    inputs_BF, weights_W = point(router, rng)
    backend = folded_backend(profile, 3, seed=3)
    compiled = backend.compile(router)
    active = sorted(compiled.physical_qubits)
    # The same circuit over the active qubits alone, as the noise model below.
    isa = compiled.device_circuit(measured=True, scheduled=True)
    circuit = relabelled(isa, {q: k for k, q in enumerate(active)}, n_qubits)
    once = folded_backend(profile, seed=3).compile(router).isa_circuit
    assert circuit.num_nonlocal_gates() == 3 * once.num_nonlocal_gates() > 0
    assert circuit.count_ops()["sx"] == once.count_ops()["sx"]

    found_BS = string_probabilities(backend, router, inputs_BF, weights_W)
    np.testing.assert_allclose(
        found_BS @ diagonals(router.observables).T,
        compiled.expectations(inputs_BF, weights_W).values,
        atol=1e-12,
    )
    shots = 100_000
    simulator = AerSimulator(
        method="density_matrix",
        noise_model=profile.subset(active).to_noise_model(),
        seed_simulator=seed,
    )
    for inputs_F, found_S in zip(inputs_BF, found_BS, strict=True):
        values = dict(zip([*router.inputs, *router.weights], [*inputs_F, *weights_W], strict=True))
        used = set(circuit.parameters)
        bound = circuit.assign_parameters({p: v for p, v in values.items() if p in used})
        counts = simulator.run(bound, shots=shots).result().get_counts()
        for string in range(2**n_qubits):
            p = found_S[string]
            share = counts.get(format(string, f"0{n_qubits}b"), 0) / shots
            assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / shots) + 1e-9


def test_more_folding_is_more_noise(rng: np.random.Generator) -> None:
    router = angle_router(2, 3)
    arguments = point(router, rng)
    exact = open_backend("statevector").compile(router).expectations(*arguments).values
    sizes = [
        np.abs(
            folded_backend(load_profile("ibm_lagos").scale(1, readout=0), factor)
            .compile(router)
            .expectations(*arguments)
            .values
            - exact
        ).mean()
        for factor in (1, 3, 5)
    ]
    assert 0 < sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("factor", [0, 2, -1])
def test_gates_are_folded_an_odd_number_of_times(factor: int) -> None:
    with pytest.raises(InputError, match=f"1, 3, 5, ... times, got {factor}"):
        folded_backend(load_profile("ibmq_manila"), factor)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_polynomials_are_extrapolated_exactly(degree: int, rng: np.random.Generator) -> None:
    factors = (1, 3, 5, 7)
    coefficients = rng.normal(size=degree + 1)
    values = np.polynomial.polynomial.polyval(factors, coefficients)
    assert extrapolation(factors, degree) @ values == pytest.approx(coefficients[0])


def test_frequencies_are_whole_numbers_of_shots(rng: np.random.Generator) -> None:
    probabilities_BS = rng.dirichlet(np.ones(4), size=5)
    assert sample_frequencies(probabilities_BS, None, rng) is probabilities_BS
    seen_BS = sample_frequencies(probabilities_BS, 100, rng)
    np.testing.assert_allclose(100 * seen_BS, np.round(100 * seen_BS), atol=1e-9)
    np.testing.assert_allclose(seen_BS.sum(axis=1), 1)
    # 20 shares within 5 standard errors: wrongly fails in 1 of 9e4 runs.
    many_BS = sample_frequencies(probabilities_BS, 10**6, rng)
    error_BS = np.sqrt(probabilities_BS * (1 - probabilities_BS) / 10**6)
    assert (np.abs(many_BS - probabilities_BS) < 5 * error_BS).all()
