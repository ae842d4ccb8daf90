"""The loopback IBM Quantum service, with the real client: jobs, results, charges."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ibm_service import IBMService
from ibm_service.charging import duration
from ibm_service.instances import crn_of
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import DensityMatrix, SparsePauliOp
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDelay, TimeUnitConversion
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import Batch, IBMBackend, QiskitRuntimeService, Session
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
)
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_estimator.prepare import prepare
from qiskit_ibm_runtime.executor_sampler import Sampler
from qiskit_ibm_runtime.options_models import EstimatorOptions
from scipy.stats import norm

from qmoe_qiskit.noise_profiles import load_profile

POLL = 0.1
DEVICES = ["ibmq_manila", "ibm_torino"]
# False-failure rate of each test that compares with a computed value.
FALSE_FAILURES = 1e-9


@pytest.fixture
def ibm(monkeypatch: pytest.MonkeyPatch) -> Iterator[IBMService]:
    with IBMService(plan="premium") as service:
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        yield service


@pytest.fixture
def client(ibm: IBMService) -> QiskitRuntimeService:
    assert ibm.url in os.environ["QISKIT_IBM_URL"]
    return QiskitRuntimeService()


def entangled() -> QuantumCircuit:
    """Two qubits, four angles; every Pauli operator has a different expectation value."""
    angles = ParameterVector("angle", 4)
    circuit = QuantumCircuit(2)
    circuit.ry(angles[0], 0)
    circuit.ry(angles[1], 1)
    circuit.cx(0, 1)
    circuit.rx(angles[2], 0)
    circuit.ry(angles[3], 1)
    return circuit


def compiled(circuit: QuantumCircuit, backend: IBMBackend, qubits: list[int]) -> QuantumCircuit:
    passes = generate_preset_pass_manager(
        1, backend=backend, initial_layout=qubits, seed_transpiler=0
    )
    return passes.run(circuit)


def observables(isa: QuantumCircuit, *paulis: str) -> list[list[SparsePauliOp]]:
    return [[SparsePauliOp(pauli).apply_layout(isa.layout)] for pauli in paulis]


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


def test_a_circuit_that_is_not_the_devices_own_fails(
    client: QiskitRuntimeService, ibm: IBMService
) -> None:
    circuit = QuantumCircuit(5)
    circuit.cx(0, 4)
    circuit.measure_all()
    job = Sampler(client.backend("ibmq_manila")).run([(circuit,)], shots=8)
    with pytest.raises(RuntimeJobFailureError, match="does not match the target of ibmq_manila"):
        job.result(poll_interval=POLL)
    assert (ibm.jobs[0].status, ibm.jobs[0].charge) == ("Failed", 0.0)


PROGRAM = """
import numpy as np
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.executor_estimator import Estimator
from test_service import compiled, entangled, observables
backend = QiskitRuntimeService().backend("ibmq_manila")
isa = compiled(entangled(), backend, [0, 1])
estimator = Estimator(backend, options={"resilience_level": 1, "default_shots": 128})
estimator.options.environment.job_tags = ["elsewhere"]
job = estimator.run([(isa, observables(isa, "ZZ", "XX"), np.full((2, 4), 0.4))])
print(job.job_id())
"""


@pytest.mark.process
def test_one_program_has_one_result_wherever_it_comes_from(
    client: QiskitRuntimeService, ibm: IBMService, python: str, tmp_path: Path
) -> None:
    backend = client.backend("ibmq_manila")
    isa = compiled(entangled(), backend, [0, 1])
    estimator = Estimator(backend, options={"resilience_level": 1, "default_shots": 128})
    results = []
    for tag, angle in (("one", 0.4), ("two", 0.4), ("other", 0.5)):
        estimator.options.environment.job_tags = [tag]
        job = estimator.run([(isa, observables(isa, "ZZ", "XX"), np.full((2, 4), angle))])
        results.append(job.result(poll_interval=POLL)[0].data.evs)
    here = Path(__file__).parent
    script = tmp_path / "script.py"
    script.write_text(f"import sys\nsys.path[:0] = {[str(here), str(here.parent)]}\n{PROGRAM}")
    environment = os.environ | ibm.environment()
    ran = subprocess.run(
        [python, script], env=environment, capture_output=True, text=True, check=True
    )
    (found,) = client.jobs(job_tags=["elsewhere"])
    assert found.job_id() == ran.stdout.strip()
    results.append(found.result(poll_interval=POLL)[0].data.evs)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[3])
    assert not np.array_equal(results[0], results[2])


def test_jobs_are_found_again(client: QiskitRuntimeService, ibm: IBMService) -> None:
    backend = client.backend("ibmq_manila")
    isa = compiled(entangled(), backend, [0, 1])
    estimator = Estimator(backend, options={"resilience_level": 0, "default_shots": 16})
    ibm.pace.paused = True
    ids = []
    for number in range(5):
        estimator.options.environment.job_tags = ["all", f"number {number}"]
        job = estimator.run([(isa, observables(isa, "ZZ"), np.zeros((1, 4)))])
        ids.append(job.job_id())
    other = QiskitRuntimeService()
    assert [j.job_id() for j in other.jobs(job_tags=["all"])] == ids[::-1]
    assert [j.job_id() for j in other.jobs(limit=2, skip=1, descending=False)] == ids[1:3]
    assert [j.job_id() for j in other.jobs(job_tags=["all", "number 3"])] == [ids[3]]
    assert other.jobs(job_tags=["none"]) == []
    assert len(other.jobs(pending=True)) == 5
    assert other.jobs(pending=False) == []
    assert other.job(ids[1]).tags == ["all", "number 1"]
    assert other.job(ids[1]).metrics()["position_in_queue"] == 2
    ibm.pace.paused = False
    assert other.job(ids[4]).result(poll_interval=POLL)[0].data.evs.shape == (1, 1)
    assert other.jobs(pending=True) == []


def test_cancelling(client: QiskitRuntimeService, ibm: IBMService) -> None:
    backend = client.backend("ibmq_manila")
    isa = compiled(entangled(), backend, [0, 1])
    ibm.pace.paused = True
    estimator = Estimator(backend, options={"resilience_level": 0, "default_shots": 16})
    job = estimator.run([(isa, observables(isa, "ZZ"), np.zeros((1, 4)))])
    assert job.status() == "QUEUED"
    job.cancel()
    assert client.job(job.job_id()).status() == "CANCELLED"
    assert ibm.account.consumed == 0.0
    with pytest.raises(RuntimeInvalidStateError, match="was cancelled"):
        job.result(poll_interval=POLL)
    with pytest.raises(RuntimeInvalidStateError, match="cannot be cancelled"):
        client.job(job.job_id()).cancel()


def test_charges(client: QiskitRuntimeService) -> None:
    backend = client.backend("ibmq_manila")
    isa = compiled(entangled(), backend, [0, 1])
    options = EstimatorOptions(resilience_level=0, default_shots=1000)
    job = Estimator(backend, options=options).run([(isa, observables(isa, "ZZ"), np.zeros((3, 4)))])
    assert client.usage()["usage_remaining_seconds"] <= 600.0
    job.result(poll_interval=POLL)
    measured = backend.target["measure"][(0,)].duration
    # The rest of a shot: the readout, at most ten gates of 35 ns, and one gate of 0.3 us.
    least = 2 + 3000 * (backend.configuration().default_rep_delay + measured)
    assert least < job.usage() < least + 3000 * 1e-6
    assert job.usage_estimation["quantum_seconds"] == job.usage()
    assert job.metrics()["usage"]["quantum_seconds"] == job.usage()
    assert client.usage()["usage_consumed_seconds"] == job.usage()
    options.execution.rep_delay = 1e-4
    faster = Estimator(backend, options=options).run(
        [(isa, observables(isa, "ZZ"), np.zeros((3, 4)))]
    )
    faster.result(poll_interval=POLL)
    saved = 3000 * (backend.configuration().default_rep_delay - 1e-4)
    assert faster.usage() == pytest.approx(job.usage() - saved, abs=1e-9)


@pytest.mark.parametrize("device", DEVICES)
def test_durations_are_those_of_qiskits_scheduler(
    client: QiskitRuntimeService, device: str
) -> None:
    backend = client.backend(device)
    circuit = entangled()
    circuit.measure_all()
    isa = compiled(circuit, backend, [0, 2])  # with swaps
    target = backend.target
    scheduled = PassManager(
        [
            TimeUnitConversion(target=target),
            ALAPScheduleAnalysis(target=target),
            PadDelay(target=target),
        ]
    ).run(isa)
    assert duration(isa, target) == pytest.approx(scheduled.estimate_duration(target), abs=1e-9)


def test_a_job_longer_than_its_limit_is_cut(client: QiskitRuntimeService, ibm: IBMService) -> None:
    backend = client.backend("ibmq_manila")
    isa = compiled(entangled(), backend, [0, 1])
    estimator = Estimator(backend, options={"default_shots": 10_000, "max_execution_time": 3})
    job = estimator.run([(isa, observables(isa, "ZZ"), np.zeros((1, 4)))])
    with pytest.raises(RuntimeJobMaxTimeoutError, match="1305"):
        job.result(poll_interval=POLL)
    assert (ibm.jobs[0].status, ibm.jobs[0].cost, job.usage()) == ("Cancelled", 3, 3)


@pytest.mark.parametrize("kind", [Session, Batch])
def test_sessions_and_batches(client: QiskitRuntimeService, kind: type[Session]) -> None:
    backend = client.backend("ibmq_manila")
    isa = compiled(entangled(), backend, [0, 1])
    with kind(backend, max_time=100) as session:
        estimator = Estimator(session, options={"default_shots": 16})
        jobs = [estimator.run([(isa, observables(isa, "ZZ"), np.zeros((1, 4)))]) for _ in range(2)]
        for job in jobs:
            job.result(poll_interval=POLL)
        assert session.status() == "In progress, accepting new jobs"
        found = client.jobs(session_id=session.session_id)
        assert {j.job_id() for j in found} == {j.job_id() for j in jobs}
    assert session.status() == "Closed"
    assert (session.usage() or 0) > 0
    assert kind.from_id(session.session_id, client).details()["max_time"] == 100
    late = Estimator(kind.from_id(session.session_id, client))
    with pytest.raises(IBMRuntimeError, match="closed"):
        late.run([(isa, observables(isa, "ZZ"), np.zeros((1, 4)))])


def test_the_open_plan_has_no_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    with IBMService() as ibm:
        for name, value in ibm.environment().items():
            monkeypatch.setenv(name, value)
        client = QiskitRuntimeService()
        (instance,) = client.instances()
        assert (instance["plan"], instance["pricing_type"]) == ("open", "free")
        with pytest.raises(Exception, match="1352"):
            Session(client.backend("ibmq_manila"))
        assert Batch(client.backend("ibmq_manila")).status() == "Pending"


def test_devices(client: QiskitRuntimeService, ibm: IBMService) -> None:
    assert [b.name for b in client.backends()] == DEVICES
    assert client.least_busy(min_num_qubits=100).name == "ibm_torino"
    assert client.backend("ibm_torino").status().operational
    ibm.devices["ibm_torino"].operational = False
    down = QiskitRuntimeService()
    assert not down.backend("ibm_torino").status().operational
    assert down.least_busy().name == "ibmq_manila"


def test_a_device_by_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with IBMService({"ibm_here": "fake_lagos"}) as ibm:
        for name, value in ibm.environment().items():
            monkeypatch.setenv(name, value)
        backend = QiskitRuntimeService().backend("ibm_here")
        assert (backend.name, backend.num_qubits) == ("ibm_here", 7)
        assert backend.properties().backend_name == "ibm_here"
        isa = compiled(entangled(), backend, [0, 1])
        pub = (isa, observables(isa, "ZZ"), np.zeros((1, 4)))
        job = Estimator(backend, options={"default_shots": 64}).run([pub])
        assert job.result(poll_interval=POLL)[0].data.evs[0, 0] > 0.5
    with pytest.raises(ValueError, match="no snapshot 'ibm_nowhere'"):
        IBMService(["ibm_nowhere"])


@pytest.mark.usefixtures("ibm")
def test_wrong_credentials() -> None:
    with pytest.raises(Exception, match="Unable to retrieve instances"):
        QiskitRuntimeService(token="wrong", instance=crn_of("loopback"))  # noqa: S106
    with pytest.raises(IBMInputValueError, match="does not have access"):
        QiskitRuntimeService(instance=crn_of("another"))


def test_the_log_holds_no_tokens(client: QiskitRuntimeService, ibm: IBMService) -> None:
    client.backend("ibmq_manila").status()
    log = json.dumps(ibm.requests)
    assert "/experimental/backends/ibmq_manila/status" in log
    assert ibm.account.api_key not in log
    assert "Bearer" not in log
