"""Fetching results: stored in the ledger as arrays, with the charge and the calibration."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.errors import HardwareError, InputError
from qmoe_qiskit.hardware.jobs.recover import cancel_duplicates
from qmoe_qiskit.hardware.jobs.work_records import work_of
from qmoe_qiskit.hardware.ledger.current_jobs import current, named, refuse_unsuccessful
from qmoe_qiskit.hardware.ledger.records import CANCELLED, DONE, FAILED, FINAL, SUBMITTED
from qmoe_qiskit.hardware.primitives import values_of
from qmoe_qiskit.hardware.service.errors import (
    UnreachableError,
    is_transient,
    service_errors,
    status_of,
    unforeseen,
)
from qmoe_qiskit.hardware.work import Outcome

if TYPE_CHECKING:
    from qiskit_ibm_runtime import RuntimeJobV2

    from qmoe_qiskit.hardware.ledger.records import JobRecord
    from qmoe_qiskit.hardware.ledger.store import Ledger
    from qmoe_qiskit.hardware.service.client import Client
    from qmoe_qiskit.noise_profiles import NoiseProfile

Report = Callable[[str], None]

# A laptop sleeps, a train goes through a tunnel, and the queue is long.
OUTAGE_S = 3600.0

_OUTCOMES = {"DONE": DONE, "ERROR": FAILED, "CANCELLED": CANCELLED}


def collect_job(job: JobRecord, client: Client, ledger: Ledger) -> str:
    """Look at a submitted job; store its end if it has come. Returns the service's status.

    Raises:
        HardwareError: If the service does not answer, has no such job, or has run it twice.
    """
    assert job.job_id is not None
    remote = client.job(job.job_id)
    with service_errors(f"read job {job.job_id}"):
        status = str(remote.status())
        if status not in _OUTCOMES:
            place = remote.metrics().get("position_in_queue") if status == "QUEUED" else None
            return f"{status}, place {place} in the queue" if place else status
        metrics = remote.metrics()
        values_PO = std_errors_PO = error = None
        if status == "DONE":
            record = ledger.work(job.key)
            assert record is not None
            values_PO, std_errors_PO = values_of(remote.result(), work_of(record))
        elif status == "ERROR":
            error = " ".join(str(remote.error_message()).split())[:1000]
        profile = _calibration_of(remote, job, client, ledger)
    usage = metrics.get("usage", {})
    charged = usage.get("qpu_charge_time_seconds", usage.get("quantum_seconds"))
    known = charged is not None and usage.get("status", "final") != "pending"
    ledger.finished(
        job.tag,
        _OUTCOMES[status],
        at=datetime.now(UTC),
        values_PO=values_PO,
        std_errors_PO=std_errors_PO,
        charged_seconds=float(charged) if known else None,
        error=error,
        calibration=None if profile is None else profile.dumps(),
        calibration_hash=None if profile is None else profile.content_hash,
        details=json.dumps({"timestamps": metrics.get("timestamps", {}), "usage": usage}),
    )
    if job.state == SUBMITTED and job.attempts > 1:
        cancel_duplicates(job, client)
    return status


def collect_work(
    key: str,
    client: Client,
    ledger: Ledger,
    *,
    wait: bool = True,
    poll_s: float = 10.0,
    outage_s: float = OUTAGE_S,
    report: Report = lambda _: None,
) -> bool:
    """Fetch the results of all submitted jobs of a work; returns whether all have ended.

    Args:
        key: The work.
        client: The account that submitted it.
        ledger: Where it is recorded.
        wait: Whether to wait until they have.
        poll_s: Longest time between two looks, in seconds.
        outage_s: While waiting: how long the service may be out of reach, in seconds.
        report: Is told each job's status.

    Raises:
        HardwareError: If the service does not answer, or has run a job twice; what was recorded is
            kept.
    """
    started = reached = time.monotonic()
    while True:
        waits = False
        for job in ledger.jobs(key):
            if job.state != SUBMITTED:
                continue
            try:
                status = collect_job(job, client, ledger)
            except UnreachableError:
                if not wait or time.monotonic() - reached > outage_s:
                    raise
                status = "the service is out of reach, waiting for it"
            else:
                reached = time.monotonic()
            report(f"job {job.index + 1} ({job.job_id}): {status.lower()}")
            waits |= status not in _OUTCOMES
        if not waits or not wait:
            break
        # Short jobs are looked at often, long queues seldom.
        time.sleep(min(poll_s, max(0.1, (time.monotonic() - started) / 10)))
    for job in ledger.jobs(key):
        # The service settles the charge some time after the end.
        if job.state in FINAL and job.job_id is not None and job.charged_seconds is None:
            collect_job(job, client, ledger)
    return all(job.state in FINAL for job in ledger.jobs(key))


def outcome_of(key: str, ledger: Ledger) -> Outcome:
    """Return the results of a work whose jobs are all done.

    Raises:
        HardwareError: If one failed, was cancelled, or is not there yet.
    """
    jobs = ledger.jobs(key)
    refuse_unsuccessful(jobs)
    parts = current(jobs)
    for number, job in enumerate(parts, 1):
        if job.state != DONE:
            raise HardwareError(
                f"{named(number, parts)} is {job.state}: collect it with qmoe jobs collect"
            )
    results = [ledger.results(job.tag) for job in parts]
    return Outcome(
        values_PO=np.concatenate([values for values, _ in results]),
        std_errors_PO=np.concatenate([errors for _, errors in results]),
        seconds=ledger.charged(key),
        executions=sum(job.executions for job in jobs if job.job_id),
        job_ids=tuple(job.job_id for job in parts if job.job_id),
    )


def _calibration_of(
    remote: RuntimeJobV2, job: JobRecord, client: Client, ledger: Ledger
) -> NoiseProfile | None:
    """Return the device's calibration when the job ran; None if there is none to be had."""
    from qiskit_ibm_runtime.ibm_backend import IBMRetiredBackend

    from qmoe_qiskit.noise_profiles import capture

    record = ledger.work(job.key)
    assert record is not None
    started: Any = remote.metrics().get("timestamps", {}).get("running")
    if not started:
        return None
    try:
        backend = remote.backend()
        if isinstance(backend, IBMRetiredBackend):
            # The library takes every device for retired that it was not told about just now.
            backend = client.backend(record.device)
        return capture(backend, at=datetime.fromisoformat(started))
    except InputError:  # retired, or not calibrated
        return None
    except unforeseen() as error:
        # Results do not wait for a calibration that is not to be had.
        if is_transient(error) or status_of(error) == 401:
            raise
        return None
