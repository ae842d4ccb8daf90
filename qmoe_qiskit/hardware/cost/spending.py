"""What work has taken of a budget of QPU time, and what it may still take."""

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
    """Return the QPU time that a work was charged, and may still be, in seconds.

    Sessions are charged by the clock, everything else by its jobs.

    Args:
        key: The work.
        client: The account.
        ledger: Where it is recorded.
        besides: Tag of a job that is left out.
        within: A session whose time is accounted for, that of its jobs is not.

    Raises:
        HardwareError: If the service does not answer.
    """
    jobs = [job for job in ledger.jobs(key) if job.state in {SENDING, SUBMITTED, *FINAL}]
    clocks_s = {
        session: seconds
        for session in {job.session_id for job in jobs} - {None, within}
        if (seconds := client.sessions.seconds(str(session))) is not None
    }
    by_jobs_s = _most_s(j for j in jobs if j.tag != besides and j.session_id not in clocks_s)
    return sum(clocks_s.values()) + by_jobs_s


def _most_s(jobs: Iterable[JobRecord]) -> float:
    """Return what jobs were charged; where that is not known yet, what they may be charged at most.

    That is the limit that they were sent with. One that was sent without a limit, before there was
    a budget, counts with its estimate.
    """
    return sum(
        job.charged_seconds
        if job.charged_seconds is not None
        else job.max_seconds or job.estimated_seconds
        for job in jobs
    )
