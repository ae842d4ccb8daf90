"""The IBM Quantum service, as far as jobs need it; its errors become sentences."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.errors import HardwareError, InputError, unknown_name
from qmoe_qiskit.hardware.patience import PatientAdapter, make_patient
from qmoe_qiskit.hardware.pubs import primitive_for, pub_of

if TYPE_CHECKING:
    from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService, RuntimeJobV2

    from qmoe_qiskit.hardware.work import Work

_NO_ACCOUNT = (
    "no IBM Quantum account was found: save one with QiskitRuntimeService.save_account, or set "
    "QISKIT_IBM_TOKEN and QISKIT_IBM_INSTANCE; without an account, 'runtime:fake_torino' runs on "
    "this machine"
)
_NOT_ACCEPTED = (
    "the service does not accept the token of this account: create a new API key on IBM Quantum "
    "Platform and save it with QiskitRuntimeService.save_account(..., overwrite=True), or set "
    "QISKIT_IBM_TOKEN; what was recorded before stays in the ledger"
)
_CONNECTION_TRIES = 5


class NotCreatedError(HardwareError):
    """The service refused to create a job, or was not reached: certainly nothing was created."""


class UncertainError(HardwareError):
    """The connection was lost, or the service failed, while a job was being created."""


class Client:
    """One account of the IBM Quantum service.

    Use `connect`. Credentials are the client library's business: they come from its account store
    or environment and are not read here.
    """

    def __init__(self, service: QiskitRuntimeService, adapter: PatientAdapter) -> None:
        self._service, self._adapter = service, adapter

    @classmethod
    def connect(cls) -> Client:
        """Connect to the default account.

        Raises:
            HardwareError: If there is no account, its token is refused, or the service is away.
        """
        from qiskit_ibm_runtime import QiskitRuntimeService
        from qiskit_ibm_runtime.accounts.exceptions import InvalidAccountError

        adapter = PatientAdapter()
        for attempt in range(_CONNECTION_TRIES):
            with service_errors("connect to the service"):
                try:
                    service = QiskitRuntimeService()
                except InvalidAccountError as error:
                    # The library says so of any failure to list instances.
                    if not _is_transient(error) or attempt + 1 == _CONNECTION_TRIES:
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
    def instance(self) -> str | None:
        """The active instance's name."""
        active = self._service.active_instance()
        names = [i.get("name") for i in self._service.instances() if i.get("crn") == active]
        return names[0] if names else None

    def backend(self, name: str, *, fractional_gates: bool = False) -> IBMBackend:
        """Return a device.

        Raises:
            InputError: If the account has no such device, or it has no fractional gates.
        """
        from qiskit.providers.exceptions import QiskitBackendNotFoundError

        with service_errors(f"open {name!r}"):
            try:
                backend = self._service.backend(name, use_fractional_gates=fractional_gates)
            except QiskitBackendNotFoundError:
                names = [b.name for b in self._service.backends()]
                raise unknown_name("device", name, names) from None
        self._be_patient()
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
                raise HardwareError(
                    "no device of this account is operational at the moment: try again later"
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
        from requests.exceptions import RequestException

        primitive = primitive_for(mode, work, tags=[tag], max_execution_time=max_seconds)
        pub = pub_of(work, start, stop)
        posted = self._adapter.jobs_posted
        try:
            job_id: str = primitive.run([pub]).job_id()
        except (*_client_errors(), RequestException, KeyError, ValueError) as error:
            what = f"{work.device} did not take job {tag}: {_reason(error)}"
            status = _status(error)
            refused = status is not None and 400 <= status < 500 and status != 408
            if refused or self._adapter.jobs_posted == posted:
                if status == 401:
                    raise NotCreatedError(_NOT_ACCEPTED) from error
                raise NotCreatedError(f"{what}; nothing was created") from error
            raise UncertainError(what) from error
        return job_id

    def find(self, tag: str) -> list[str]:
        """Return the ids of the jobs with a tag, oldest first."""
        with service_errors("look for jobs by their tag"):
            jobs = self._service.jobs(job_tags=[tag], limit=None, descending=False)
        return [job.job_id() for job in jobs]

    def job(self, job_id: str) -> RuntimeJobV2:
        """Return a job.

        Raises:
            HardwareError: If the account has none with this id, or the service is away.
        """
        from qiskit_ibm_runtime.exceptions import RuntimeJobNotFound

        with service_errors(f"read job {job_id}"):
            try:
                return self._service.job(job_id)
            except RuntimeJobNotFound as error:
                raise HardwareError(
                    f"this account has no job {job_id}: open the ledger with the account and "
                    "instance that submitted it"
                ) from error

    def open_mode(self, backend: IBMBackend, mode: str, seconds: int, session: str | None) -> Any:  # noqa: ANN401
        """Return what jobs are created in: the backend, or a new or known session or batch."""
        from qiskit_ibm_runtime import Batch, Session

        if mode == "job":
            return backend
        kind = Batch if mode == "batch" else Session
        with service_errors(f"open a {mode}"):
            if session is not None:
                known = kind.from_id(session, self._service)
                if (known.details() or {}).get("accepting_jobs"):
                    return known
            return kind(backend, max_time=seconds)

    def close_mode(self, mode: Any) -> None:  # noqa: ANN401
        """Let a session or batch end when its last job has."""
        with service_errors("close a session or batch"):
            mode.close()

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

    def _be_patient(self) -> None:
        # The library has no setting for this. It keeps one HTTP session for each instance.
        clients = {
            id(c): c
            for c in [self._service._active_api_client, *self._service._api_clients.values()]  # noqa: SLF001
        }
        make_patient([c._session for c in clients.values()], self._adapter)  # noqa: SLF001


@contextmanager
def service_errors(doing: str) -> Iterator[None]:
    """Turn the client library's errors into sentences.

    Raises:
        HardwareError: For what the service refused or could not do.
        InputError: For what the library refused.
    """
    from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError
    from qiskit_ibm_runtime.exceptions import IBMInputValueError
    from requests.exceptions import RequestException

    try:
        yield
    except AccountNotFoundError as error:
        raise HardwareError(_NO_ACCOUNT) from error
    except IBMInputValueError as error:
        raise InputError(f"cannot {doing}: {error.message}") from error
    except (*_client_errors(), RequestException) as error:
        if _status(error) == 401:
            raise HardwareError(_NOT_ACCEPTED) from error
        raise HardwareError(
            f"cannot {doing}: {_reason(error)}; what was recorded stays in the ledger, give the "
            "same command again to go on"
        ) from error


def _client_errors() -> tuple[type[Exception], ...]:
    from ibm_cloud_sdk_core import ApiException
    from qiskit.providers import JobError
    from qiskit_ibm_runtime.exceptions import IBMError

    return (IBMError, JobError, ApiException)


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def _status(error: BaseException) -> int | None:
    """Return the HTTP status behind an error, if the service gave one."""
    from qiskit_ibm_runtime.exceptions import IBMNotAuthorizedError

    for link in _chain(error):
        if isinstance(link, IBMNotAuthorizedError):
            return 401
        status = getattr(link, "status_code", None)
        if isinstance(status, int) and status > 0:
            return status
    return None


def _is_transient(error: BaseException) -> bool:
    status = _status(error)
    return status is None or status in {408, 429} or status >= 500


def _reason(error: BaseException) -> str:
    """Return the first line of what the library says."""
    text = str(getattr(error, "message", None) or error) or type(error).__name__
    return " ".join(text.split())[:300]
