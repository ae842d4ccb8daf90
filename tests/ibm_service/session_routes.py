"""The endpoints of sessions and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibm_service.messages import NOTHING, Answer, RefusalError, Request, as_json
from ibm_service.session_clock import INTERACTIVE_TTL, MAX_TTL
from ibm_service.store import Session, new_id, now, written

if TYPE_CHECKING:
    from ibm_service.service import IBMService


class SessionRoutes:
    """Creates, shows and closes sessions and batches."""

    def __init__(self, service: IBMService) -> None:
        self._ibm = service

    def create(self, request: Request) -> Answer:
        """POST /sessions."""
        asked = request.json()
        mode = asked.get("mode", "dedicated")
        instance = self._ibm.account.instance_of(request)
        if mode == "dedicated" and instance.plan == "open":
            raise RefusalError(
                400, 1352, "You are not authorized to run a session when using the open plan."
            )
        device = self._ibm.devices[str(asked.get("backend"))]
        session = Session(
            id=new_id(),
            crn=instance.crn,
            mode=mode,
            backend=device.name,
            max_ttl=asked.get("max_ttl"),
            created=now(),
        )
        self._ibm.store.add_session(session)
        return as_json(self._shown_session(session))

    def show(self, request: Request, session_id: str) -> Answer:
        """GET /sessions/ID."""
        return as_json(self._shown_session(self._session(request, session_id)))

    def update(self, request: Request, session_id: str) -> Answer:
        """PATCH /sessions/ID."""
        session = self._session(request, session_id)
        session.accepting_jobs = bool(request.json().get("accepting_jobs", True))
        if not session.accepting_jobs:
            session.closed = session.closed or now()
        return NOTHING

    def close(self, request: Request, session_id: str) -> Answer:
        """DELETE /sessions/ID/close: cancels the pending jobs of the session."""
        session = self._session(request, session_id)
        session.accepting_jobs = False
        session.closed = session.closed or now()
        for job in self._ibm.store.jobs():
            if job.session_id == session_id:
                self._ibm.worker.cancel(job)
        return NOTHING

    def _session(self, request: Request, session_id: str) -> Session:
        session = self._ibm.store.session(session_id)
        if session is None or session.crn != self._ibm.account.instance_of(request).crn:
            raise RefusalError(404, 1238, f"Session not found: {session_id}.")
        return session

    def _shown_session(self, session: Session) -> dict[str, Any]:
        jobs = [job for job in self._ibm.store.jobs() if job.session_id == session.id]
        pending = any(not job.is_final for job in jobs)
        state = "closed" if session.closed and not pending else "active" if jobs else "open"
        started = [job.running for job in jobs if job.running]
        ended = [job.finished for job in jobs if job.finished]
        return {
            "id": session.id,
            "backend_name": session.backend,
            "mode": session.mode,
            "state": state,
            "accepting_jobs": session.accepting_jobs,
            "max_ttl": session.max_ttl or MAX_TTL,
            "active_ttl": session.max_ttl or MAX_TTL,
            "interactive_ttl": int(INTERACTIVE_TTL) if session.mode == "dedicated" else 1,
            "started_at": written(min(started, default=None)),
            "activated_at": written(min(started, default=None)),
            "last_job_started": written(max(started, default=None)),
            "last_job_completed": written(max(ended, default=None)),
            "closed_at": written(session.closed),
            "elapsed_time": self._ibm.clock.elapsed(session),
            "timestamps": [],
        }
