"""Jobs and sessions, and what is known about them."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ibm_service.programs import WorkUnit

PENDING = ("Queued", "Running")


@dataclass(kw_only=True)
class Job:
    """A job, from its creation on.

    Attributes:
        crn: Of the instance that it was created in.
        cost: Most QPU seconds that the client allows.
        charge: QPU seconds charged, once it is final.
        pending_usage: How long after its end the charge is not told yet, in s.
        estimate: QPU seconds that it takes.
        executions: Shots times executed circuits, randomizations included, as received.
        circuits: Executed circuits.
        size: Bytes of the request that created it.
        fail_with, cancel_with: What a fault makes of it when it runs.
        seconds: How much longer a fault makes it run, in s.
        listed_from: When GET /jobs begins to show it.
        list_status: What GET /jobs is answered with until then; None shows the other jobs.
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
    work: WorkUnit | None = field(default=None, repr=False)
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
        """Whether nothing about it changes any more."""
        return self.status not in PENDING

    @property
    def told_charge(self) -> float | None:
        """QPU seconds charged, or None as long as they are not told."""
        if self.finished is None or now() < self.finished + timedelta(seconds=self.pending_usage):
            return None
        return self.charge


@dataclass(kw_only=True)
class Session:
    """A session or batch, of one instance."""

    id: str
    crn: str
    mode: str
    backend: str
    max_ttl: int | None
    created: datetime
    accepting_jobs: bool = True
    closed: datetime | None = None


class Store:
    """All jobs and sessions; safe to use from many threads.

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
        """The job of this id."""
        with self.changed:
            return self._jobs.get(job_id)

    def delete(self, job_id: str) -> None:
        """Forget a job."""
        with self.changed:
            self._jobs.pop(job_id, None)

    def add(self, job: Job, check: Callable[[list[Job]], None]) -> None:
        """Add a job, unless the check of those before it raises."""
        with self.changed:
            check(list(self._jobs.values()))
            self._jobs[job.id] = job
            self.changed.notify_all()

    def update(self, job: Job, **changes: Any) -> bool:
        """Change a job at once, unless it is final; return whether it was changed."""
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
        """The session of this id."""
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
    """An id of 20 characters, as IBM's are."""
    return "d" + secrets.token_hex(10)[:19]


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def written(moment: datetime | None) -> str | None:
    """A time as the service writes it."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def until(seconds: float) -> datetime:
    """A moment from now."""
    return now() + timedelta(seconds=seconds)
