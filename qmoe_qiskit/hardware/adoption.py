"""Taking over the job of an attempt whose end was not seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.hardware.client import Client
    from qmoe_qiskit.hardware.ledger import Ledger
    from qmoe_qiskit.hardware.records import JobRecord


def adopt(
    job: JobRecord,
    client: Client,
    ledger: Ledger,
    report: Callable[[str], None] = lambda _: None,
) -> bool:
    """Look for a job by its tag, and note its id; returns whether the service has it.

    Should it have more than one, which nothing here does, all but the oldest are cancelled.

    Raises:
        HardwareError: If the service does not answer.
    """
    found = client.find(job.tag)
    for number, (job_id, session_id) in enumerate(found):
        if number == 0:
            ledger.submitted(job.tag, job_id, datetime.now(UTC), session_id=session_id)
            report(f"job {job.index + 1}: {job_id} found, created before")
        elif client.cancel(job_id):
            report(f"job {job.index + 1}: {job_id} has the same tag and was cancelled")
    return bool(found)
