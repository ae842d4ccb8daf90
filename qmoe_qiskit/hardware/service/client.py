"""An account of the IBM Quantum service: devices, jobs and usage."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService, RuntimeJobV2
from qiskit_ibm_runtime.accounts.exceptions import InvalidAccountError
from qiskit_ibm_runtime.exceptions import RuntimeInvalidStateError, RuntimeJobNotFound

from qmoe_qiskit.errors import HardwareError, unknown_name
from qmoe_qiskit.hardware.ledger.records import JobRecord
from qmoe_qiskit.hardware.primitives import primitive_for, pubs_of
from qmoe_qiskit.hardware.service.connections import Connections
from qmoe_qiskit.hardware.service.errors import (
    LIBRARY_ERRORS,
    NoSuchJobError,
    NotCreatedError,
    UncertainError,
    error_text,
    is_transient,
    service_errors,
    silence_library,
    status_of,
    token_refusal,
)
from qmoe_qiskit.hardware.service.http import BACKOFF_S, READ_TIMEOUT_S, RetryAdapter
from qmoe_qiskit.hardware.service.sessions import Sessions
from qmoe_qiskit.hardware.work import WorkUnit

_CONNECTION_TRIES = 5
# Plans without an allowance, and some services, have no usage.
_NO_USAGE = {400, 403, 404, 405, 410, 501}
_UNREADABLE = (AttributeError, LookupError, TypeError)
# A tag has one job, or very few: the service may still show them on as many pages as it likes.
_PAGE, _MOST_PAGES = 20, 200


class Client:
    """An account of the IBM Quantum service, see `connect`.

    Only the client library reads the credentials, from its account store or the environment.

    Attributes:
        sessions: The sessions and batches of the account.
    """

    def __init__(self, service: QiskitRuntimeService, adapter: RetryAdapter) -> None:
        self._service, self._adapter = service, adapter
        self._connections = Connections(service, adapter)
        self.sessions = Sessions(service, self._connections)
        # Else the library asks for the usage with every job, and fails where there is none;
        # `check_ready` asks once.
        service._check_instance_usage = lambda: None  # noqa: SLF001 - there is no public way

    @classmethod
    def connect(
        cls, *, read_timeout_s: float = READ_TIMEOUT_S, backoff_s: float = BACKOFF_S
    ) -> Client:
        """Connect to the default account.

        Args:
            read_timeout_s: Time limit of each answer.
            backoff_s: The first pause before a request is repeated.

        Raises:
            HardwareError: If there is no account, its token is refused, or nothing answers.
        """
        adapter = RetryAdapter(read_timeout_s=read_timeout_s, backoff_s=backoff_s)
        for attempt in itertools.count():
            with service_errors("connect to the service"):
                try:
                    service = QiskitRuntimeService()
                except InvalidAccountError as error:
                    # The library raises this for any failure to list the instances.
                    if not is_transient(error) or attempt + 1 == _CONNECTION_TRIES:
                        raise
                    time.sleep(backoff_s * (1 + random.random()) * 2**attempt)  # noqa: S311
                else:
                    client = cls(service, adapter)
                    client._connections.use_adapter()
                    break
        return client

    @property
    def plan(self) -> str | None:
        """The plan of the active instance, such as "open"; None if the service does not say."""
        return self._active().get("plan")

    @property
    def instances(self) -> list[str]:
        """The names of all instances of the account."""
        return [str(instance.get("name")) for instance in self._service.instances()]

    @property
    def instance(self) -> str | None:
        """The name of the active instance; None if the service does not say."""
        return self._active().get("name")

    def _active(self) -> dict[str, Any]:
        active = self._service.active_instance()
        return next((i for i in self._service.instances() if i.get("crn") == active), {})

    def backend(self, name: str, *, fractional_gates: bool = False) -> IBMBackend:
        """Return the device with this name.

        Raises:
            InputError: If the account has no such device, or the device has no fractional gates.
            HardwareError: If the service does not answer.
        """
        with service_errors(f"open {name!r}"):
            try:
                backend = self._service.backend(name, use_fractional_gates=fractional_gates)
                # In the library, the instance that it asked last is the active one.
                self._connections.activate(backend._instance)  # noqa: SLF001
                backend.target  # noqa: B018 - fetched and kept at its first use
            except QiskitBackendNotFoundError as error:
                # The library raises this for every other failure, too.
                names = [b.name for b in self._service.backends()]
                if names and name not in names:
                    raise unknown_name("device", name, names) from None
                raise HardwareError(
                    f"cannot open {name!r}: the service does not describe its devices at the "
                    "moment; give the same command again later"
                ) from error
        return backend

    def least_busy(self, *, n_qubits: int | None = None) -> str:
        """Return the name of the operational device with the shortest queue.

        Raises:
            HardwareError: If no device is operational.
        """
        with service_errors("look for the least busy device"):
            try:
                backend = self._service.least_busy(
                    min_num_qubits=n_qubits, operational=True, simulator=False
                )
            except QiskitBackendNotFoundError as error:
                which = "" if n_qubits is None else f" with {n_qubits} qubits or more"
                raise HardwareError(
                    f"no device of this account is operational at the moment{which}: try again "
                    "later"
                ) from error
        return str(backend.name)

    def check_ready(
        self, backend: IBMBackend, report: Callable[[str], object] = lambda _: None
    ) -> None:
        """Refuse a device that is down, and an account whose QPU time is used up.

        Where the service does not tell the usage, `report` is told so: the budget still holds.

        Raises:
            HardwareError: If the device or the account cannot take a job; nothing was sent.
        """
        with service_errors(f"ask for the status of {backend.name}"):
            status = backend.status()
        usage = self.usage()
        if usage is None:
            report("the service does not say how much QPU time is left; the budget still holds")
        if not status.operational:
            raise HardwareError(
                f"{backend.name} is down ({status.status_msg}): nothing was sent; try again later, "
                "or use another device or 'runtime:least_busy'"
            )
        if usage is not None and usage.get("usage_limit_reached"):
            raise HardwareError(
                "the account's QPU time is used up: nothing was sent; time comes back as the "
                "plan's period goes on (Open: 10 minutes in 28 days)"
            )

    def usage(self) -> dict[str, Any] | None:
        """Return the usage of the active instance, in seconds; None if the service does not tell.

        Raises:
            HardwareError: If the service cannot be reached, or refuses the account.
        """
        with service_errors("ask for the usage"):
            try:
                usage = self._service.usage()
            except LIBRARY_ERRORS as error:
                if status_of(error) in _NO_USAGE or isinstance(error, _UNREADABLE):
                    return None
                raise
        return usage if isinstance(usage, dict) else None

    def create(
        self, mode: object, work: WorkUnit, job: JobRecord, *, max_seconds: int | None
    ) -> str:
        """Create a job, once, in a mode (the device, a session or a batch), and return its id.

        Raises:
            NotCreatedError: If certainly nothing was created.
            UncertainError: If a job may have been created: look its tag up.
        """
        primitive = primitive_for(mode, work, tags=[job.tag], max_execution_time=max_seconds)
        pubs = pubs_of(work, job.start, job.stop)
        posted = self._adapter.jobs_posted
        try:
            with silence_library() as no_token:
                job_id: str = primitive.run(pubs).job_id()
        except LIBRARY_ERRORS as error:
            what = f"{work.device} did not take job {job.tag}: {error_text(error)}"
            status = status_of(error)
            refused = status is not None and 400 <= status < 500 and status != 408
            if refused or self._adapter.jobs_posted == posted:
                if status == 401:
                    raise NotCreatedError(token_refusal(no_token)) from error
                raise NotCreatedError(
                    f"{what}; nothing was created, give the same command again to try once more"
                ) from error
            raise UncertainError(what) from error
        return job_id

    def find_jobs(self, tag: str) -> list[tuple[str, str | None]]:
        """Return id and session of each job with a tag, each once, oldest first.

        All instances of the account are searched: another one may have been active when the job
        was sent. An instance that refuses the query takes no jobs either. Where the service does
        not say when jobs were created, their order is that of its list.
        """
        rows: dict[str, dict[str, Any]] = {}
        active = self._service.active_instance()
        with (
            service_errors("look for jobs by their tag"),
            self._connections.all_instances() as instances,
        ):
            for instance in instances:
                try:
                    rows |= {row["id"]: row for row in self._rows(tag, instance)}
                except LIBRARY_ERRORS as error:
                    if instance == active or status_of(error) not in {403, 404}:
                        raise
        found = list(rows.values())
        with suppress(LookupError, TypeError, ValueError):
            found.sort(key=lambda row: datetime.fromisoformat(row["created"]))
        return [(row["id"], row.get("session_id")) for row in found]

    def _rows(self, tag: str, instance: str) -> Iterator[dict[str, Any]]:
        """Return the service's rows of the jobs with a tag in one instance, page by page.

        The library's own paging never ends where the list grows, or shows a job twice.
        """
        self._service._get_or_create_cloud_client(instance)  # noqa: SLF001 - there is no public way
        api = self._service._active_api_client  # noqa: SLF001
        offset = 0
        for _ in range(_MOST_PAGES):
            answer = api.jobs_get(limit=_PAGE, skip=offset, job_tags=[tag], descending=False)
            page = answer["jobs"]
            for row in page:
                if not isinstance(row["id"], str):
                    raise TypeError(f"a job's id is {row['id']!r}")
                if tag in (row.get("tags") or [tag]):  # never another work's job
                    yield row
            offset += len(page)
            if not page or offset >= int(answer["count"]):
                return
        raise ValueError(f"the list of the jobs with tag {tag} does not end")

    def job(self, job_id: str) -> RuntimeJobV2:
        """Return the job with this id.

        Raises:
            NoSuchJobError: If the account has no job with this id.
            HardwareError: If the service does not answer.
        """
        with service_errors(f"read job {job_id}"), self._connections.all_instances():
            try:
                return self._service.job(job_id)
            except RuntimeJobNotFound as error:
                raise NoSuchJobError(
                    f"this account has no job {job_id}: open the ledger with the account that "
                    "submitted it"
                ) from error

    def cancel(self, job_id: str) -> bool:
        """Cancel a job; returns False if it had ended before."""
        job = self.job(job_id)
        with service_errors(f"cancel job {job_id}"):
            try:
                job.cancel()
            except RuntimeInvalidStateError:
                return False
        return True
