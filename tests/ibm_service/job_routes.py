"""The endpoints of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ibm_service.messages import NOTHING, Answer, RefusalError, Request, as_json, as_text
from ibm_service.store import PENDING, Job, now, written

if TYPE_CHECKING:
    from ibm_service.service import IBMService


class JobRoutes:
    """Creates, lists and shows jobs."""

    def __init__(self, service: IBMService) -> None:
        self._ibm = service

    def create(self, request: Request) -> Answer:
        """POST /jobs."""
        asked = request.json()
        device = self._ibm.devices[str(asked.get("backend"))]
        instance = self._ibm.account.instance_of(request)
        session = asked.get("session_id")
        if session is not None and not self._ibm.store.accepts(session, instance.crn):
            raise RefusalError(400, 1237, f"Session {session} is closed.")
        self._ibm.check_quota(instance)
        job = self._ibm.new_job(asked, device, instance.crn, size=len(request.body))
        self._ibm.admit(job)
        return as_json({"id": job.id, "backend": job.backend, "session_id": job.session_id})

    def page(self, request: Request) -> Answer:
        """GET /jobs: the jobs of the instance."""
        moment = now()
        crn = self._ibm.account.instance_of(request).crn
        own = [job for job in self._ibm.store.jobs() if job.crn == crn]
        lost = [job for job in own if job.listed_from is not None and job.listed_from > moment]
        for job in lost:
            if job.list_status is not None:
                raise RefusalError(job.list_status, 9999, "The list of jobs is not available.")
        found = [
            job for job in own if not any(job is other for other in lost) and _matches(job, request)
        ]
        if request.one("sort") != "ASC":
            found.reverse()
        offset = int(request.one("offset") or 0)
        limit = int(request.one("limit") or 200)
        page = found[offset : offset + limit]
        return as_json(
            {
                "jobs": [self._shown(job) for job in page],
                "count": len(found),
                "limit": limit,
                "offset": offset,
            }
        )

    def show(self, request: Request, job_id: str) -> Answer:
        """GET /jobs/ID."""
        job = self._job(request, job_id)
        shown = self._shown(job)
        if request.one("exclude_params") != "true":
            shown["params"] = job.params
        return as_json(shown)

    def delete(self, request: Request, job_id: str) -> Answer:
        """DELETE /jobs/ID."""
        if not self._job(request, job_id).is_final:
            raise RefusalError(409, 1292, f"Job {job_id} is not final.")
        self._ibm.store.delete(job_id)
        return NOTHING

    def results(self, request: Request, job_id: str) -> Answer:
        """GET /jobs/ID/results; for a job without results, the reason."""
        job = self._job(request, job_id)
        if not job.is_final:
            return NOTHING
        return as_text(job.result or job.reason or "")

    def metrics(self, request: Request, job_id: str) -> Answer:
        """GET /jobs/ID/metrics."""
        job = self._job(request, job_id)
        charge = job.told_charge
        document: dict[str, Any] = {
            "timestamps": {
                "created": written(job.created),
                "running": written(job.running),
                "finished": written(job.finished),
            },
            "executions": job.executions,
            "usage": {
                "qpu_charge_time_seconds": charge or 0.0,
                "quantum_seconds": charge or 0.0,
                "status": "pending" if charge is None else "complete",
            },
            # For clients of earlier releases.
            "bss": {"seconds": charge or 0.0},
        }
        if job.status == "Queued":
            # Position among the jobs of all instances.
            ahead = [j.id for j in self._ibm.store.jobs() if j.status in PENDING]
            document["position_in_queue"] = ahead.index(job.id) + 1 if job.id in ahead else 0
        return as_json(document)

    def logs(self, request: Request, job_id: str) -> Answer:
        """GET /jobs/ID/logs."""
        job = self._job(request, job_id)
        return as_text(f"{job.status} on {job.backend}\n{job.reason or ''}")

    def update_tags(self, request: Request, job_id: str) -> Answer:
        """PUT /jobs/ID/tags."""
        self._job(request, job_id).tags = [str(tag) for tag in request.json()["tags"]]
        return NOTHING

    def cancel(self, request: Request, job_id: str) -> Answer:
        """POST /jobs/ID/cancel."""
        if not self._ibm.worker.cancel(self._job(request, job_id)):
            raise RefusalError(409, 1293, f"Job {job_id} is final, it cannot be cancelled.")
        return NOTHING

    def _job(self, request: Request, job_id: str) -> Job:
        """The job with this id, of the instance that the request names."""
        job = self._ibm.store.job(job_id)
        if job is None or job.crn != self._ibm.account.instance_of(request).crn:
            raise RefusalError(404, 1291, f"Job not found: {job_id}.")
        return job

    def _shown(self, job: Job) -> dict[str, Any]:
        with self._ibm.store.changed:
            charge = job.told_charge or 0.0
            state: dict[str, Any] = {"status": job.status}
            if job.reason is not None:
                state["reason"] = job.reason
            if job.reason_code is not None:
                state["reason_code"] = job.reason_code
            return {
                "id": job.id,
                "backend": job.backend,
                "state": state,
                "status": job.status,
                "program": {"id": job.program_id},
                "created": written(job.created),
                "ended": written(job.finished),
                "cost": job.cost,
                "tags": list(job.tags),
                "session_id": job.session_id,
                "estimated_running_time_seconds": job.estimate,
                "usage": {"seconds": charge, "quantum_seconds": charge},
                "private": False,
            }


def _matches(job: Job, request: Request) -> bool:
    tags = request.query.get("tags", [])
    pending = request.one("pending")
    after, before = request.one("created_after"), request.one("created_before")
    return (
        set(tags) <= set(job.tags)
        and (pending is None or (pending == "true") == (not job.is_final))
        and request.one("backend") in {None, job.backend}
        and request.one("session_id") in {None, job.session_id}
        and request.one("program") in {None, job.program_id}
        and (after is None or job.created >= datetime.fromisoformat(after))
        and (before is None or job.created <= datetime.fromisoformat(before))
    )
