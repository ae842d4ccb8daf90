"""Taking over the job of an attempt whose end was not seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import HardwareError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.hardware.ledger.records import JobRecord
    from qmoe_qiskit.hardware.ledger.store import Ledger
    from qmoe_qiskit.hardware.service.client import Client


def recover_job(
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


def cancel_duplicates(job: JobRecord, client: Client) -> None:
    """Cancel all other jobs with a job's tag, should the service have taken an attempt very late.

    Raises:
        HardwareError: If one had ended before: it was charged; or the service does not answer.
    """
    twins = [job_id for job_id, _ in client.find(job.tag) if job_id != job.job_id]
    ended = [job_id for job_id in twins if not client.cancel(job_id)]
    if ended:
        raise HardwareError(
            f"the service ran {job.job_id} and {', '.join(ended)} for one piece of work, since it "
            "took a request long after its sender had given it up: both were charged; the results "
            "of the first are kept, give the same command again to go on; a larger --settle waits "
            "longer for such requests"
        )
