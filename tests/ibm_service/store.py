"""The jobs and sessions of the service."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ibm_service.programs import ReceivedProgram

PENDING = ("Queued", "Running")


@dataclass(kw_only=True)
class Job:
    """A job.

    Attributes:
        crn: The CRN of the job's instance.
        cost: Limit of QPU seconds that the client set.
        charge: QPU seconds charged, once the job is final.
        pending_usage: Time in seconds after the end for which the charge is unknown.
        estimate: Estimated QPU seconds.
        executions: Number of shots times number of executed circuits, randomizations included.
        circuits: Number of executed circuits.
        size: Length in bytes of the request that created the job.
        fail_with, cancel_with: The reason with which a fault ends the job.
        seconds: Further seconds for which a fault lets the job run.
        listed_from: The time from which GET /jobs lists the job.
        list_status: Status of GET /jobs until then; None lists the other jobs.
    """

    id: str
    crn: str
    backend: str
    program_id: str
    params: dict[str, Any] = field(repr=False)
    tags: list[str]
    session_id: str | None
    cost: float | None
    size: int
    created: datetime
    work: ReceivedProgram | None = field(default=None, repr=False)
    executions: int = 0
    circuits: int = 0
    estimate: float | None = None
    status: str = "Queued"
    reason: str | None = None
    reason_code: int | None = None
    running: datetime | None = None
    finished: datetime | None = None
    charge: float = 0.0
    pending_usage: float = 0.0
    result: str = field(default="", repr=False)
    fail_with: str | None = None
    cancel_with: str | None = None
    seconds: float = 0.0
    listed_from: datetime | None = None
    list_status: int | None = None

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self.status not in PENDING

    @property
    def told_charge(self) -> float | None:
        """QPU seconds charged, or None as long as the service does not report them."""
        if self.finished is None or now() < self.finished + timedelta(seconds=self.pending_usage):
            return None
        return self.charge


@dataclass(kw_only=True)
class Session:
    """A session or batch of an instance."""

    id: str
    crn: str
    mode: str
    backend: str
    max_ttl: int | None
    created: datetime
    accepting_jobs: bool = True
    closed: datetime | None = None


class Store:
    """All jobs and sessions; safe for concurrent threads.

    `changed` is notified with every change, and guards all of them.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._sessions: dict[str, Session] = {}

    def jobs(self) -> list[Job]:
        """Every job ever created, oldest first."""
        with self.changed:
            return list(self._jobs.values())

    def job(self, job_id: str) -> Job | None:
        """The job with this id."""
        with self.changed:
            return self._jobs.get(job_id)

    def delete(self, job_id: str) -> None:
        """Forget a job."""
        with self.changed:
            self._jobs.pop(job_id, None)

    def add(self, job: Job, check: Callable[[list[Job]], None]) -> None:
        """Add a job, unless the check of the earlier jobs raises."""
        with self.changed:
            check(list(self._jobs.values()))
            self._jobs[job.id] = job
            self.changed.notify_all()

    def update(self, job: Job, **changes: Any) -> bool:
        """Change fields of a job in one step, unless it is final; return whether it changed."""
        with self.changed:
            if job.is_final:
                return False
            for name, value in changes.items():
                setattr(job, name, value)
            self.changed.notify_all()
            return True

    def add_session(self, session: Session) -> None:
        """Add a session."""
        with self.changed:
            self._sessions[session.id] = session

    def session(self, session_id: str) -> Session | None:
        """The session with this id."""
        with self.changed:
            return self._sessions.get(session_id)

    def accepts(self, session_id: str, crn: str) -> bool:
        """Whether a session of an instance takes jobs."""
        session = self.session(session_id)
        return session is not None and session.crn == crn and session.accepting_jobs

    def sessions(self) -> list[Session]:
        """Every session and batch ever created, oldest first."""
        with self.changed:
            return list(self._sessions.values())


def new_id() -> str:
    """A new id of 20 characters, like IBM's."""
    return "d" + secrets.token_hex(10)[:19]


def now() -> datetime:
    """The current time, UTC."""
    return datetime.now(UTC)


def written(moment: datetime | None) -> str | None:
    """A time in the service's format."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def until(seconds: float) -> datetime:
    """The time in some seconds from now."""
    return now() + timedelta(seconds=seconds)
