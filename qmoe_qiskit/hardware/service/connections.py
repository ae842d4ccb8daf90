"""The client library's connections: one per instance of the account."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qiskit_ibm_runtime import QiskitRuntimeService

from qmoe_qiskit.hardware.service.http import RetryAdapter

# The library has no public settings for any of this.
# ruff: noqa: SLF001


class Connections:
    """The connections of an account, whose requests an adapter sends."""

    def __init__(self, service: QiskitRuntimeService, adapter: RetryAdapter) -> None:
        self._service, self._adapter = service, adapter
        self._known: dict[str, Any] = {}

    def use_adapter(self) -> None:
        """Send the requests of all existing connections through the adapter."""
        for client in (self._service._active_api_client, *self._service._api_clients.values()):
            client._session.mount("https://", self._adapter)
            client._session.mount("http://", self._adapter)

    def activate(self, instance: str) -> None:
        """Make the instance with this CRN the active one."""
        self._service._get_or_create_cloud_client(instance)
        self.use_adapter()

    @contextmanager
    def same_instance(self) -> Iterator[None]:
        """Restore the active instance: reading from another instance changes it in the library."""
        active = self._service._active_api_client
        try:
            yield
        finally:
            self._service._active_api_client = active

    @contextmanager
    def all_instances(self) -> Iterator[list[str]]:
        """Let the library ask every instance of the account, not only those that it opened.

        Yields:
            The CRNs of the instances.
        """
        service, own = self._service, self._service._api_clients
        active = service._active_api_client
        crns = [str(instance["crn"]) for instance in service.instances()]
        with self.same_instance():
            try:
                service._api_clients = {**self._known, **own}
                for crn in crns:
                    service._get_or_create_cloud_client(crn)
                self.use_adapter()
                # Kept apart: the library must not look for devices in these instances.
                self._known = dict(service._api_clients)
                service._active_api_client = active  # it is asked first
                yield crns
            finally:
                service._api_clients = own
