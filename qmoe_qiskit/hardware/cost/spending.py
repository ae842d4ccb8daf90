"""The QPU time that work was charged, or may still be charged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmoe_qiskit.hardware.ledger.records import FINAL, SENDING, SUBMITTED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qmoe_qiskit.hardware.ledger.records import JobRecord
    from qmoe_qiskit.hardware.ledger.store import Ledger
    from qmoe_qiskit.hardware.service.client import Client


def committed_qpu_seconds(
    key: str, client: Client, ledger: Ledger, *, besides: str = "", within: str | None = None
) -> float:
    """Return the QPU time that a work was charged, or may still be charged, in seconds.

    The service charges a session by the clock, and every other job by its execution.

    Args:
        key: The key of the work.
        client: The account.
        ledger: The ledger that holds the work.
        besides: The tag of a job to leave out.
        within: The session that is in use: it counts by its jobs, not by the clock.

    Raises:
        HardwareError: If the service does not answer.
    """
    jobs = [job for job in ledger.jobs(key) if job.state in {SENDING, SUBMITTED, *FINAL}]
    clocks_s = {
        session: seconds
        for session in {job.session_id for job in jobs} - {None, within}
        if (seconds := client.sessions.seconds(str(session))) is not None
    }
    jobs_s = _charges_s(j for j in jobs if j.tag != besides and j.session_id not in clocks_s)
    return sum(clocks_s.values()) + jobs_s


def _charges_s(jobs: Iterable[JobRecord]) -> float:
    """Return the sum of the jobs' charges in seconds, each by its upper bound until it is known.

    The upper bound is the limit that the job was sent with; a job without a limit counts with its
    estimate.
    """
    return sum(
        job.charged_seconds
        if job.charged_seconds is not None
        else job.max_seconds or job.estimated_seconds
        for job in jobs
    )
