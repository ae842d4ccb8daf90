"""Collection of results: the ledger stores the arrays, the charge and the calibration."""

import json
import logging
import math
import time
import warnings
from datetime import UTC, datetime
from typing import Any

import numpy as np
from qiskit_ibm_runtime import RuntimeJobV2
from qiskit_ibm_runtime.ibm_backend import IBMRetiredBackend

from qmoe_qiskit.errors import HardwareError, ImplausibleValueWarning, InputError
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
from qmoe_qiskit.hardware.work import WorkUnit
from qmoe_qiskit.noise_profiles import NoiseProfile, capture
from qmoe_qiskit.typing import FloatArray

_log = logging.getLogger(__name__)

# Standard errors by which a value may exceed its observable's range by chance.
_CHANCE, _ROUNDING = 6.0, 1e-9

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
        metrics = _dict_of(remote.metrics())
        values_PO = std_errors_PO = error = None
        if status == "DONE":
            values_PO, std_errors_PO = _values_of(remote, job, load_work(work))
        elif status == "ERROR":
            error = " ".join(str(remote.error_message()).split())[:1000]
        profile = _calibration_of(remote, work.device, client, metrics)
    usage = _dict_of(metrics.get("usage"))
    ledger.finished(
        job.tag,
        _OUTCOMES[status],
        at=datetime.now(UTC),
        values_PO=values_PO,
        std_errors_PO=std_errors_PO,
        charged_seconds=_charge_of(usage),
        error=error,
        calibration=None if profile is None else profile.dumps(),
        calibration_hash=None if profile is None else profile.content_hash,
        details=json.dumps({"timestamps": _dict_of(metrics.get("timestamps")), "usage": usage}),
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


def _dict_of(answer: object) -> dict[str, Any]:
    """Return a part of an answer, or an empty one where the service left it out."""
    return answer if isinstance(answer, dict) else {}


def _charge_of(usage: dict[str, Any]) -> float | None:
    """Return the charge of a job in seconds; None if the service has not told one that can be."""
    charged = usage.get("qpu_charge_time_seconds", usage.get("quantum_seconds"))
    if usage.get("status", "final") == "pending" or isinstance(charged, bool):
        return None
    if not isinstance(charged, int | float) or not 0 <= charged < math.inf:
        return None
    return float(charged)


def _values_of(
    remote: RuntimeJobV2, job: JobRecord, work: WorkUnit
) -> tuple[FloatArray, FloatArray]:
    """Return the values and standard errors of a job, (P, O) each.

    Raises:
        HardwareError: If the result does not fit what was asked for.
    """
    wanted = (job.stop - job.start, len(work.observables))
    fault = f"it has no values of shape {wanted}"
    try:
        values_PO, std_errors_PO = values_of(remote.result(), work)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        fault = f"it cannot be read ({type(error).__name__})"
    else:
        numbers = (values_PO, std_errors_PO)
        if (
            all(n.shape == wanted and np.isfinite(n).all() for n in numbers)
            and not (std_errors_PO < 0).any()
        ):
            _say_what_cannot_be(values_PO, std_errors_PO, job, work)
            return values_PO, std_errors_PO
    raise HardwareError(
        f"the result of job {job.job_id} arrived damaged: {fault}; nothing was recorded and "
        "nothing is paid again, collect it once more (qmoe jobs collect)"
    )


def _say_what_cannot_be(
    values_PO: FloatArray, std_errors_PO: FloatArray, job: JobRecord, work: WorkUnit
) -> None:
    largest_O = np.array([np.abs(o.coeffs).sum() for o in work.observables])
    beyond = np.abs(values_PO) > largest_O + _CHANCE * std_errors_PO + _ROUNDING
    if beyond.any():
        point, output = (int(k) for k in np.argwhere(beyond)[0])
        warnings.warn(
            f"{int(beyond.sum())} values of job {job.job_id} cannot be: the first is "
            f"{values_PO[point, output]:.4g} +- {std_errors_PO[point, output]:.2g} for output "
            f"{output} of point {job.start + point}, and the observable lies within "
            f"{largest_O[output]:g}; mitigation may overshoot, or the result is wrong",
            ImplausibleValueWarning,
            stacklevel=2,
        )


def _calibration_of(
    remote: RuntimeJobV2, device: str, client: Client, metrics: dict[str, Any]
) -> NoiseProfile | None:
    """Return the device's calibration at the time of the job; None if it is not available."""
    try:
        started = datetime.fromisoformat(_dict_of(metrics.get("timestamps"))["running"])
    except (KeyError, TypeError, ValueError):  # the service does not say
        return None
    try:
        backend = remote.backend()
        if isinstance(backend, IBMRetiredBackend):
            # The library calls every device retired that it has not listed before.
            backend = client.backend(device)
        return capture(backend, at=started)
    except InputError:  # the device is retired or not calibrated
        return None
    except LIBRARY_ERRORS as error:
        # Results do not wait for a calibration that the service does not give.
        if is_transient(error) or status_of(error) == 401:
            raise
        return None
