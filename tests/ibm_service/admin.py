"""Administration: the jobs and requests of the service, its faults and its pace."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ibm_service.messages import NOTHING, Answer, RefusalError, Request, as_json
from ibm_service.store import Job, written

if TYPE_CHECKING:
    from ibm_service.service import IBMService


class Admin:
    """Endpoints under /_admin, without tokens.

    GET /_admin/jobs, GET /_admin/requests, GET, POST and DELETE /_admin/faults,
    POST /_admin/pace with any of queued, running, paused.
    """

    def __init__(self, service: IBMService) -> None:
        self._ibm = service

    def __call__(self, request: Request) -> Answer:
        """Answer a request."""
        match request.method, request.path.removeprefix("/_admin/"):
            case "GET", "jobs":
                return as_json({"jobs": [_shown(job) for job in self._ibm.jobs]})
            case "GET", "requests":
                return as_json({"requests": self._ibm.requests})
            case "GET", "faults":
                return as_json({"faults": self._ibm.faults.armed()})
            case "DELETE", "faults":
                self._ibm.faults.clear()
                return NOTHING
            case "POST", "faults":
                return self._arm(request.json())
            case "POST", "pace":
                for name, value in request.json().items():
                    if not hasattr(self._ibm.pace, name):
                        raise RefusalError(400, 9998, f"A pace has no {name!r}.")
                    setattr(self._ibm.pace, name, value)
                return as_json(asdict(self._ibm.pace))
        raise RefusalError(404, 1209, f"There is no {request.method} {request.path}.")

    def _arm(self, document: dict[str, Any]) -> Answer:
        try:
            fault = self._ibm.faults.arm(**document)
        except (TypeError, ValueError) as error:
            raise RefusalError(400, 9998, str(error)) from error
        return as_json(asdict(fault))


def _shown(job: Job) -> dict[str, Any]:
    hidden = {"params", "work", "result"}
    fields = {name: value for name, value in vars(job).items() if name not in hidden}
    for name in ("created", "running", "finished", "listed_from"):
        fields[name] = written(fields[name])
    return fields
