"""The QPU time that work was charged, or may still be charged."""

from __future__ import annotations

from qmoe_qiskit.hardware.ledger.records import FINAL, SENDING, SUBMITTED
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.service.client import Client


def committed_qpu_seconds(
    key: str, client: Client, ledger: Ledger, *, besides: str = "", within: str | None = None
) -> float:
    """Return the QPU time that a work was charged, or may still be charged, in seconds.

    The service charges a session by the clock, and every other job by its execution. A job without
    a known charge counts with the limit that it was sent with, or else with its estimate. The job
    with tag `besides` is left out. Session `within` is in use: it counts by its jobs.

    Raises:
        HardwareError: If the service does not answer.
    """
    jobs = [job for job in ledger.jobs(key) if job.state in {SENDING, SUBMITTED, *FINAL}]
    clocks_s = {
        session: seconds
        for session in {job.session_id for job in jobs} - {None, within}
        if (seconds := client.sessions.seconds(str(session))) is not None
    }
    return sum(clocks_s.values()) + sum(
        job.charged_seconds
        if job.charged_seconds is not None
        else job.max_seconds or job.estimated_seconds
        for job in jobs
        if job.tag != besides and job.session_id not in clocks_s
    )
