"""The charge of a session: the QPU is reserved for it, so it is charged by the clock.

See https://quantum.cloud.ibm.com/docs/guides/estimate-job-run-time: a session is charged for as
long as it is active, a batch for the QPU time of its jobs. Here, jobs count with their QPU seconds,
and the time between jobs counts in seconds of the wall clock.
"""

from __future__ import annotations

from collections.abc import Callable

from ibm_service.store import Job, Session, Store, now

# After this idle time in seconds a session is inactive, and is not charged further.
INTERACTIVE_TTL = 60.0
MAX_TTL = 28800


class SessionClock:
    """The clocks of all sessions.

    Args:
        store: The jobs and sessions.
        cancel: A function that cancels a pending job.

    Attributes:
        rate: Charge for a second between jobs, in seconds; more than 1 shortens tests.
    """

    def __init__(self, store: Store, cancel: Callable[[Job], object]) -> None:
        self.rate = 1.0
        self._store = store
        self._cancel = cancel

    def elapsed(self, session: Session) -> float:
        """QPU seconds charged to a session or batch so far."""
        jobs = self._jobs(session)
        return sum(job.charge for job in jobs) + self._reserved(session, jobs)

    def reserved(self, crn: str) -> float:
        """QPU seconds charged to the sessions of an instance besides their jobs."""
        return sum(
            self._reserved(session, self._jobs(session))
            for session in self._store.sessions()
            if session.crn == crn
        )

    def expire(self) -> None:
        """Close the sessions that have reached their longest duration; cancel their queued jobs."""
        for session in self._store.sessions():
            if session.closed is None and self.elapsed(session) >= (session.max_ttl or MAX_TTL):
                session.accepting_jobs = False
                session.closed = now()
                for job in self._jobs(session):
                    if job.status == "Queued":
                        self._cancel(job)

    def _reserved(self, session: Session, jobs: list[Job]) -> float:
        if session.mode != "dedicated":
            return 0.0
        # Jobs run one after another.
        ran = sorted((job.running, job.finished) for job in jobs if job.running and job.finished)
        begun = [job.running for job in jobs if job.running]
        idle = 0.0
        for _, finished in ran:
            ends = min((moment for moment in begun if moment >= finished), default=None)
            seconds = ((ends or session.closed or now()) - finished).total_seconds()
            idle += min(max(0.0, self.rate * seconds), INTERACTIVE_TTL)
        used = sum(job.charge for job in jobs)
        return min(idle, max(0.0, (session.max_ttl or MAX_TTL) - used))

    def _jobs(self, session: Session) -> list[Job]:
        return [job for job in self._store.jobs() if job.session_id == session.id]
