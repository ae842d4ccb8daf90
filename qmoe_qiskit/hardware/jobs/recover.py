"""Recover a job whose submission response was lost."""

import logging
from datetime import UTC, datetime

from qmoe_qiskit.errors import HardwareError
from qmoe_qiskit.hardware.jobs.timeouts import ReportStatus
from qmoe_qiskit.hardware.ledger.records import JobRecord
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.service.client import Client

_log = logging.getLogger(__name__)


def recover_job(
    job: JobRecord, client: Client, ledger: Ledger, report: ReportStatus = lambda _: None
) -> bool:
    """Look for a job by its tag and record its id; returns whether the service has the job.

    If the service has several jobs with the tag, all but the oldest are cancelled. This package
    creates no such duplicates.

    Raises:
        HardwareError: If the service does not answer.
    """
    found = client.find_jobs(job.tag)
    for number, (job_id, session_id) in enumerate(found):
        if number == 0:
            ledger.submitted(job.tag, job_id, datetime.now(UTC), session_id=session_id)
            _log.info("job %s (%s) recovered: it was created before", job_id, job.tag)
            report(f"job {job.index + 1}: {job_id} found, created before")
        elif client.cancel(job_id):
            _log.warning("job %s (%s) cancelled: a duplicate", job_id, job.tag)
            report(f"job {job.index + 1}: {job_id} has the same tag and was cancelled")
    return bool(found)


def cancel_duplicates(job: JobRecord, client: Client) -> None:
    """Cancel all other jobs with a job's tag: the service may have taken an attempt very late.

    Raises:
        HardwareError: If a duplicate had ended and was charged, or the service does not answer.
    """
    duplicates = [found for found, _ in client.find_jobs(job.tag) if found != job.job_id]
    ended = [job_id for job_id in duplicates if not client.cancel(job_id)]
    for job_id in duplicates:
        _log.warning("job %s (%s) is a duplicate of %s", job_id, job.tag, job.job_id)
    if ended:
        raise HardwareError(
            f"the service ran {job.job_id} and {', '.join(ended)} for one piece of work, since it "
            "took a request long after its sender had given it up: both were charged; the results "
            "of the first are kept, give the same command again to go on; a larger --settle waits "
            "longer for such requests"
        )
