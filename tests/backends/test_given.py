"""Opening backends from what Qiskit's users hold in their hands, and slips with it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import CXGate, SXGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    NoiseModel,
    ReadoutError,
    amplitude_damping_error,
    depolarizing_error,
    pauli_error,
)
from qiskit_aer.primitives import EstimatorV2 as AerEstimator
from qiskit_ibm_runtime import IBMBackend
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qmoe_qiskit.backends import BackendSpec, open_backend
from qmoe_qiskit.backends.given import spec_of
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.torch_connector import RouterNetwork
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile

SIGMAS = 5.0
ROUNDING = 1e-9
MIXED = ("XXI", "ZZZ", "IZY")


def point(router: RouterCircuit, rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.uniform(-3, 3, (2, router.n_inputs)), rng.uniform(-3, 3, router.n_weights)


def readout(low: float, high: float) -> ReadoutError:
    return ReadoutError([[1 - low, low], [high, 1 - high]])


def all_qubits() -> NoiseModel:
    """Errors of every qubit, of one qubit instead, before measurements, and of readout."""
    model = NoiseModel(basis_gates=["cz", "rz", "sx"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.03, 2), "cz")
    model.add_all_qubit_quantum_error(amplitude_damping_error(0.02), "sx")
    model.add_quantum_error(depolarizing_error(0.1, 1), "sx", [1])
    model.add_all_qubit_quantum_error(pauli_error([("X", 0.04), ("I", 0.96)]), "measure")
    model.add_all_qubit_readout_error(readout(0.01, 0.05))
    model.add_readout_error(readout(0.1, 0.2), [2])
    return model


def some_pairs() -> NoiseModel:
    """A line of coupled qubits, one direction each."""
    model = NoiseModel(basis_gates=["ecr", "rz", "sx", "x"])
    model.add_quantum_error(depolarizing_error(0.05, 2), "ecr", [0, 1])
    model.add_quantum_error(depolarizing_error(0.02, 2), "ecr", [2, 1])
    model.add_all_qubit_quantum_error(depolarizing_error(0.001, 1), ["sx", "x"])
    return model


MODELS = {
    "all qubits": all_qubits,
    "some pairs": some_pairs,
    "of a device": lambda: NoiseModel.from_backend(FakeManilaV2()),
    "ideal": NoiseModel,
}


@pytest.mark.parametrize(
    ("name", "wrapped"),
    [
        *((name, False) for name in MODELS),
        *(
            pytest.param(name, True, marks=() if name == "all qubits" else pytest.mark.trial)
            for name in MODELS
        ),
    ],
)
def test_a_noise_model_of_aer_is_what_aer_runs(
    name: str, wrapped: bool, seed: int, rng: np.random.Generator
) -> None:
    """Measured by Aer on the circuit handed out; 6 values within 5 standard errors."""
    model, shots = MODELS[name](), 20_000
    router = angle_router(3, 2).with_observables(["IIZ", "ZZI", "ZZZ"])
    backend = open_backend(AerSimulator(noise_model=model) if wrapped else model, seed=1)
    compiled, (x_BF, w_W) = backend.compile(router), point(router, rng)
    circuit = compiled.device_circuit(measured=True)
    assert set(circuit.count_ops()) <= {*model.basis_gates, "measure", "barrier"}
    values_BO = compiled.expectations(x_BF, w_W).values
    sampled_BO = open_backend(model, seed=1, shots=shots).compile(router).expectations(x_BF, w_W)
    simulator = AerSimulator(noise_model=model, seed_simulator=seed)
    bound = []
    for x_F in x_BF:
        angles = dict(zip([*router.inputs, *router.weights], [*x_F, *w_W], strict=True))
        bound.append(circuit.assign_parameters({p: angles[p] for p in circuit.parameters}))
    for k, counts in enumerate(simulator.run(bound, shots=shots).result().get_counts()):
        for o, letters in enumerate(["IIZ", "ZZI", "ZZZ"]):
            signs = [
                sum(bit == "1" for bit, z in zip(string, letters, strict=True) if z == "Z") % 2
                for string in counts
            ]
            found = (
                sum((1 - 2 * odd) * n for odd, n in zip(signs, counts.values(), strict=True))
                / shots
            )
            assert abs(found - values_BO[k, o]) < SIGMAS / np.sqrt(shots)
    assert np.abs(sampled_BO.values - values_BO).max() < SIGMAS / np.sqrt(shots)


@pytest.mark.parametrize("name", ["some pairs", "ideal"])
def test_its_exact_values_are_aers(name: str, rng: np.random.Generator) -> None:
    """Before a measurement Aer needs no change of basis, so these observables are diagonal."""
    model, router = MODELS[name](), angle_router(3, 2)
    compiled, (x_BF, w_W) = open_backend(model).compile(router), point(router, rng)
    isa = compiled.isa_circuit
    options = {"backend_options": {"method": "density_matrix", "noise_model": model}}
    angles = [dict(zip([*router.inputs, *router.weights], [*x, *w_W], strict=True)) for x in x_BF]
    pub = (
        isa,
        [[o.apply_layout(isa.layout)] for o in router.observables],
        [[values[p] for p in isa.parameters] for values in angles],
    )
    found_OB = AerEstimator(options=options).run([pub]).result()[0].data.evs
    values_BO = compiled.expectations(x_BF, w_W).values
    np.testing.assert_allclose(values_BO, found_OB.T, rtol=0, atol=ROUNDING)


def test_other_bases_are_measured_under_the_model_too(rng: np.random.Generator) -> None:
    router = angle_router(3, 1).with_observables(MIXED)
    x_BF, w_W = point(router, rng)
    exact = open_backend(all_qubits()).compile(router).expectations(x_BF, w_W)
    sampled = open_backend(all_qubits(), shots=20_000, seed=3).compile(router)
    found = sampled.expectations(x_BF, w_W)
    assert np.abs(found.values - exact.values).max() < SIGMAS / np.sqrt(20_000)


def test_a_model_may_be_changed_after_it_was_given(rng: np.random.Generator) -> None:
    model, router = all_qubits(), angle_router(2, 1)
    at = point(router, rng)
    backend = open_backend(model)
    before = backend.compile(router).expectations(*at).values
    model.add_all_qubit_quantum_error(depolarizing_error(0.5, 2), "cz", warnings=False)
    np.testing.assert_array_equal(backend.compile(router).expectations(*at).values, before)
    assert open_backend(model).name != backend.name == open_backend(all_qubits()).name


def test_extrapolation_amplifies_a_model_of_gates_that_are_their_own_inverse() -> None:
    router, at = angle_router(2, 2), (np.full((1, 2), 0.7), np.full(12, 0.4))
    ideal = open_backend("statevector").compile(router).expectations(*at).values
    model = some_pairs()
    plain, extrapolated = (
        open_backend(model, mitigation=m).compile(router).expectations(*at).values
        for m in ("none", "zne")
    )
    assert np.abs(extrapolated - ideal).max() < np.abs(plain - ideal).max()
    other = NoiseModel(basis_gates=["rzz", "rz", "sx"])
    other.add_all_qubit_quantum_error(depolarizing_error(0.03, 2), "rzz")
    with pytest.raises(InputError, match="gate 'rzz' is not its own inverse"):
        open_backend(other, mitigation="zne").compile(router)


def correlated() -> NoiseModel:
    model = NoiseModel()
    model.add_readout_error(ReadoutError(np.eye(4)[::-1].tolist()), [0, 1])
    return model


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "int is no backend; a backend is opened by a name, such as .* or an AerSimulator"),
        (None, "NoneType is no backend"),
        (QuantumCircuit(1), "QuantumCircuit is no backend"),
        (FakeManilaV2, r"FakeManilaV2 is a class: give an object of it, such as FakeManilaV2\(\)"),
        (open_backend("statevector"), "'statevector' is open already: use it as it is"),
        (GenericBackendV2(3, noise_info=False).target, "the target states no gate errors"),
        (correlated(), r"readout error of qubits \[0, 1\] together"),
        ("noisy:<ibm_torino of 2025-02-26, hash 5b6405b18946>", "names what was given as an obj"),
        ("runtime:<generic>", "names what was given as an object"),
        ("noisy:fake_manilla", "unknown fake backend 'fake_manilla'.*did you mean 'fake_manila'"),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_is_answered_with_what_can(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_backend(given)


def test_a_device_of_an_account_is_opened_by_its_name() -> None:
    device = IBMBackend.__new__(IBMBackend)  # a connection is not needed to refuse it
    device.__dict__.update(name="ibm_fez", _instance=None, _service=SimpleNamespace())
    with pytest.raises(InputError, match="use 'runtime:ibm_fez'"):
        open_backend(cast("Any", device))


def test_fakes_and_other_backends_run_by_ibms_primitives() -> None:
    router, at = angle_router(2, 1), (np.full((1, 2), 0.7), np.full(6, 0.4))
    given, named = (
        open_backend(backend, seed=3, shots=200)
        for backend in (FakeManilaV2(), "runtime:fake_manila")
    )
    assert given.name == named.name
    ours, theirs = (backend.compile(router).expectations(*at) for backend in (given, named))
    np.testing.assert_array_equal(ours.values, theirs.values)
    generic = GenericBackendV2(4, seed=1)
    other = open_backend(generic, seed=3, shots=2000)
    assert other.name == f"runtime:<{generic.name}>"
    values = other.compile(router).expectations(*at).values
    ideal = open_backend("statevector").compile(router).expectations(*at).values
    assert np.abs(values - ideal).max() < 0.1 + SIGMAS / np.sqrt(2000)
    with pytest.raises(InputError, match="mitigates by its options"):
        open_backend(generic, mitigation="zne")


@pytest.mark.parametrize("shots", [None, 50])
def test_calibrations_in_every_form_are_the_same_noise(shots: int | None) -> None:
    fake, router = FakeManilaV2(), angle_router(2, 1).with_observables(["XX", "ZZ"])
    at = np.full((1, 2), 0.7), np.full(6, 0.4)
    profile = NoiseProfile.from_backend(fake)
    found = [
        open_backend(given, seed=3, shots=shots).compile(router).expectations(*at).values
        for given in (profile, "noisy:fake_manila")
    ]
    np.testing.assert_array_equal(found[0], found[1])
    assert open_backend(fake.target).name == open_backend(fake.target).name
    # A target has one readout error for both outcomes.
    by_target = open_backend(fake.target, seed=3, shots=shots).compile(router)
    assert np.abs(by_target.expectations(*at).values - found[0]).max() < (
        0.1 if shots is None else 1
    )


def test_names_do_not_pretend() -> None:
    """What is named like a stored calibration is that calibration."""
    stored = load_profile("ibm_torino")
    assert open_backend(stored).name == "noisy:ibm_torino"
    assert BackendSpec(backend=stored).open().name == "noisy:ibm_torino"
    later = stored.drift(3)
    name = open_backend(later).name
    assert name == BackendSpec(backend=later).open().name == spec_of(later)
    assert later.content_hash[:12] in name
    assert f"{later.captured_at:%Y-%m-%d}" in name
    with pytest.raises(InputError, match=r"such as .noisy:FILE\.json.*profile\.json"):
        open_backend(name)


def test_a_file_keeps_its_path(tmp_path: Any) -> None:
    path = f"{tmp_path}/athens.json"
    load_profile("ibmq_manila").drift(3).save(path)
    backend = open_backend(f"noisy:{path}")
    assert backend.name == f"noisy:{path}"
    assert open_backend(backend.name) == backend


def test_choices_take_the_same_objects() -> None:
    for given in (FakeManilaV2(), all_qubits(), FakeManilaV2().target, AerSimulator()):
        assert BackendSpec(backend=given, shots=10).open(seed=1).name.split(":")[0] in {
            "noisy", "runtime",
        }  # fmt: skip


def test_slips_are_answered_with_the_attribute_to_use() -> None:
    router = angle_router(2, 1)
    backend = open_backend("noisy:ideal")
    compiled = backend.compile(router)
    with pytest.raises(
        AttributeError, match="QuantumCircuit is wanted, give its attribute circuit"
    ):
        transpile(router)
    with pytest.raises(AttributeError, match="wanted, give its attribute isa_circuit"):
        transpile(compiled)
    with pytest.raises(InputError, match="takes a compiled router, got RouterCircuit: compile it"):
        RouterNetwork(router)  # type: ignore[arg-type]
    assert not hasattr(router, "num_qubits")
    assert not hasattr(router, "__array__")


@pytest.mark.parametrize("spec", ["statevector", "noisy:ideal", "runtime:fake_manila"])
def test_only_routers_are_compiled(spec: str) -> None:
    backend: Any = open_backend(spec)
    router = angle_router(2, 1)
    for given, message in (
        (router.circuit, r"got a QuantumCircuit: make one with RouterCircuit\.from_circuit"),
        ("angle", "such as angle_router.* got 'angle'"),
        (open_backend("statevector").compile(router), "got a BatchedRouter: use its attribute"),
    ):
        with pytest.raises(InputError, match=message):
            backend.compile(given)


@pytest.mark.parametrize("shots", [None, 20_000])
def test_gates_with_labels_are_as_noisy_as_others(shots: int | None) -> None:
    """Aer's noise models have none for a label."""
    values = []
    for label in (None, "mine"):
        x = ParameterVector("x", 2)
        circuit = QuantumCircuit(2)
        circuit.ry(x[0], 0)
        for _ in range(5):
            circuit.append(CXGate(label=label), [0, 1])
            circuit.append(SXGate(label=label), [1])
        router = RouterCircuit.from_circuit(circuit, inputs=x)
        compiled = open_backend("noisy:ibmq_manila", seed=1, shots=shots).compile(router)
        values.append(compiled.expectations(np.full((1, 2), 0.5), np.zeros(0)).values)
    np.testing.assert_array_equal(*values)
