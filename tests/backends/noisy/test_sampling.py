"""Shots: their means, their errors, their independence, and derivatives from them.

Bounds hold for any distribution (Hoeffding's inequality) or are quantiles; each test fails for a
correct program with a probability of at most 1e-6. Seeds are fixed, so it fails always or never.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import RZGate
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.noise import NoiseModel, RelaxationNoisePass, depolarizing_error
from scipy.stats import chi2  # type: ignore[import-untyped]

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.noisy import sampling
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import NoiseProfile, capture, load_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.backends import CompiledRouter
    from qmoe_qiskit.typing import FloatArray

FAILURE = 1e-6
SPECS = [
    "noisy:ibmq_manila",
    "noisy:ibm_torino",
    "noisy:thermal:50,40",
    "noisy:readout:0.05",
    "noisy:depolarizing:0.05",
    "noisy:depolarizing-gates:0.02",
]


def mean_bound(shots: int, n_means: int, spread: float = 2.0) -> float:
    """How far any of some means of `shots` values may lie off, values in an interval `spread`."""
    return float(spread * np.sqrt(np.log(2 * n_means / FAILURE) / (2 * shots)))


def both(spec: str, router: RouterCircuit, **settings: Any) -> tuple[CompiledRouter, Any]:
    exact = {k: v for k, v in settings.items() if k != "shots"}
    return (
        open_backend(spec, seed=1, **exact).compile(router),
        open_backend(spec, seed=1, **settings).compile(router),
    )


def point(
    router: RouterCircuit, rng: np.random.Generator, n_samples: int
) -> tuple[FloatArray, FloatArray]:
    return rng.uniform(-4, 4, (n_samples, router.n_inputs)), rng.uniform(-4, 4, router.n_weights)


def every_angle() -> RouterCircuit:
    """Gates with several angles and controlled ones, which shift rules cannot take as they are."""
    x, w = ParameterVector("x", 2), ParameterVector("w", 3)
    c = QuantumCircuit(2)
    c.h(0)
    c.u(x[0], w[0], 0.3, 0)
    c.u(0.4, x[1] - 0.5 * w[1], w[0], 1)
    c.crx(w[1], 0, 1)
    c.cp(2 * w[2] + x[0], 1, 0)
    c.rzz(x[1], 0, 1)
    c.ryy(w[2], 0, 1)
    c.p(0.3, 1)
    c.r(w[0], x[0], 1)
    observables = (SparsePauliOp("IZ"), SparsePauliOp.from_list([("ZZ", 0.5), ("ZI", -1.5)]))
    return RouterCircuit(circuit=c, inputs=x, weights=w, observables=observables)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("router", [angle_router(2, 2), every_angle()], ids=["paper", "angles"])
def test_means_are_the_exact_values(
    spec: str, router: RouterCircuit, rng: np.random.Generator, *, whole: bool
) -> None:
    shots, at = (20_000, point(router, rng, 20)) if whole else (5000, point(router, rng, 10))
    exact, sampled = both(spec, router, shots=shots)
    result = sampled.expectations(*at)
    assert result.shots == shots
    spread = np.array([np.ptp(o.to_matrix().diagonal().real) for o in router.observables])
    off = np.abs(result.values - exact.expectations(*at).values) / spread
    assert off.max() < mean_bound(shots, off.size, spread=1)
    assert (result.std_errors <= spread / 2 / np.sqrt(shots - 1)).all()


def with_cp() -> NoiseProfile:
    """A device whose only two-qubit gate is cp, with a large error."""
    lagos = load_profile("ibm_lagos")
    cp = [replace(g, name="cp", error=0.2) for g in lagos.gates if g.name == "cx"]
    basis = (*(set(lagos.basis_gates) - {"cx"}), "cp")
    return replace(lagos, basis_gates=basis, gates=(*lagos.gates, *cp))


def of_u3() -> NoiseModel:
    model = NoiseModel(basis_gates=["u3", "cx"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), "u3")
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["cx"])
    return model


@pytest.mark.parametrize(
    ("noise", "gate"),
    [
        (lambda: capture("fake_boeblingen").scale(gates=300), "u3"),
        (with_cp, "cp"),
        (of_u3, "u3"),
    ],
    ids=["u3 of a device", "cp of a device", "u3 of a noise model"],
)
def test_gates_without_a_shift_rule_keep_their_errors(
    noise: Callable[[], Any], gate: str, rng: np.random.Generator
) -> None:
    """Exact values, which compilation compares with Aer's, have the error of each such gate."""
    router, shots, source = every_angle(), 20_000, noise()
    at = point(router, rng, 10)
    exact = open_backend(source, seed=1).compile(router)
    assert exact.isa_circuit.count_ops()[gate] > 2
    sampled = open_backend(source, seed=1, shots=shots).compile(router)
    expected = exact.expectations(*at).values
    ideal = open_backend("statevector").compile(router).expectations(*at).values
    spread = np.array([np.ptp(o.to_matrix().diagonal().real) for o in router.observables])
    off = np.abs(sampled.expectations(*at).values - expected) / spread
    bound = mean_bound(shots, off.size, spread=1)
    assert off.max() < bound
    assert (np.abs(expected - ideal) / spread).max() > 5 * bound


def test_passes_that_would_meet_parts_of_gates_are_refused() -> None:
    model = of_u3()
    relax = RelaxationNoisePass([1e-5] * 2, [1e-5] * 2, op_types=[RZGate])
    model._custom_noise_passes.append(relax)
    with pytest.raises(InputError, match=r"pass for rz, .* on the rotations of u3: omit shots"):
        open_backend(model, seed=1, shots=10).compile(every_angle())


@pytest.mark.parametrize(
    ("spec", "mitigation"),
    [
        ("noisy:ibmq_manila", "readout"),
        pytest.param("noisy:depolarizing:0.05", "none", marks=pytest.mark.trial),
        pytest.param("noisy:ibmq_manila", "none", marks=pytest.mark.trial),
        pytest.param("noisy:depolarizing:0.05", "readout", marks=pytest.mark.trial),
    ],
)
def test_standard_errors_are_calibrated(
    spec: str, mitigation: str, rng: np.random.Generator
) -> None:
    """Squared deviations over squared errors, summed over points, follow chi-square."""
    router = angle_router(2, 1)
    inputs_BF, weights_W = point(router, rng, 600)
    exact, sampled = both(spec, router, shots=2000, mitigation=mitigation)
    expected = exact.expectations(inputs_BF, weights_W).values[:, 0]
    result = sampled.expectations(inputs_BF, weights_W)
    usual = np.abs(expected) < 0.9  # beyond, counts are too few to be normal
    assert usual.sum() > 300
    deviations = (result.values[:, 0] - expected)[usual] / result.std_errors[usual, 0]
    n = int(usual.sum())
    total = float((deviations**2).sum())
    assert chi2.ppf(FAILURE / 2, n) < total < chi2.isf(FAILURE / 2, n)
    assert abs(deviations.sum()) < np.sqrt(2 * np.log(2 / FAILURE) * n)


@pytest.mark.parametrize("spec", ["noisy:ibmq_manila", "noisy:depolarizing:0.05"])
def test_all_observables_are_read_from_the_same_shots(spec: str, rng: np.random.Generator) -> None:
    """From <Z0>, <Z1> and <Z0 Z1> follow counts of all four strings: whole and not negative."""
    shots = 37
    router = angle_router(2, 1).with_observables(
        [SparsePauliOp(label) for label in ("II", "IZ", "ZI", "ZZ")]
    )
    sampled = open_backend(spec, shots=shots, seed=2).compile(router)
    values = sampled.expectations(*point(router, rng, 40)).values
    signs = np.array([[1, a, b, a * b] for a in (1, -1) for b in (1, -1)])
    counts = shots * values @ signs.T / 4
    np.testing.assert_allclose(counts, np.round(counts), rtol=0, atol=1e-9)
    assert counts.min() > -1e-9
    np.testing.assert_allclose(counts.sum(1), shots)


def test_a_seed_repeats_everything_and_no_call_repeats_another(rng: np.random.Generator) -> None:
    router = angle_router(2, 1)
    at = point(router, rng, 8)

    def run(seed: int | None) -> list[FloatArray]:
        compiled = open_backend("noisy:ibmq_manila", shots=50, seed=seed).compile(router)
        calls = [compiled.expectations(*at).values for _ in range(2)]
        values, pullback = compiled.vjp(*at)
        return [*calls, *compiled.jacobian(*at), values, *pullback(np.ones_like(values))]

    first, again, other = run(7), run(7), run(8)
    for mine, same, different in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(mine, same)
        assert (mine != different).any()
    assert (first[0] != first[1]).any()
    assert (first[0] != first[4]).any()
    free, free_again = run(None), run(None)
    assert (free[0] != free_again[0]).any()


@pytest.mark.parametrize("spec", ["noisy:ibmq_manila", "noisy:depolarizing:0.05"])
def test_equal_rows_of_a_batch_are_independent(
    spec: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spread over 300 equal rows, in several jobs, is that of 300 independent means."""
    monkeypatch.setattr(sampling, "_POINTS_PER_JOB", 64)
    shots, n = 200, 300
    router = angle_router(2, 1)
    weights_W = rng.uniform(-4, 4, 6)
    inputs_BF = np.broadcast_to([0.9, 1.4], (n, 2))
    exact, sampled = both(spec, router, shots=shots)
    expected = exact.expectations(inputs_BF[:1], weights_W).values[0, 0]
    assert abs(expected) < 0.9
    values = sampled.expectations(inputs_BF, weights_W).values[:, 0]
    variance = (1 - expected**2) / shots
    total = float(((values - expected) ** 2).sum() / variance)
    assert chi2.ppf(FAILURE / 2, n) < total < chi2.isf(FAILURE / 2, n)
    # Neighbours, and equal places of different jobs, are not correlated.
    for lag in (1, 64):
        products = (values[lag:] - expected) * (values[:-lag] - expected) / variance
        assert abs(products.sum()) < 5.5 * np.sqrt(n)


@pytest.mark.parametrize("per_job", [1, 5, 100])
def test_large_batches_go_in_several_jobs(
    per_job: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "_POINTS_PER_JOB", per_job)
    router = angle_router(2, 1)
    at = point(router, rng, 13)
    exact, sampled = both("noisy:ibmq_manila", router, shots=5000)
    off = np.abs(sampled.expectations(*at).values - exact.expectations(*at).values)
    assert off.shape == (13, 2)
    assert off.max() < mean_bound(5000, off.size)


def test_a_single_shot_gives_single_outcomes(rng: np.random.Generator) -> None:
    sampled = open_backend("noisy:ibmq_manila", shots=1, seed=0).compile(angle_router(2, 1))
    result = sampled.expectations(*point(sampled.router, rng, 50))
    assert set(result.values.flat) == {1.0, -1.0}
    assert np.isfinite(result.std_errors).all()


@pytest.mark.parametrize(
    ("router", "spec"),
    [
        pytest.param(angle_router(2, 1), "noisy:ibmq_manila", id="paper-device"),
        pytest.param(every_angle(), "noisy:depolarizing-gates:0.02", id="angles-depolarizing"),
        pytest.param(
            every_angle(), "noisy:ibmq_manila", id="angles-device", marks=pytest.mark.trial
        ),
        pytest.param(
            angle_router(2, 1),
            "noisy:depolarizing-gates:0.02",
            id="paper-depolarizing",
            marks=pytest.mark.trial,
        ),
    ],
)
def test_parameter_shifts_are_the_exact_derivatives(
    spec: str, router: RouterCircuit, rng: np.random.Generator
) -> None:
    """A slope by one angle is half the difference of two means; chain rule weights add up."""
    shots, at = 20_000, point(router, rng, 2)
    exact, sampled = both(spec, router, shots=shots)
    spread = np.array([np.ptp(o.to_matrix().diagonal().real) for o in router.observables])
    table = sampled._table
    n_slopes = 2 * len(table.offset_G) * router.n_outputs
    one_angle = mean_bound(2 * shots, n_slopes, spread=1)
    for chain, ours, theirs in zip(
        (table.inputs_GF, table.weights_GW), sampled.jacobian(*at), exact.jacobian(*at), strict=True
    ):
        bound = one_angle * spread[:, None] * np.abs(chain).sum(0)
        assert (np.abs(ours - theirs) <= bound).all()
        assert bound.max() < 0.5


@pytest.mark.parametrize(
    ("array", "spec"),
    [(np.array, "noisy:ibm_torino"), (torch.tensor, "noisy:ibmq_manila")],
    ids=["numpy", "torch"],
)
def test_pullbacks_are_the_exact_ones(
    array: Callable[[FloatArray], Any], spec: str, rng: np.random.Generator, *, whole: bool
) -> None:
    router, shots, n_samples = angle_router(2, 1), 20_000, 3 if whole else 1
    at = point(router, rng, n_samples)
    gradient_BO = rng.uniform(-1, 1, (n_samples, 2))
    exact, sampled = both("noisy:ibm_torino" if whole else spec, router, shots=shots)
    _, pullback = exact.vjp(*at)
    expected = pullback(gradient_BO)
    values, pullback = sampled.vjp(array(at[0]), array(at[1]))
    ours = pullback(array(gradient_BO))
    table = sampled._table
    one_angle = mean_bound(2 * shots, 4 * n_samples * len(table.offset_G))
    for chain, mine, theirs in zip(
        (table.inputs_GF, table.weights_GW), ours, expected, strict=True
    ):
        assert type(mine) is type(values) is type(array(gradient_BO))
        bound = one_angle * np.abs(gradient_BO).sum() * np.abs(chain).sum(0)
        assert (np.abs(np.asarray(mine) - theirs) <= bound).all()
    nothing, d_weights = pullback(array(gradient_BO), need_inputs=False)
    assert nothing is None
    assert (np.asarray(d_weights) != np.asarray(ours[1])).any()  # shots of its own


def test_mitigated_shots_are_unbiased_and_noisier(
    aer_values: Any, rng: np.random.Generator
) -> None:
    from qmoe_qiskit.noise_profiles import load_profile

    router, shots = angle_router(2, 2), 20_000
    at = point(router, rng, 30)
    settings: dict[str, Any] = {"shots": shots, "seed": 3, "qubits": [0, 1]}
    plain = open_backend("noisy:ibmq_manila", **settings).compile(router)
    mitigated = open_backend("noisy:ibmq_manila", mitigation="readout", **settings).compile(router)
    profile = load_profile("ibmq_manila")
    expected, _ = aer_values(profile, mitigated, *at, readout=False)
    raw, corrected = plain.expectations(*at), mitigated.expectations(*at)
    contrast = np.array(
        [
            1 - (profile.qubits[q].p_meas1_prep0 or 0) - (profile.qubits[q].p_meas0_prep1 or 0)
            for q in mitigated.physical_qubits
        ]
    )
    bound = mean_bound(shots, expected.size) / contrast
    assert (np.abs(corrected.values - expected) < bound).all()
    assert (np.abs(raw.values - expected) > bound).any()
    # Both backends draw the same shots; a corrected one is stretched by 1 / contrast.
    np.testing.assert_allclose(corrected.std_errors, raw.std_errors / contrast, rtol=1e-9)


def test_nothing_free_and_nothing_asked() -> None:
    x, w = ParameterVector("x", 1), ParameterVector("w", 2)
    circuit = QuantumCircuit(1)
    circuit.ry(1.1, 0)
    router = RouterCircuit(circuit=circuit, inputs=x, weights=w, observables=(SparsePauliOp("Z"),))
    exact, sampled = both("noisy:ibmq_manila", router, shots=5000)
    inputs_BF, weights_W = np.zeros((40, 1)), np.zeros(2)
    result = sampled.expectations(inputs_BF, weights_W)
    assert len(set(result.values[:, 0])) > 1
    expected = exact.expectations(inputs_BF, weights_W).values
    assert np.abs(result.values - expected).max() < mean_bound(5000, 40)
    by_inputs, by_weights = sampled.jacobian(inputs_BF, weights_W)
    assert by_inputs.shape == (40, 1, 1)
    assert by_weights.shape == (40, 1, 2)
    assert not by_inputs.any()
    assert not by_weights.any()
    assert sampled.expectations(inputs_BF[:0], weights_W).values.shape == (0, 1)


def test_more_qubits_than_a_density_matrix_holds(rng: np.random.Generator, *, whole: bool) -> None:
    """Nine qubits: a trajectory per shot, against the exact values."""
    router = angle_router(9, 1, entanglement="linear")
    shots, at = 2000 if whole else 500, point(router, rng, 1)
    exact, sampled = both("noisy:ibm_fez", router, shots=shots)
    off = np.abs(sampled.expectations(*at).values - exact.expectations(*at).values)
    assert off.max() < mean_bound(shots, off.size)


SEEDED = """
import numpy as np
from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router

for n_qubits in (2, 9):
    router = angle_router(n_qubits, 1, entanglement="linear")
    compiled = open_backend("noisy:depolarizing-gates:0.05", shots=100, seed=3).compile(router)
    values = compiled.expectations(np.full((4, n_qubits), 0.7), np.full(3 * n_qubits, 0.3)).values
    print(values.tolist())
"""


@pytest.mark.process
def test_a_seeds_shots_do_not_depend_on_the_number_of_cores(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """This process has one number of threads, see tests/conftest.py, a new one another."""
    exec(SEEDED, {})  # noqa: S102
    here = capsys.readouterr().out
    there = subprocess.run(
        [sys.executable, "-c", SEEDED],
        env={**os.environ, "OMP_NUM_THREADS": "4" if os.environ["OMP_NUM_THREADS"] == "1" else "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert here == there != ""
