"""The parts of a work: ranges of its points, each executed by one job, or once more by another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmoe_qiskit.errors import HardwareError
from qmoe_qiskit.hardware.ledger.records import CANCELLED, FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmoe_qiskit.hardware.ledger.records import JobRecord

UNSUCCESSFUL = (FAILED, CANCELLED)


def current(jobs: Sequence[JobRecord]) -> list[JobRecord]:
    """Return the job that stands for each part, of several the last, in the order of the points.

    Args:
        jobs: All jobs of a work, by index.
    """
    parts = {job.start: job for job in jobs}
    return [parts[start] for start in sorted(parts)]


def refuse_unsuccessful(jobs: Sequence[JobRecord]) -> None:
    """Refuse to go on with a work of which a part has failed or was cancelled.

    Raises:
        HardwareError: Then; the message says what can be done.
    """
    parts = current(jobs)
    for number, job in enumerate(parts, 1):
        if job.state in UNSUCCESSFUL:
            because = f": {job.error}" if job.error else ""
            raise HardwareError(
                f"{named(number, parts)} {'failed' if job.state == FAILED else 'was cancelled'}"
                f"{because}; what is done is kept and nothing more is sent: to pay for this job "
                f"once more, give qmoe jobs retry {job.key[:8]} and then the same command again; "
                "to pay for new shots of everything, another --repetition"
            )


def named(number: int, parts: Sequence[JobRecord]) -> str:
    """Return what a part is called, by its number from 1."""
    return f"job {number} of {len(parts)} ({parts[number - 1].job_id or 'not created'})"
