"""The client library's connections, one for each instance of the account."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.hardware.service.http import make_patient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qiskit_ibm_runtime import QiskitRuntimeService

    from qmoe_qiskit.hardware.service.http import PatientAdapter

# The library has no setting for any of this.
# ruff: noqa: SLF001


class Connections:
    """The connections of an account.

    Args:
        service: The library's object of it.
        adapter: What sends the requests.
    """

    def __init__(self, service: QiskitRuntimeService, adapter: PatientAdapter) -> None:
        self._service, self._adapter = service, adapter
        self._known: dict[str, Any] = {}

    def be_patient(self) -> None:
        """Send the requests of all connections that there are through the adapter."""
        service = self._service
        clients = [service._active_api_client, *service._api_clients.values()]
        make_patient({id(client): client._session for client in clients}.values(), self._adapter)

    def activate(self, instance: str) -> None:
        """Make an instance, by its CRN, the active one."""
        self._service._get_or_create_cloud_client(instance)
        self.be_patient()

    @contextmanager
    def same_instance(self) -> Iterator[None]:
        """Undo that a question for something of another instance makes that the active one."""
        active = self._service._active_api_client
        try:
            yield
        finally:
            self._service._active_api_client = active

    @contextmanager
    def all_instances(self) -> Iterator[list[str]]:
        """Let the library ask every instance of the account, not only those that it opened.

        Yields:
            Their CRNs.
        """
        service, own = self._service, self._service._api_clients
        active = service._active_api_client
        crns = [str(instance["crn"]) for instance in service.instances()]
        with self.same_instance():
            try:
                service._api_clients = {**self._known, **own}
                for crn in crns:
                    service._get_or_create_cloud_client(crn)
                self.be_patient()
                # Kept apart: where the library looks for devices shall not depend on this.
                self._known = dict(service._api_clients)
                service._active_api_client = active  # it is asked first
                yield crns
            finally:
                service._api_clients = own
