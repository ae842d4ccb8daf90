"""Cancellation of work."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from qmoe_qiskit.hardware.jobs.collect import collect_job
from qmoe_qiskit.hardware.jobs.recover import recover_job
from qmoe_qiskit.hardware.jobs.timeouts import LOCK_S, Timeouts
from qmoe_qiskit.hardware.ledger.records import CANCELLED, PLANNED, SENDING, SUBMITTED, JobRecord
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.service.client import Client

_log = logging.getLogger(__name__)


def cancel_work(
    key: str, connect: Callable[[], Client], ledger: Ledger, *, timeouts: Timeouts | None = None
) -> None:
    """Cancel the jobs of a work that have not ended, the latest first.

    A job whose submission response was lost is looked for by its tag, for as long as it may still
    appear, and cancelled too. `connect` is called only if a job was sent.

    Raises:
        HardwareError: If the service does not answer; jobs that were cancelled before stay so.
    """
    settle_s = (timeouts or Timeouts()).settle_s
    with ledger.exclusive(timeout_s=LOCK_S):
        jobs = ledger.jobs(key)[::-1]
        for job in jobs:
            if job.state == PLANNED:
                ledger.finished(job.tag, CANCELLED, at=datetime.now(UTC))
        sent = [job for job in jobs if job.state in {SENDING, SUBMITTED}]
        if not sent:
            return
        client = connect()
        settled_at = time.monotonic() + settle_s
        # Jobs that may have to be waited for come last.
        for job in sorted(sent, key=lambda job: job.state == SENDING):
            if job.state == SENDING and not _find(job, client, ledger, settled_at):
                ledger.finished(job.tag, CANCELLED, at=datetime.now(UTC))
            else:
                _cancel(job.tag, client, ledger)


def _find(job: JobRecord, client: Client, ledger: Ledger, settled_at: float) -> bool:
    """Look for a job by its tag until it must have appeared."""
    while True:
        is_last = time.monotonic() >= settled_at
        found = recover_job(job, client, ledger)
        if found or is_last:
            return found
        time.sleep(min(1.0, max(0.05, settled_at - time.monotonic())))


def _cancel(tag: str, client: Client, ledger: Ledger) -> None:
    job = ledger.job(tag)
    assert job.job_id is not None
    _log.info("cancelling job %s (%s)", job.job_id, tag)
    client.cancel(job.job_id)
    collect_job(job, client, ledger)
