"""The loopback IBM Quantum service, with the real client: the values of noisy devices."""

from __future__ import annotations

import numpy as np
import pytest
from ibm_service import IBMService
from ibm_service_tests.circuits import DEVICES, POLL, compiled, entangled, observables
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import DensityMatrix
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.exceptions import (
    RuntimeJobFailureError,
)
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_estimator.prepare import prepare
from qiskit_ibm_runtime.executor_sampler import Sampler
from qiskit_ibm_runtime.options_models import EstimatorOptions
from scipy.stats import norm

from qmoe_qiskit.noise_profiles import load_profile

# False-failure rate of each test that compares with a computed value.
FALSE_FAILURES = 1e-9


def exact(
    isa: QuantumCircuit, device: str, qubits: list[int], points: np.ndarray, *, readout: bool
) -> np.ndarray:
    """Expectation of Z on every qubit listed, and of their product: shape (k + 1, points)."""
    profile = load_profile(device).subset(qubits)
    place = {q: k for k, q in enumerate(qubits)}
    compact = QuantumCircuit(len(qubits))
    for step in isa.data:
        if step.operation.name != "barrier":
            compact.append(step.operation, [place[isa.find_bit(q).index] for q in step.qubits])
    compact.save_density_matrix()
    simulator = AerSimulator(method="density_matrix", noise_model=profile.to_noise_model())
    values = []
    for point in points:
        state = simulator.run(compact.assign_parameters(point)).result().data(0)["density_matrix"]
        p = DensityMatrix(state).probabilities().reshape([2] * len(qubits))
        for k, qubit in enumerate(profile.qubits):
            wrong = (qubit.p_meas1_prep0 or 0.0, qubit.p_meas0_prep1 or 0.0)
            flip = np.array([[1 - wrong[0], wrong[1]], [wrong[0], 1 - wrong[1]]])
            axis = len(qubits) - 1 - k  # Qiskit's order
            if readout:
                p = np.moveaxis(np.tensordot(flip, p, (1, axis)), 0, axis)
        signs = [np.array([1, -1])] * len(qubits)
        one = [
            float((np.moveaxis(p, len(qubits) - 1 - k, 0).reshape(2, -1).sum(1) * signs[0]).sum())
            for k in range(len(qubits))
        ]
        parity = p
        for sign in signs:
            parity = np.tensordot(sign, parity, (0, 0))
        values.append([*one, float(parity)])
    return np.array(values).T


def bound(n_values: int, shots: int) -> float:
    """Largest deviation of any of n sample means of values in [-1, 1]."""
    return float(norm.isf(FALSE_FAILURES / 2 / n_values)) / np.sqrt(shots)


@pytest.mark.parametrize("device", DEVICES)
def test_estimates_are_those_of_the_noisy_device(
    client: QiskitRuntimeService, ibm: IBMService, device: str, rng: np.random.Generator
) -> None:
    backend = client.backend(device)
    isa = compiled(entangled(), backend, [0, 1])
    points = rng.uniform(-np.pi, np.pi, (4, 4))
    estimator = Estimator(backend, options={"resilience_level": 0, "default_shots": 40_000})
    job = estimator.run([(isa, observables(isa, "IZ", "ZI", "ZZ"), points)])
    values = job.result(poll_interval=POLL)[0].data.evs
    noisy = exact(isa, device, [0, 1], points, readout=True)
    assert values.shape == (3, 4)
    assert np.abs(values - noisy).max() < bound(12, 40_000)
    assert ibm.jobs[0].executions == 40_000 * 4
    # The bound is small enough to show the readout errors.
    ideal = exact(isa, device, [0, 1], points, readout=False)
    if device == "ibmq_manila":
        assert np.abs(noisy - ideal).max() > 2 * bound(12, 40_000)


def test_readout_mitigation_has_readout_errors_to_mitigate(
    client: QiskitRuntimeService, rng: np.random.Generator
) -> None:
    backend = client.backend("ibmq_manila")
    isa = compiled(entangled(), backend, [0, 1])
    points, shots = rng.uniform(-np.pi, np.pi, (4, 4)), 20_000
    estimator = Estimator(backend, options={"resilience_level": 1, "default_shots": shots})
    job = estimator.run([(isa, observables(isa, "IZ", "ZI", "ZZ"), points)])
    values = job.result(poll_interval=POLL)[0].data.evs
    unread = exact(isa, "ibmq_manila", [0, 1], points, readout=False)
    kept = np.prod([1 - 2 * (q.readout_error or 0) for q in load_profile("ibmq_manila").qubits[:2]])
    # A quotient: the error of the measurement and that of the calibration (as many shots).
    allowed = 2 * bound(24, shots) / kept
    assert np.abs(values - unread).max() < allowed


MITIGATIONS: dict[str, dict[str, object]] = {
    "level 0": {"resilience_level": 0},
    "level 1": {"resilience_level": 1},
    "level 2": {"resilience_level": 2},
    "level 2 with DD": {"resilience_level": 2, "dynamical_decoupling": {"enable": True}},
    "ZNE": {"resilience": {"zne_mitigation": True, "zne": {"noise_factors": (1, 3)}}},
}


@pytest.mark.parametrize(
    ("device", "options"),
    [
        pytest.param(
            device,
            options,
            id=f"{name}-{device}",
            # The wide device shows the same, at a level that takes less.
            marks=()
            if name != "level 2" and (device == "ibmq_manila" or name == "level 1")
            else pytest.mark.trial,
        )
        for device in DEVICES
        for name, options in MITIGATIONS.items()
    ],
)
def test_every_way_of_mitigation_runs(
    client: QiskitRuntimeService, ibm: IBMService, device: str, options: dict[str, object]
) -> None:
    backend = client.backend(device)
    isa = compiled(entangled(), backend, [0, 1])
    pub = (isa, observables(isa, "IZ", "XX"), np.full((2, 4), 0.3))
    settings = EstimatorOptions(**options, default_shots=256)
    job = Estimator(backend, options=settings).run([pub])
    data = job.result(poll_interval=POLL)[0].data
    program, _ = prepare([pub], settings, backend=backend)
    assert ibm.jobs[0].executions == program.shots * sum(item.size() for item in program.items)
    assert data.evs.shape == (2, 2)
    assert np.all(np.isfinite(data.evs))


def test_a_lone_qubit_counts_where_it_turns(
    client: QiskitRuntimeService, rng: np.random.Generator
) -> None:
    backend = client.backend("ibm_torino")
    angles = ParameterVector("angle", 2)
    circuit = QuantumCircuit(2)
    circuit.ry(angles[0], 0)
    circuit.ry(angles[1], 1)
    isa = compiled(circuit, backend, [5, 90])
    points, shots = np.vstack([rng.uniform(-np.pi, np.pi, (3, 2)), [[0, np.pi]]]), 20_000
    estimator = Estimator(backend, options={"resilience_level": 0, "default_shots": shots})
    job = estimator.run([(isa, observables(isa, "IZ", "ZI", "ZZ"), points)])
    noisy = exact(isa, "ibm_torino", [5, 90], points, readout=True)
    values = job.result(poll_interval=POLL)[0].data.evs
    assert np.abs(values - noisy).max() < bound(12, shots)


@pytest.mark.parametrize(
    ("device", "twirled"),
    [
        ("ibmq_manila", False),
        ("ibmq_manila", True),
        pytest.param("ibm_torino", False, marks=pytest.mark.trial),
        ("ibm_torino", True),
    ],
)
def test_samples(
    client: QiskitRuntimeService, device: str, rng: np.random.Generator, *, twirled: bool
) -> None:
    backend = client.backend(device)
    circuit = entangled()
    circuit.measure_all()
    isa = compiled(circuit, backend, [0, 1])
    points, shots = rng.uniform(-np.pi, np.pi, (2, 4)), 20_000
    sampler = Sampler(backend, options={"twirling": {"enable_measure": twirled}})
    data = sampler.run([(isa, points)], shots=shots).result(poll_interval=POLL)[0].data.meas
    bits = data.to_bool_array(order="little")
    assert data.num_bits == 2
    assert (data.shape, data.num_shots) == ((2,), shots)
    bare = isa.remove_final_measurements(inplace=False)
    noisy = exact(bare, device, [0, 1], points, readout=True)[:2]
    if twirled:  # both outcomes are read with the same error
        noisy = exact(bare, device, [0, 1], points, readout=False)[:2]
        errors = [q.readout_error or 0.0 for q in load_profile(device).qubits[:2]]
        noisy *= 1 - 2 * np.array(errors)[:, None]
    assert np.abs(1 - 2 * bits.mean(axis=1).T - noisy).max() < bound(4, shots)


def test_faulty_qubits_are_measured_and_faulty_couplers_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with IBMService(["ibm_kingston", "ibm_torino"]) as ibm:
        for name, value in ibm.environment().items():
            monkeypatch.setenv(name, value)
        client = QiskitRuntimeService()
        kingston, torino = client.backend("ibm_kingston"), client.backend("ibm_torino")
        isa = compiled(entangled(), kingston, [0, 1])
        pub = (isa, observables(isa, "ZZ"), np.zeros((1, 4)))
        job = Estimator(kingston, options={"default_shots": 64}).run([pub])
        assert np.abs(job.result(poll_interval=POLL)[0].data.evs).max() > 0.5
        dead = next(
            qubits
            for qubits, properties in torino.target["cz"].items()
            if properties.error is not None and properties.error >= 1
        )
        isa = compiled(entangled(), torino, list(dead))
        pub = (isa, observables(isa, "ZZ"), np.zeros((1, 4)))
        job = Estimator(torino, options={"default_shots": 64}).run([pub])
        with pytest.raises(RuntimeJobFailureError, match="is faulty"):
            job.result(poll_interval=POLL)
