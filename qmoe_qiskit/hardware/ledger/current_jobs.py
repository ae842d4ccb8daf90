"""The current jobs of a work: for each range of points the latest job, and the results of all.

A range has one job, and one more for each time that its job failed or was cancelled and the user
asked for a retry.
"""

from collections.abc import Sequence

import numpy as np

from qmoe_qiskit.errors import HardwareError
from qmoe_qiskit.hardware.ledger.queries import LedgerReader
from qmoe_qiskit.hardware.ledger.records import CANCELLED, DONE, FAILED, JobRecord
from qmoe_qiskit.hardware.work import Outcome, job_tag

_UNSUCCESSFUL = (FAILED, CANCELLED)


def current_jobs(jobs: Sequence[JobRecord]) -> list[JobRecord]:
    """Return the latest job of each range, in the order of the points, from all jobs of a work."""
    latest = {job.start: job for job in jobs}
    return [latest[start] for start in sorted(latest)]


def refuse_unsuccessful(jobs: Sequence[JobRecord]) -> None:
    """Refuse to go on with a work if a current job failed or was cancelled.

    Raises:
        HardwareError: If one did; the message says what to do.
    """
    latest = current_jobs(jobs)
    for number, job in enumerate(latest, 1):
        if job.state in _UNSUCCESSFUL:
            because = f": {job.error}" if job.error else ""
            raise HardwareError(
                f"{_label(number, latest)} {'failed' if job.state == FAILED else 'was cancelled'}"
                f"{because}; what is done is kept and nothing more is sent: to pay for this job "
                f"once more, give qmoe jobs retry {job.key[:8]} and then the same command again; "
                "to pay for new shots of everything, another --repetition"
            )


def plan_retries(jobs: Sequence[JobRecord]) -> list[JobRecord]:
    """Return a further job for each current job, of all jobs of a work, without success."""
    unsuccessful = [job for job in current_jobs(jobs) if job.state in _UNSUCCESSFUL]
    return [
        JobRecord(
            tag=job_tag(
                job.key, job.start, job.stop, retry=sum(j.start == job.start for j in jobs)
            ),
            key=job.key,
            index=index,
            start=job.start,
            stop=job.stop,
            estimated_seconds=job.estimated_seconds,
            executions=job.executions,
        )
        for index, job in enumerate(unsuccessful, len(jobs))
    ]


def has_all_results(key: str, ledger: LedgerReader) -> bool:
    """Return whether a ledger holds all results of a work."""
    latest = current_jobs(ledger.jobs(key))
    return bool(latest) and all(job.state == DONE for job in latest)


def load_outcome(key: str, ledger: LedgerReader) -> Outcome:
    """Return the results of a work.

    Raises:
        HardwareError: If a current job failed, was cancelled, or has not ended.
    """
    jobs = ledger.jobs(key)
    refuse_unsuccessful(jobs)
    latest = current_jobs(jobs)
    for number, job in enumerate(latest, 1):
        if job.state != DONE:
            raise HardwareError(
                f"{_label(number, latest)} is {job.state}: collect it with qmoe jobs collect"
            )
    results = [ledger.results(job.tag) for job in latest]
    return Outcome(
        values_PO=np.concatenate([values_PO for values_PO, _ in results]),
        std_errors_PO=np.concatenate([errors_PO for _, errors_PO in results]),
        seconds=ledger.charged(key),
        executions=sum(job.executions for job in jobs if job.job_id),
        job_ids=tuple(job.job_id for job in latest if job.job_id),
    )


def _label(number: int, latest: Sequence[JobRecord]) -> str:
    """Return what messages call a current job, by its number from 1."""
    return f"job {number} of {len(latest)} ({latest[number - 1].job_id or 'not created'})"
