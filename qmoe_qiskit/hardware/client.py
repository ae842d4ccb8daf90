"""The IBM Quantum service, as far as jobs need it; its errors become sentences."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.errors import HardwareError, unknown_name
from qmoe_qiskit.hardware.patience import READ_TIMEOUT_S, PatientAdapter, make_patient
from qmoe_qiskit.hardware.pubs import primitive_for, pub_of
from qmoe_qiskit.hardware.service_errors import (
    is_transient,
    quiet,
    reason,
    refused_token,
    service_errors,
    status_of,
    unforeseen,
)

if TYPE_CHECKING:
    from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService, RuntimeJobV2

    from qmoe_qiskit.hardware.work import Work

_CONNECTION_TRIES = 5


class NotCreatedError(HardwareError):
    """The service refused to create a job, or was not reached: certainly nothing was created."""


class UncertainError(HardwareError):
    """The connection was lost, or the service failed, while a job was being created."""


class NoSuchJobError(HardwareError):
    """The account has no job with this id."""


class Client:
    """One account of the IBM Quantum service.

    Use `connect`. Credentials are the client library's business: they come from its account store
    or environment and are not read here.
    """

    def __init__(self, service: QiskitRuntimeService, adapter: PatientAdapter) -> None:
        self._service, self._adapter = service, adapter
        self._connections: dict[
            str, Any
        ] = {}  # the library's connections, by the CRN of the instance

    @classmethod
    def connect(cls, *, read_timeout_s: float = READ_TIMEOUT_S) -> Client:
        """Connect to the default account.

        Args:
            read_timeout_s: How long an answer may take, in seconds.

        Raises:
            HardwareError: If there is no account, its token is refused, or the service is away.
        """
        from qiskit_ibm_runtime import QiskitRuntimeService
        from qiskit_ibm_runtime.accounts.exceptions import InvalidAccountError

        adapter = PatientAdapter(read_timeout_s=read_timeout_s)
        for attempt in range(_CONNECTION_TRIES):
            with service_errors("connect to the service"):
                try:
                    service = QiskitRuntimeService()
                except InvalidAccountError as error:
                    # The library says so of any failure to list instances.
                    if not is_transient(error) or attempt + 1 == _CONNECTION_TRIES:
                        raise
                    time.sleep((0.25 + 0.25 * random.random()) * 2**attempt)  # noqa: S311
                else:
                    client = cls(service, adapter)
                    client._be_patient()
                    return client
        raise AssertionError("the last attempt returns or raises")

    @property
    def plan(self) -> str | None:
        """The plan of the active instance, such as "open", where the service says so."""
        active = self._service.active_instance()
        plans = [i.get("plan") for i in self._service.instances() if i.get("crn") == active]
        return plans[0] if plans else None

    @property
    def instances(self) -> list[str]:
        """The names of all instances of the account."""
        return [str(instance.get("name")) for instance in self._service.instances()]

    @property
    def instance(self) -> str | None:
        """The active instance's name."""
        active = self._service.active_instance()
        names = [i.get("name") for i in self._service.instances() if i.get("crn") == active]
        return names[0] if names else None

    def backend(self, name: str, *, fractional_gates: bool = False) -> IBMBackend:
        """Return a device.

        Raises:
            InputError: If the account has no such device, or it has no fractional gates.
            HardwareError: If the service does not answer.
        """
        from qiskit.providers.exceptions import QiskitBackendNotFoundError

        with service_errors(f"open {name!r}"):
            try:
                backend = self._service.backend(name, use_fractional_gates=fractional_gates)
                # The library leaves that instance active in which it looked last.
                self._service._get_or_create_cloud_client(backend._instance)  # noqa: SLF001
                self._be_patient()
                backend.target  # noqa: B018 - fetched and kept when it is first asked for
            except QiskitBackendNotFoundError as error:
                # The library says so of every failure on the way as well.
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
            HardwareError: If none is operational.
        """
        from qiskit.providers.exceptions import QiskitBackendNotFoundError

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

    def check_ready(self, backend: IBMBackend) -> None:
        """Refuse a device that is down, and an account without time left.

        Raises:
            HardwareError: Then; nothing was sent.
        """
        with service_errors(f"ask for the status of {backend.name}"):
            status = backend.status()
            usage = self.usage()
        if not status.operational:
            raise HardwareError(
                f"{backend.name} is down ({status.status_msg}): nothing was sent; try again later, "
                "or use another device or 'runtime:least_busy'"
            )
        if usage.get("usage_limit_reached"):
            raise HardwareError(
                "the account's QPU time is used up: nothing was sent; time comes back as the "
                "plan's period goes on (Open: 10 minutes in 28 days)"
            )

    def usage(self) -> dict[str, Any]:
        """Return what the service says of the instance's usage, in seconds."""
        with service_errors("ask for the usage"):
            usage: dict[str, Any] = self._service.usage()
        return usage

    def create(
        self,
        mode: Any,  # noqa: ANN401 - backend, session or batch
        work: Work,
        start: int,
        stop: int,
        *,
        tag: str,
        max_seconds: int | None,
    ) -> str:
        """Create a job, once, and return its id.

        Raises:
            NotCreatedError: If certainly nothing was created.
            UncertainError: If it may have been: look the tag up.
        """
        primitive = primitive_for(mode, work, tags=[tag], max_execution_time=max_seconds)
        pub = pub_of(work, start, stop)
        posted = self._adapter.jobs_posted
        try:
            with quiet() as no_token:
                job_id: str = primitive.run([pub]).job_id()
        except unforeseen() as error:
            what = f"{work.device} did not take job {tag}: {reason(error)}"
            status = status_of(error)
            refused = status is not None and 400 <= status < 500 and status != 408
            if refused or self._adapter.jobs_posted == posted:
                if status == 401:
                    raise NotCreatedError(refused_token(no_token)) from error
                raise NotCreatedError(
                    f"{what}; nothing was created, give the same command again to try once more"
                ) from error
            raise UncertainError(what) from error
        return job_id

    def find(self, tag: str) -> list[tuple[str, str | None]]:
        """Return id and session of the jobs with a tag, of all instances, oldest first.

        Of all that the account has, not only of the active one: it may have been another when the
        job was sent. An instance that refuses to be asked takes no jobs either.
        """
        jobs: list[RuntimeJobV2] = []
        active = self._service.active_instance()
        with service_errors("look for jobs by their tag"), self._all_instances() as instances:
            for instance in instances:
                try:
                    jobs += self._service.jobs(
                        job_tags=[tag], instance=instance, limit=None, descending=False
                    )
                except unforeseen() as error:
                    if instance == active or status_of(error) not in {403, 404}:
                        raise
        jobs.sort(key=lambda job: str(job._creation_date))  # noqa: SLF001 - asks once more
        return [(job.job_id(), job._session_id) for job in jobs]  # noqa: SLF001 - likewise

    def job(self, job_id: str) -> RuntimeJobV2:
        """Return a job.

        Raises:
            NoSuchJobError: If the account has none with this id.
            HardwareError: If the service is away.
        """
        from qiskit_ibm_runtime.exceptions import RuntimeJobNotFound

        with service_errors(f"read job {job_id}"), self._all_instances():
            try:
                return self._service.job(job_id)
            except RuntimeJobNotFound as error:
                raise NoSuchJobError(
                    f"this account has no job {job_id}: open the ledger with the account that "
                    "submitted it"
                ) from error

    def new_mode(self, backend: IBMBackend, mode: str, seconds: int) -> Any:  # noqa: ANN401
        """Return what jobs are created in: the backend, or a new session or batch.

        Args:
            backend: The device.
            mode: "job", "session" or "batch".
            seconds: How long a session or batch may last.
        """
        if mode == "job":
            return backend
        with service_errors(f"open a {mode}"):
            return _kind_of(mode)(backend, max_time=seconds)

    def known_mode(self, backend: IBMBackend, mode: str, session: str) -> Any:  # noqa: ANN401
        """Return a session or batch that takes further jobs; None if it does not."""
        from qiskit_ibm_runtime.exceptions import IBMInputValueError

        with (
            service_errors(f"open {mode} {session}"),
            suppress(IBMInputValueError),  # the service may have forgotten it
            self._same_instance(),
        ):
            fractional = backend.options.use_fractional_gates
            known = _kind_of(mode).from_id(session, self._service, use_fractional_gates=fractional)
            if (known.details() or {}).get("accepting_jobs"):
                return known
        return None

    def session_seconds(self, session: str) -> float | None:
        """Return what a session is charged: the time from its first job to its end, in seconds.

        Of one that has not ended the longest time that it may last; None for a batch, whose jobs
        are charged one by one, and for a session that the service does not know any more.
        """
        from qiskit_ibm_runtime import Session
        from qiskit_ibm_runtime.exceptions import IBMInputValueError

        with (
            service_errors(f"read session {session}"),
            suppress(IBMInputValueError),
            self._all_instances(),
        ):
            known = Session.from_id(session, self._service).details() or {}
            if known.get("mode") != "dedicated":
                return None
            seconds = known.get("usage_time" if known.get("state") == "closed" else "max_time")
            return None if seconds is None else float(seconds)
        return None

    def close_mode(self, mode: str, session: str) -> None:
        """Let a session or batch end when its last job has; one that has ended is left alone."""
        from qiskit_ibm_runtime.exceptions import IBMInputValueError

        with (
            service_errors(f"close {mode} {session}"),
            suppress(IBMInputValueError),
            self._same_instance(),
        ):
            _kind_of(mode).from_id(session, self._service).close()

    def cancel(self, job_id: str) -> bool:
        """Cancel a job; returns False if it has ended already."""
        from qiskit_ibm_runtime.exceptions import RuntimeInvalidStateError

        job = self.job(job_id)
        with service_errors(f"cancel job {job_id}"):
            try:
                job.cancel()
            except RuntimeInvalidStateError:
                return False
        return True

    @contextmanager
    def _same_instance(self) -> Iterator[None]:
        """Undo that a question for something of another instance makes that the active one."""
        active = self._service._active_api_client  # noqa: SLF001
        try:
            yield
        finally:
            self._service._active_api_client = active  # noqa: SLF001

    @contextmanager
    def _all_instances(self) -> Iterator[list[str]]:
        """Let the library ask every instance of the account, not only those that it opened.

        Yields:
            Their CRNs.
        """
        service, own = self._service, self._service._api_clients  # noqa: SLF001
        active = service._active_api_client  # noqa: SLF001
        crns = [str(instance["crn"]) for instance in service.instances()]
        with self._same_instance():
            try:
                service._api_clients = {**self._connections, **own}  # noqa: SLF001
                for crn in crns:
                    service._get_or_create_cloud_client(crn)  # noqa: SLF001
                self._be_patient()
                # Kept apart: where the library looks for devices shall not depend on this.
                self._connections = dict(service._api_clients)  # noqa: SLF001
                service._active_api_client = active  # noqa: SLF001 - which is asked first
                yield crns
            finally:
                service._api_clients = own  # noqa: SLF001

    def _be_patient(self) -> None:
        # The library has no setting for this. It keeps one HTTP session for each instance.
        clients = {
            id(c): c
            for c in [self._service._active_api_client, *self._service._api_clients.values()]  # noqa: SLF001
        }
        make_patient([c._session for c in clients.values()], self._adapter)  # noqa: SLF001


def _kind_of(mode: str) -> Any:  # noqa: ANN401 - a class of the library
    from qiskit_ibm_runtime import Batch, Session

    return {"batch": Batch, "session": Session}[mode]
