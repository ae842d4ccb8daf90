"""The loopback IBM Quantum service: instances, and the charges of their sessions."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from ibm_service import IBMService
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import Batch, QiskitRuntimeService, RuntimeJobV2, Session
from qiskit_ibm_runtime.exceptions import IBMRuntimeError, RuntimeJobNotFound
from qiskit_ibm_runtime.executor_sampler import Sampler

POLL = 0.1


@pytest.fixture
def ibm(monkeypatch: pytest.MonkeyPatch) -> Iterator[IBMService]:
    plans = {"first": "open", "second": "premium"}
    with IBMService(["ibmq_manila"], instances=plans) as service:
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        yield service


def client_of(ibm: IBMService, instance: str) -> QiskitRuntimeService:
    return QiskitRuntimeService(instance=ibm.account.instances[instance].crn)


def submit(mode: object, *tags: str) -> RuntimeJobV2:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    sampler = Sampler(mode)
    sampler.options.environment.job_tags = list(tags)
    return sampler.run([(circuit,)], shots=8)


def test_an_account_lists_its_instances(ibm: IBMService) -> None:
    client = QiskitRuntimeService()
    found = [(i["name"], i["plan"], i["pricing_type"], i["crn"]) for i in client.instances()]
    first, second = (instance.crn for instance in ibm.account.instances.values())
    assert found == [
        ("first", "open", "free", first),
        ("second", "premium", "subscription", second),
    ]
    assert client.active_instance() == first
    assert ibm.environment("second")["QISKIT_IBM_INSTANCE"] == second
    assert QiskitRuntimeService(instance="second").active_instance() == second


def test_jobs_are_those_of_the_instance_that_created_them(ibm: IBMService) -> None:
    first, second = client_of(ibm, "first"), client_of(ibm, "second")
    jobs = {
        name: submit(client.backend("ibmq_manila"), "mine")
        for name, client in (("first", first), ("second", second))
    }
    for job in jobs.values():
        job.result(poll_interval=POLL)
    assert [j.job_id() for j in first.jobs(job_tags=["mine"])] == [jobs["first"].job_id()]
    assert [j.job_id() for j in second.jobs(job_tags=["mine"])] == [jobs["second"].job_id()]
    with pytest.raises(RuntimeJobNotFound):
        first.job(jobs["second"].job_id())
    instances = ibm.account.instances
    assert [job.crn for job in ibm.jobs] == [instance.crn for instance in instances.values()]
    for client, job in zip((first, second), ibm.jobs, strict=True):
        assert client.usage()["usage_consumed_seconds"] == job.charge > 2


def test_an_account_without_a_default_sees_the_jobs_of_all_instances(
    ibm: IBMService, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(client_of(ibm, "second").backend("ibmq_manila"))
    monkeypatch.delenv("QISKIT_IBM_INSTANCE")
    client = QiskitRuntimeService()
    # Free plans come first.
    assert client.backend("ibmq_manila")._instance == ibm.account.instances["first"].crn
    assert client.job(job.job_id()).job_id() == job.job_id()


def test_limits_and_plans_are_those_of_an_instance(ibm: IBMService) -> None:
    first, second = client_of(ibm, "first"), client_of(ibm, "second")
    with pytest.raises(Exception, match="1352"):
        Session(first.backend("ibmq_manila"))
    with Session(second.backend("ibmq_manila")) as session:
        crn = ibm.account.instances["second"].crn
        assert [(s.id, s.crn) for s in ibm.store.sessions()] == [(session.session_id, crn)]
    ibm.pending_limit, ibm.pace.paused = 1, True
    submit(first.backend("ibmq_manila"))
    submit(second.backend("ibmq_manila"))
    with pytest.raises(IBMRuntimeError, match="3458"):
        submit(first.backend("ibmq_manila"))
    ibm.pending_limit = None
    ibm.account.instances["first"].consumed = 600.0
    with pytest.warns(UserWarning, match="limit"), pytest.raises(IBMRuntimeError, match="4317"):
        submit(first.backend("ibmq_manila"))
    submit(second.backend("ibmq_manila"))


@pytest.mark.parametrize("kind", [Session, Batch])
def test_a_session_is_charged_by_the_clock_and_a_batch_is_not(
    ibm: IBMService, kind: type[Session]
) -> None:
    client = client_of(ibm, "second")
    session = kind(client.backend("ibmq_manila"))
    time.sleep(0.2)  # before the first job, nothing is charged
    assert session.usage() == client.usage()["usage_consumed_seconds"] == 0
    for _ in range(2):
        submit(session).result(poll_interval=POLL)
        time.sleep(0.2)
    session.close()
    time.sleep(0.2)  # nor after the end
    jobs = sum(job.charge for job in ibm.jobs)
    used = session.usage()
    assert used is not None
    if kind is Batch:
        assert used == jobs
    else:
        last = ibm.jobs[-1].finished
        first = ibm.jobs[0].finished
        closed = ibm.store.sessions()[0].closed
        assert first is not None
        assert ibm.jobs[1].running is not None
        assert last is not None
        assert closed is not None
        idle = (ibm.jobs[1].running - first) + (closed - last)
        assert used == pytest.approx(jobs + idle.total_seconds(), abs=1e-6)
        assert used > jobs + 0.4
    assert client.usage()["usage_consumed_seconds"] == used == session.usage()
    assert ibm.account.instances["second"].consumed == used
    assert ibm.account.instances["first"].consumed == 0


def test_a_session_ends_when_it_is_as_old_as_it_may_become(ibm: IBMService) -> None:
    client = client_of(ibm, "second")
    session = Session(client.backend("ibmq_manila"), max_time=10)
    submit(session).result(poll_interval=POLL)
    ibm.clock.rate = 1e6  # every second is one too many
    ibm.pace.paused = True
    assert session.status() == "Closed"
    with pytest.raises(IBMRuntimeError, match="closed"):
        submit(session)
    assert session.usage() == 10


def test_an_idle_session_becomes_inactive(ibm: IBMService) -> None:
    session = Session(client_of(ibm, "second").backend("ibmq_manila"))
    submit(session).result(poll_interval=POLL)
    ibm.clock.rate = 1e6
    assert session.usage() == 60 + ibm.jobs[0].charge


def test_usage_that_is_told_late(ibm: IBMService) -> None:
    client = client_of(ibm, "first")
    ibm.faults.arm("late_usage", seconds=0.5)
    job = submit(client.backend("ibmq_manila"))
    job.result(poll_interval=POLL)
    assert job.metrics()["usage"]["status"] == "pending"
    assert job.usage() == 0
    assert ibm.jobs[0].charge > 2
    time.sleep(0.5)
    assert job.metrics()["usage"]["status"] == "complete"
    assert job.usage() == ibm.jobs[0].charge
