"""The runtime backend on fakes, against exact evaluation under the same calibration.

Each test fails for a correct program with a probability of at most 1e-6. Seeds are fixed, so it
fails always or never.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime.utils.validations import validate_isa_circuits
from scipy.stats import chi2  # type: ignore[import-untyped]

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.gradients.rotations import router_of_rotations
from qmoe_qiskit.backends.noisy.backend import NoisyBackend
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.backends import CompiledRouter
    from qmoe_qiskit.typing import FloatArray

FAILURE = 1e-6
SHOTS = 4096


def on_fake(fake: str, *, shots: int = SHOTS, seed: int = 1, **options: Any) -> RuntimeBackend:
    backend = open_backend(f"runtime:{fake}", shots=shots, seed=seed, options=options)
    return cast("RuntimeBackend", backend)


class Exact:
    """The same circuit on the same qubits with the same noise, evaluated exactly."""

    def __init__(
        self, backend: RuntimeBackend, router: RouterCircuit, mitigation: str = "none"
    ) -> None:
        rotations, self.table = router_of_rotations(router)
        profile = backend.device.profile()
        basis = tuple(set(profile.basis_gates) - {"rx", "rzz"})
        noisy = NoisyBackend(
            name="exact",
            noise=replace(profile, basis_gates=basis),
            seed=backend.seed,
            qubits=backend.qubits,
            mitigation=mitigation,
        )
        self.compiled: CompiledRouter = noisy.compile(rotations)

    def values(self, inputs_BF: FloatArray, weights_W: FloatArray) -> FloatArray:
        rows = self.table.angles(inputs_BF, weights_W)
        nothing = np.zeros((1, 0))
        return np.array([self.compiled.expectations(nothing, row).values[0] for row in rows])

    def jacobian(
        self, inputs_BF: FloatArray, weights_W: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        rows = self.table.angles(inputs_BF, weights_W)
        nothing = np.zeros((1, 0))
        slopes_BOG = np.array([self.compiled.jacobian(nothing, row)[1][0] for row in rows])
        return slopes_BOG @ self.table.inputs_GF, slopes_BOG @ self.table.weights_GW


def point(
    router: RouterCircuit, rng: np.random.Generator, n_samples: int
) -> tuple[FloatArray, FloatArray]:
    return rng.uniform(-4, 4, (n_samples, router.n_inputs)), rng.uniform(-4, 4, router.n_weights)


def misfit(values: FloatArray, exact: FloatArray, errors: FloatArray, bias: float = 0) -> float:
    """Sum of squared deviations of an output over its quantile; `bias` is an allowed deviation."""
    far = np.maximum(np.abs(values - exact) - bias, 0) / errors
    n_samples, n_outputs = values.shape
    return float((far**2).sum(axis=0).max() / chi2.isf(FAILURE / n_outputs, n_samples))


def assert_fits(values: FloatArray, exact: FloatArray, errors: FloatArray, bias: float = 0) -> None:
    assert misfit(values, exact, errors, bias) < 1


def measured_gates(backend: RuntimeBackend, compiled: Any) -> float:
    """Upper bound of the effect of the estimator's two extra SX gates per measured qubit."""
    profile = backend.device.profile()
    gates = [profile.gate("sx", [q]) for q in compiled.physical_qubits]
    return 2 * sum(2 * (gate.error or 0.0) for gate in gates if gate is not None)


@pytest.mark.parametrize(
    ("fake", "primitive"),
    [
        ("fake_manila", "estimator"),
        ("fake_kolkata", "sampler"),
        ("fake_fez", "estimator"),
        pytest.param("fake_manila", "sampler", marks=pytest.mark.trial),
        pytest.param("fake_kolkata", "estimator", marks=pytest.mark.trial),
        pytest.param("fake_fez", "sampler", marks=pytest.mark.trial),
    ],
)
def test_unmitigated_values_are_the_calibration_s(
    fake: str, primitive: str, rng: np.random.Generator
) -> None:
    router = angle_router(2, 3)
    level = {"resilience_level": 0} if primitive == "estimator" else {}
    backend = on_fake(fake, primitive=primitive, **level)
    compiled = backend.compile(router)
    x_BF, w_W = point(router, rng, 24)
    found = compiled.expectations(x_BF, w_W)
    exact = Exact(backend, router)
    values = exact.values(x_BF, w_W)
    assert compiled.physical_qubits == exact.compiled.physical_qubits
    bias = measured_gates(backend, compiled) if primitive == "estimator" else 0
    errors = np.sqrt((1 - values**2) / SHOTS)
    assert_fits(found.values, values, errors, bias)
    np.testing.assert_allclose(found.std_errors, errors, atol=2 * errors.max() * 0.1)
    assert found.shots == SHOTS


def test_circuits_over_more_qubits(
    random_router: Callable[..., RouterCircuit], rng: np.random.Generator
) -> None:
    router = random_router(3, 5, n_gates=20)
    backend = on_fake("fake_fez", primitive="sampler")
    compiled, exact = backend.compile(router), Exact(backend, router)
    x_BF, w_W = point(router, rng, 24)
    values, found = exact.values(x_BF, w_W), compiled.expectations(x_BF, w_W)
    norms = np.array([np.abs(o.coeffs).sum() for o in router.observables])
    errors = np.maximum(found.std_errors, 1e-3 * norms)
    assert_fits(found.values, values, errors)


def test_waiting_qubits_relax(rng: np.random.Generator) -> None:
    """An excited qubit waits while another qubit is rotated many times."""
    inputs, weights = ParameterVector("x", 1), ParameterVector("w", 1)
    circuit = QuantumCircuit(2)
    circuit.rx(weights[0], 0)
    circuit.cx(0, 1)
    for _ in range(60):
        circuit.rx(inputs[0], 1)
        circuit.rz(inputs[0], 1)
    observables = (SparsePauliOp("IZ"), SparsePauliOp("ZI"))
    router = RouterCircuit(circuit=circuit, inputs=inputs, weights=weights, observables=observables)
    backend = on_fake("fake_kolkata", primitive="sampler")
    x_BF, w_W = rng.uniform(-4, 4, (24, 1)), np.array([np.pi])
    found = backend.compile(router).expectations(x_BF, w_W)
    values = Exact(backend, router).values(x_BF, w_W)
    errors = np.sqrt((1 - values**2) / SHOTS)
    assert_fits(found.values, values, errors)


def test_mitigation_undoes_readout_errors(rng: np.random.Generator) -> None:
    router = angle_router(2, 2)
    x_BF, w_W = point(router, rng, 24)
    shots = 5 * SHOTS
    raw = on_fake("fake_kolkata", shots=shots, resilience_level=0)
    profile = raw.device.profile()
    worst = max(
        profile.couplings, key=lambda pair: sum(profile.qubits[q].readout_error or 0 for q in pair)
    )
    raw, mitigated = (
        replace(backend, qubits=worst) for backend in (raw, on_fake("fake_kolkata", shots=shots))
    )
    free = Exact(mitigated, router, mitigation="readout").values(x_BF, w_W)
    compiled = mitigated.compile(router)
    bias = measured_gates(mitigated, compiled)
    found = compiled.expectations(x_BF, w_W)
    # Besides its own shots, the calibration circuit adds to the error of every value.
    assert_fits(found.values, free, 1.5 * found.std_errors, bias)
    unmitigated = raw.compile(router).expectations(x_BF, w_W)
    assert misfit(unmitigated.values, free, 1.5 * unmitigated.std_errors, bias) > 2
    assert np.abs(found.values - free).mean() < np.abs(unmitigated.values - free).mean() / 2


@pytest.mark.parametrize(
    "options",
    [
        {"resilience_level": 2},
        {"resilience": {"zne_mitigation": True, "zne": {"noise_factors": [1, 2, 3]}}},
        {"dynamical_decoupling": {"enable": True, "sequence_type": "XY4"}},
        {"resilience_level": 0, "twirling": {"enable_gates": True, "num_randomizations": 5}},
        {"resilience_level": 0, "precision": 0.05},
        {"primitive": "sampler", "dynamical_decoupling": {"enable": True}},
        {"primitive": "sampler", "twirling": {"enable_gates": True, "enable_measure": True}},
        {"mode": "batch", "execution": {"rep_delay": 1e-4}},
    ],
    ids=str,
)
def test_every_option_runs(options: dict[str, Any], rng: np.random.Generator) -> None:
    """Every option runs without a warning, and mitigation lowers the error (noise is below 0.3)."""
    router = angle_router(2, 1)
    x_BF, w_W = point(router, rng, 4)
    shots = None if "precision" in options else 1024
    backend = open_backend("runtime:fake_kolkata", shots=shots, seed=1, options=options)
    found = backend.compile(router).expectations(x_BF, w_W)
    ideal = open_backend("statevector").compile(router).expectations(x_BF, w_W).values
    assert np.abs(found.values - ideal).max() < 0.3
    assert found.shots == (400 if "precision" in options else 1024)


def test_parameter_shifts_are_the_derivatives_under_noise(rng: np.random.Generator) -> None:
    router = angle_router(2, 1)
    backend = on_fake("fake_fez", resilience_level=0)
    x_BF, w_W = point(router, rng, 6)
    found = backend.compile(router).jacobian(x_BF, w_W)
    right = Exact(backend, router).jacobian(x_BF, w_W)
    bias = measured_gates(backend, backend.compile(router))
    for ours, theirs in zip(found, right, strict=True):
        # Half the difference of two means, each with a variance of at most 1 / shots; every input
        # and weight is the angle of one gate.
        flat = ours.reshape(len(x_BF), -1), theirs.reshape(len(x_BF), -1)
        assert_fits(*flat, np.full_like(flat[0], np.sqrt(1 / (2 * SHOTS))), bias)


def test_spsa_gradients_follow_the_exact_ones(rng: np.random.Generator, *, whole: bool) -> None:
    router = angle_router(2, 1)
    x_BF, w_W = point(router, rng, 2)
    directions = 150 if whole else 50
    backend = on_fake("fake_manila", shots=512, gradient="spsa", spsa_directions=directions)
    found = backend.compile(router).jacobian(x_BF, w_W)
    right = open_backend("statevector").compile(router).jacobian(x_BF, w_W)
    for ours, theirs in zip(found, right, strict=True):
        assert ours.shape == theirs.shape
        cosine = (ours * theirs).sum() / np.linalg.norm(ours) / np.linalg.norm(theirs)
        assert cosine > 0.8


def test_new_shots_in_every_call_and_the_same_when_opened_again(rng: np.random.Generator) -> None:
    router = angle_router(2, 1)
    x_BF, w_W = point(router, rng, 3)
    first, again = (on_fake("fake_manila", shots=100).compile(router) for _ in range(2))
    values = [first.expectations(x_BF, w_W).values for _ in range(2)]
    assert (values[0] != values[1]).any()
    for value in values:
        np.testing.assert_array_equal(again.expectations(x_BF, w_W).values, value)
    other = on_fake("fake_manila", shots=100, seed=2).compile(router)
    assert (other.expectations(x_BF, w_W).values != values[0]).any()


def test_a_fake_is_called_a_fake() -> None:
    backend = on_fake("fake_fez")
    assert backend.device.name == "fake_fez"
    assert backend.device.is_local
    assert backend.name == "runtime:fake_fez"
    assert backend.device.profile().device == "fake_fez"
    compiled = backend.compile(angle_router(2, 1))
    assert compiled.isa_circuit.num_qubits == 156
    validate_isa_circuits([compiled.isa_circuit], backend.device.backend.target)
    work = compiled.work(np.zeros((1, 2)), np.zeros(6))
    assert (work.device, work.spec) == ("fake_fez", "runtime:fake_fez")


def test_chosen_qubits() -> None:
    backend = open_backend("runtime:fake_kolkata", shots=10, qubits=[3, 5], seed=1)
    assert sorted(backend.compile(angle_router(2, 1)).physical_qubits) == [3, 5]
    far = open_backend("runtime:fake_kolkata", shots=10, qubits=[0, 26])
    with pytest.raises(InputError, match="not connected"):
        far.compile(angle_router(2, 1))


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        ("runtime:", {}, "unknown backend 'runtime:'"),
        ("runtime", {}, "unknown backend 'runtime'"),
        ("runtime:fake_tornio", {}, "did you mean 'fake_torino'"),
        ("runtime:fake_fez", {"mitigation": "readout"}, "resilience_level"),
        ("runtime:fake_fez", {"engine": "aer"}, "is for backend 'statevector'"),
        ("runtime:fake_fez", {"shots": 0}, "shots must be"),
        ("runtime:fake_fez", {"shots": 9, "options": {"precision": 0.1}}, "two ways to say one"),
        ("runtime:fake_fez", {"options": {"resilence_level": 1}}, "'resilence_level'"),
        ("runtime:fake_fez", {"ledger": "jobs.sqlite"}, "has no ledger"),
        ("noisy:ibm_fez", {"options": {}}, "has no options"),
        ("statevector", {"ledger": "jobs.sqlite"}, "has no options, ledger or budget"),
        ("noisy:ideal", {"budget_s": 5.0}, "has no options, ledger or budget"),
    ],
)
def test_what_cannot_be_opened(spec: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_backend(spec, **settings)
