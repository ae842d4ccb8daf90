"""The table of all endpoints, and the endpoints of devices."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ibm_service.devices import listed
from ibm_service.job_routes import JobRoutes
from ibm_service.messages import Answer, RefusalError, Request, as_json
from ibm_service.session_routes import SessionRoutes

if TYPE_CHECKING:
    from ibm_service.service import IBMService

_Handler = Callable[..., Answer]


class Routes:
    """Every endpoint of the API and of IBM Cloud.

    Args:
        service: The service that the endpoints act on.
    """

    def __init__(self, service: IBMService) -> None:
        self._ibm = service
        name = r"([^/]+)"
        jobs, sessions = JobRoutes(service), SessionRoutes(service)
        table: list[tuple[str, str, _Handler]] = [
            ("POST", "/v3/resources/search", service.account.search),
            ("GET", f"/gc/{name}", service.account.catalog),
            ("GET", "/backends", self.backends),
            ("GET", f"/backends/{name}/configuration", self.configuration),
            ("GET", f"/backends/{name}/properties", self.properties),
            ("GET", f"/backends/{name}/status", self.status),
            ("GET", "/instances/usage", self.usage),
            ("POST", "/jobs", jobs.create),
            ("GET", "/jobs", jobs.page),
            ("GET", f"/jobs/{name}", jobs.show),
            ("DELETE", f"/jobs/{name}", jobs.delete),
            ("GET", f"/jobs/{name}/results", jobs.results),
            ("GET", f"/jobs/{name}/metrics", jobs.metrics),
            ("GET", f"/jobs/{name}/logs", jobs.logs),
            ("PUT", f"/jobs/{name}/tags", jobs.update_tags),
            ("POST", f"/jobs/{name}/cancel", jobs.cancel),
            ("POST", "/sessions", sessions.create),
            ("GET", f"/sessions/{name}", sessions.show),
            ("PATCH", f"/sessions/{name}", sessions.update),
            ("DELETE", f"/sessions/{name}/close", sessions.close),
        ]
        self._table = [(method, re.compile(path), handler) for method, path, handler in table]

    def __call__(self, request: Request) -> Answer:
        """Answer a request.

        Raises:
            RefusalError: If it is refused.
        """
        if (request.method, request.path) == ("POST", "/identity/token"):
            return self._ibm.account.token(request)
        self._ibm.account.authorize(request)
        for method, path, handler in self._table:
            if method == request.method and (match := path.fullmatch(request.path)):
                return handler(request, *match.groups())
        raise RefusalError(404, 1209, f"There is no {request.method} {request.path}.")

    def backends(self, _: Request) -> Answer:
        """GET /backends."""
        shown = [
            listed(device, up=self._ibm.is_up(device.name), queue=self._queue(device.name))
            for device in self._ibm.devices
        ]
        return as_json({"devices": shown})

    def configuration(self, _: Request, name: str) -> Answer:
        """GET /backends/NAME/configuration."""
        return as_json(self._ibm.devices[name].configuration)

    def properties(self, request: Request, name: str) -> Answer:
        """GET /backends/NAME/properties."""
        devices = self._ibm.devices
        return devices.calibration(devices[name], request)

    def status(self, _: Request, name: str) -> Answer:
        """GET /backends/NAME/status."""
        devices = self._ibm.devices
        return devices.status(devices[name], up=self._ibm.is_up(name), queue=self._queue(name))

    def usage(self, request: Request) -> Answer:
        """GET /instances/usage."""
        instance = self._ibm.account.instance_of(request)
        return instance.usage(over=self._ibm.faults.holds("over_quota"))

    def _queue(self, device: str) -> int:
        return sum(j.backend == device and not j.is_final for j in self._ibm.store.jobs())
