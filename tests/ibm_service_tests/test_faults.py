"""The loopback IBM Quantum service: armed faults, and the limits of a plan."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ibm_service import IBMService
from qiskit import QuantumCircuit
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService, RuntimeJobV2
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.exceptions import (
    IBMNotAuthorizedError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
)
from qiskit_ibm_runtime.executor_sampler import Sampler

POLL = 0.1
ROOT = Path(__file__).parents[2]


@pytest.fixture
def ibm(monkeypatch: pytest.MonkeyPatch) -> Iterator[IBMService]:
    with IBMService(["ibmq_manila"]) as service:
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        yield service


@pytest.fixture
def backend(ibm: IBMService) -> IBMBackend:
    (device,) = ibm.devices
    return QiskitRuntimeService().backend(device.name)


def submit(backend: IBMBackend, *tags: str) -> RuntimeJobV2:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    sampler = Sampler(backend)
    sampler.options.environment.job_tags = list(tags)
    return sampler.run([(circuit,)], shots=8)


def ends(ibm: IBMService, number: int = 0) -> str:
    """Wait until a job is final."""
    deadline = time.monotonic() + 10
    while not ibm.jobs[number].is_final:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return ibm.jobs[number].status


@pytest.mark.parametrize(("when", "created"), [("before", 0), ("after", 1)])
def test_a_dropped_connection(
    ibm: IBMService, backend: IBMBackend, when: str, created: int
) -> None:
    ibm.faults.arm("drop", when=when)
    with pytest.raises(IBMRuntimeError, match="Connection aborted"):
        submit(backend, "mine")
    assert len(ibm.jobs) == created
    assert len(backend.service.jobs(job_tags=["mine"])) == created
    # The fault is spent.
    submit(backend, "mine")
    assert len(ibm.jobs) == created + 1


@pytest.mark.parametrize("status", [401, 429, 400])
@pytest.mark.parametrize(("when", "created"), [("before", 0), ("after", 1)])
def test_an_error_that_the_client_reports(
    ibm: IBMService, backend: IBMBackend, when: str, created: int, status: int
) -> None:
    fault = ibm.faults.arm("answer", status=status, when=when, reason="told so", retry_after=7)
    kind = IBMNotAuthorizedError if status == 401 else IBMRuntimeError
    with pytest.raises(kind, match="told so"):
        submit(backend)
    assert (fault.fired, len(ibm.jobs)) == (1, created)
    assert ibm.requests[-1]["status"] == status


def test_the_client_repeats_a_creation_after_500(ibm: IBMService, backend: IBMBackend) -> None:
    """So a caller that wants one job must forbid the repetition."""
    ibm.faults.arm("answer", status=500, when="after")
    submit(backend, "twice")
    assert len(ibm.jobs) == 2
    ibm.faults.arm("answer", status=500, when="before")
    submit(backend, "once")
    assert len(ibm.jobs) == 3


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_that_takes_long(ibm: IBMService, backend: IBMBackend, when: str) -> None:
    ibm.faults.arm("hold", when=when, seconds=0.4)
    thread = threading.Thread(target=submit, args=(backend,))
    thread.start()
    time.sleep(0.2)
    assert len(ibm.jobs) == (when == "after")
    assert thread.is_alive()
    thread.join()
    assert len(ibm.jobs) == 1


def test_a_result_that_breaks_off(ibm: IBMService, backend: IBMBackend) -> None:
    job = submit(backend)
    fault = ibm.faults.arm("truncate", on="GET /jobs/*/results", times=1)
    with pytest.raises(RequestsApiError, match="IncompleteRead"):
        job.result(poll_interval=POLL)
    assert fault.fired == 1
    assert job.result()[0].data.meas.num_shots == 8


def test_faults_fire_in_order_and_where_told(ibm: IBMService, backend: IBMBackend) -> None:
    job = submit(backend)
    job.result(poll_interval=POLL)
    ibm.faults.arm("answer", on="GET /jobs/*", status=404, reason="first", times=2)
    ibm.faults.arm("answer", on="GET /jobs", status=418, reason="list")
    ibm.faults.arm("answer", on="* *", status=404, reason="last")
    said = []
    for _ in range(3):
        with pytest.raises(IBMRuntimeError) as raised:
            job.metrics()
        said.append(str(raised.value))
    assert ["first" in text for text in said] == [True, True, False]
    assert "last" in said[2]
    with pytest.raises(RequestsApiError, match="list"):
        backend.service.jobs()
    assert ibm.faults.armed() == []
    assert job.metrics()["usage"]["status"] == "complete"


def test_a_list_that_lags_behind(ibm: IBMService, backend: IBMBackend) -> None:
    service = backend.service
    submit(backend, "old")
    ibm.faults.arm("lose_list", seconds=0.5)
    job = submit(backend, "new")
    assert service.jobs(job_tags=["new"]) == []
    assert len(service.jobs(job_tags=["old"])) == 1
    assert service.job(job.job_id()).job_id() == job.job_id()
    time.sleep(0.5)
    assert len(service.jobs(job_tags=["new"])) == 1


def test_a_list_that_fails_after_a_creation(ibm: IBMService, backend: IBMBackend) -> None:
    ibm.faults.arm("lose_list", seconds=0.5, status=403)
    submit(backend)
    with pytest.raises(RequestsApiError, match="403"):
        backend.service.jobs()
    time.sleep(0.5)
    assert len(backend.service.jobs()) == 1


def test_jobs_that_fail_are_cancelled_or_slow(ibm: IBMService, backend: IBMBackend) -> None:
    ibm.faults.arm("fail_job", reason="the fridge is warm")
    with pytest.raises(RuntimeJobFailureError, match="the fridge is warm"):
        submit(backend).result(poll_interval=POLL)
    ibm.faults.arm("cancel_job", reason="maintenance")
    with pytest.raises(RuntimeInvalidStateError, match="cancelled"):
        submit(backend).result(poll_interval=POLL)
    assert [job.charge > 2 for job in ibm.jobs] == [True, True]
    assert ibm.account.consumed == sum(job.charge for job in ibm.jobs)
    ibm.faults.arm("slow_job", seconds=0.4)
    job = submit(backend)
    job.result(poll_interval=POLL)
    assert ibm.jobs[2].running is not None
    assert ibm.jobs[2].finished is not None
    assert (ibm.jobs[2].finished - ibm.jobs[2].running).total_seconds() >= 0.4


def test_a_running_job_is_cancelled(ibm: IBMService, backend: IBMBackend) -> None:
    ibm.pace.running = 30.0
    job = submit(backend)
    while job.status() != "RUNNING":
        time.sleep(0.01)
    job.cancel()
    assert ends(ibm) == "Cancelled"
    assert job.usage() == 2.0  # the overhead
    ibm.pace.running = 0.0
    assert submit(backend).result(poll_interval=POLL)[0].data.meas.num_shots == 8


def test_the_allowance(ibm: IBMService, backend: IBMBackend) -> None:
    fault = ibm.faults.arm("over_quota")
    with (
        pytest.warns(UserWarning, match="has met its usage limit"),
        pytest.raises(IBMRuntimeError, match="4317"),
    ):
        submit(backend)
    ibm.faults.disarm(fault)
    ibm.account.allowance = 1.0
    submit(backend)
    assert ends(ibm) == "Completed"
    with pytest.warns(UserWarning, match="limit"), pytest.raises(IBMRuntimeError, match="4317"):
        submit(backend)
    assert len(ibm.jobs) == 1
    assert backend.service.usage()["usage_remaining_seconds"] == 0


def test_a_device_that_is_down_keeps_jobs_waiting(ibm: IBMService, backend: IBMBackend) -> None:
    fault = ibm.faults.arm("device_down", device="ibmq_manila")
    assert not backend.status().operational
    job = submit(backend)
    time.sleep(0.1)
    assert job.status() == "QUEUED"
    ibm.faults.disarm(fault)
    job.result(poll_interval=POLL)
    assert backend.status().operational


def test_the_limit_of_pending_jobs(ibm: IBMService, backend: IBMBackend) -> None:
    ibm.pending_limit, ibm.pace.paused = 2, True
    for _ in range(2):
        submit(backend)
    with pytest.raises(IBMRuntimeError, match="3458"):
        submit(backend)
    ibm.pace.paused = False
    ends(ibm, 1)
    submit(backend)
    assert len(ibm.jobs) == 3


def test_the_limit_of_creations(ibm: IBMService, backend: IBMBackend) -> None:
    ibm.creations_per_minute = 2
    for _ in range(2):
        submit(backend)
    with pytest.raises(IBMRuntimeError, match="1202"):
        submit(backend)
    assert ibm.requests[-1]["status"] == 429
    assert len(ibm.jobs) == 2


def test_expired_tokens(ibm: IBMService, backend: IBMBackend) -> None:
    ibm.account.expire_tokens()
    with pytest.raises(IBMNotAuthorizedError, match="Invalid credentials"):
        backend.status()
    # Asked to submit, the client only says that it knows no such device.
    with pytest.raises(QiskitBackendNotFoundError):
        submit(backend)
    assert ibm.jobs == []
    assert QiskitRuntimeService().backend("ibmq_manila").status().operational


def test_only_known_faults_are_armed(ibm: IBMService) -> None:
    for details in (
        {"kind": "flood"},
        {"kind": "drop", "when": "never"},
        {"kind": "drop", "on": "/jobs"},
        {"kind": "answer"},
        {"kind": "drop", "often": 2},
    ):
        with pytest.raises(ValueError, match=r"unknown|when|method|status|detail"):
            ibm.faults.arm(**details)
    assert ibm.faults.armed() == []


@pytest.fixture
def process(python: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Run the service as a process that the environment points to; yields its admin client."""
    command = [python, "tests/ibm_service", "--device", "ibmq_manila"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        exported = {}
        for line in running.stdout:
            if line.startswith("export "):
                name, value = line.removeprefix("export ").strip().split("=", 1)
                exported[name] = value
            if "Ctrl-C" in line:
                break

        def ask(path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(  # noqa: S310
                f"{exported['IAM_URL']}/_admin/{path}", data=data, method=method
            )
            with urllib.request.urlopen(request) as answer:  # noqa: S310
                return json.loads(answer.read() or "null")

        for name, value in exported.items():
            monkeypatch.setenv(name, value)
        yield ask
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 0


def test_a_process_of_its_own(process: Callable[..., Any]) -> None:
    backend = QiskitRuntimeService().backend("ibmq_manila")
    process("faults", {"kind": "drop", "when": "after"})
    assert [fault["kind"] for fault in process("faults")["faults"]] == ["drop"]
    with pytest.raises(IBMRuntimeError, match="Connection aborted"):
        submit(backend, "a tag")
    (job,) = process("jobs")["jobs"]
    assert (job["tags"], job["executions"], job["backend"]) == (["a tag"], 8, "ibmq_manila")
    assert job["charge"] == 0.0 or job["charge"] > 2
    assert process("requests")["requests"][-1]["fault"] == "drop after"
    assert "params" not in job
    process("faults", {"kind": "over_quota"})
    process("faults", method="DELETE")
    assert process("faults") == {"faults": []}
    assert process("pace", {"paused": True})["paused"] is True
    with pytest.raises(urllib.error.HTTPError, match="400"):
        process("faults", {"kind": "flood"})
