"""Cancelling work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qmoe_qiskit.hardware.collection import collect_job
from qmoe_qiskit.hardware.records import CANCELLED, PLANNED, SENDING, SUBMITTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.hardware.client import Client
    from qmoe_qiskit.hardware.ledger import Ledger

_LOCK_S = 300.0


def cancel_work(key: str, connect: Callable[[], Client], ledger: Ledger) -> None:
    """Cancel the jobs of a work that have not ended, the one last sent first.

    A job that was on its way when its sender died is looked for by its tag and cancelled too.

    Raises:
        HardwareError: If the service does not answer; jobs that were cancelled before stay so.
    """
    client: Client | None = None
    with ledger.exclusive(timeout_s=_LOCK_S):
        for job in reversed(ledger.jobs(key)):
            if job.state == PLANNED:
                ledger.finished(job.tag, CANCELLED, at=datetime.now(UTC))
            elif job.state in {SENDING, SUBMITTED}:
                client = client or connect()
                ids = [job.job_id] if job.job_id is not None else client.find(job.tag)
                for job_id in ids:
                    client.cancel(job_id)
                    if job.state == SENDING:
                        ledger.submitted(job.tag, job_id, datetime.now(UTC))
                if (now := ledger.job(job.tag)) is not None and now.state == SUBMITTED:
                    collect_job(now, client, ledger)
                elif not ids:
                    ledger.finished(job.tag, CANCELLED, at=datetime.now(UTC))
