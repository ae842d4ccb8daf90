"""Collection of results: the ledger stores the arrays, the charge and the calibration."""

import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

from qiskit_ibm_runtime import RuntimeJobV2
from qiskit_ibm_runtime.ibm_backend import IBMRetiredBackend

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.jobs.recover import cancel_duplicates
from qmoe_qiskit.hardware.jobs.timeouts import ReportStatus, Timeouts
from qmoe_qiskit.hardware.jobs.work_records import load_work
from qmoe_qiskit.hardware.ledger.records import CANCELLED, DONE, FAILED, FINAL, SUBMITTED, JobRecord
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.primitives import values_of
from qmoe_qiskit.hardware.service.client import Client
from qmoe_qiskit.hardware.service.errors import (
    LIBRARY_ERRORS,
    UnreachableError,
    is_transient,
    service_errors,
    status_of,
)
from qmoe_qiskit.noise_profiles import NoiseProfile, capture

_log = logging.getLogger(__name__)

_OUTCOMES = {"DONE": DONE, "ERROR": FAILED, "CANCELLED": CANCELLED}


def collect_job(job: JobRecord, client: Client, ledger: Ledger) -> str:
    """Look at a submitted job, and record its end once it has ended; returns its status.

    Raises:
        HardwareError: If the service does not answer, lacks the job, or has run it twice.
    """
    assert job.job_id is not None
    remote = client.job(job.job_id)
    with service_errors(f"read job {job.job_id}"):
        status = str(remote.status())
        if status not in _OUTCOMES:
            place = remote.metrics().get("position_in_queue") if status == "QUEUED" else None
            return f"{status}, place {place} in the queue" if place else status
        work = ledger.work(job.key)
        assert work is not None
        metrics = remote.metrics()
        values_PO = std_errors_PO = error = None
        if status == "DONE":
            values_PO, std_errors_PO = values_of(remote.result(), load_work(work))
        elif status == "ERROR":
            error = " ".join(str(remote.error_message()).split())[:1000]
        profile = _calibration_of(remote, work.device, client, metrics)
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
    timeouts: Timeouts | None = None,
    report: ReportStatus = lambda _: None,
) -> bool:
    """Collect the results of all submitted jobs of a work; returns whether all have ended.

    With `wait`, it waits for their ends. `report` is told the status of each job.

    Raises:
        HardwareError: If the service does not answer, or has run a job twice; the records stay.
    """
    timeouts = timeouts or Timeouts()
    started = reached = time.monotonic()
    seen: dict[str, str] = {}
    while True:
        waits = False
        for job in ledger.jobs(key):
            if job.state != SUBMITTED:
                continue
            try:
                status = collect_job(job, client, ledger)
            except UnreachableError:
                if not wait or time.monotonic() - reached > timeouts.outage_s:
                    raise
                status = "the service is out of reach, waiting for it"
            else:
                reached = time.monotonic()
            if status not in _OUTCOMES and seen.get(job.tag) != status:
                _log.info("job %s (%s): %s", job.job_id, job.tag, status.lower())
                seen[job.tag] = status
            report(f"job {job.index + 1} ({job.job_id}): {status.lower()}")
            waits |= status not in _OUTCOMES
        if not waits or not wait:
            break
        # The longer the wait so far, the longer the pause.
        time.sleep(min(timeouts.poll_s, max(0.1, (time.monotonic() - started) / 10)))
    for job in ledger.jobs(key):
        # The service settles the charge some time after the end.
        if job.state in FINAL and job.job_id is not None and job.charged_seconds is None:
            collect_job(job, client, ledger)
    return all(job.state in FINAL for job in ledger.jobs(key))


def _calibration_of(
    remote: RuntimeJobV2, device: str, client: Client, metrics: dict[str, Any]
) -> NoiseProfile | None:
    """Return the device's calibration at the time of the job; None if it is not available."""
    started = metrics.get("timestamps", {}).get("running")
    if not started:
        return None
    try:
        backend = remote.backend()
        if isinstance(backend, IBMRetiredBackend):
            # The library calls every device retired that it has not listed before.
            backend = client.backend(device)
        return capture(backend, at=datetime.fromisoformat(started))
    except InputError:  # the device is retired or not calibrated
        return None
    except LIBRARY_ERRORS as error:
        # Results do not wait for a calibration that the service does not give.
        if is_transient(error) or status_of(error) == 401:
            raise
        return None
