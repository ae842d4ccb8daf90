"""The loopback IBM Quantum service, with the real client: jobs, charges, sessions."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ibm_service import IBMService
from ibm_service.charging import duration
from ibm_service.instances import crn_of
from ibm_service_tests.circuits import DEVICES, POLL, compiled, entangled, observables
from qiskit import QuantumCircuit
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDelay, TimeUnitConversion
from qiskit_ibm_runtime import Batch, QiskitRuntimeService, Session
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
)
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_sampler import Sampler
from qiskit_ibm_runtime.options_models import EstimatorOptions


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
from ibm_service_tests.circuits import compiled, entangled, observables
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
    tests = Path(__file__).parents[1]
    script = tmp_path / "script.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(tests)!r})\n{PROGRAM}")
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
