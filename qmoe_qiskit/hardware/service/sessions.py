"""Sessions and batches: jobs that go together on a device."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.hardware.service.errors import service_errors

if TYPE_CHECKING:
    from qiskit_ibm_runtime import Batch, IBMBackend, QiskitRuntimeService, Session

    from qmoe_qiskit.hardware.service.connections import Connections


class Sessions:
    """The sessions and batches of an account.

    Every method raises `HardwareError` if the service refuses, or does not answer.

    Args:
        service: The library's object of the account.
        connections: Its connections.
    """

    def __init__(self, service: QiskitRuntimeService, connections: Connections) -> None:
        self._service, self._connections = service, connections

    def new(self, backend: IBMBackend, mode: str, seconds: int) -> Session | Batch:
        """Open one.

        Args:
            backend: The device.
            mode: "session" or "batch".
            seconds: How long it may last.
        """
        with service_errors(f"open a {mode}"):
            return _kind_of(mode)(backend, max_time=seconds)

    def known(self, backend: IBMBackend, mode: str, session: str) -> Session | Batch | None:
        """Return one that was opened before; None if it takes no further jobs."""
        from qiskit_ibm_runtime.exceptions import IBMInputValueError

        with (
            service_errors(f"open {mode} {session}"),
            suppress(IBMInputValueError),  # the service may have forgotten it
            self._connections.same_instance(),
        ):
            known = _kind_of(mode).from_id(
                session,
                self._service,
                use_fractional_gates=backend.options.use_fractional_gates,
            )
            if (known.details() or {}).get("accepting_jobs"):
                return known
        return None

    def seconds(self, session: str) -> float | None:
        """Return what a session is charged: the time from its first job to its end, in seconds.

        Of one that has not ended the longest time that it may last; None for a batch, whose jobs
        are charged one by one, and for a session that the service does not know any more.
        """
        from qiskit_ibm_runtime.exceptions import IBMInputValueError

        with (
            service_errors(f"read session {session}"),
            suppress(IBMInputValueError),
            self._connections.all_instances(),
        ):
            details = _kind_of("session").from_id(session, self._service).details() or {}
            if details.get("mode") == "dedicated":
                ended = details.get("state") == "closed"
                seconds = details.get("usage_time" if ended else "max_time")
                return None if seconds is None else float(seconds)
        return None

    def close(self, mode: str, session: str) -> None:
        """Let one end when its last job has; one that has ended is left alone."""
        from qiskit_ibm_runtime.exceptions import IBMInputValueError

        with (
            service_errors(f"close {mode} {session}"),
            suppress(IBMInputValueError),
            self._connections.same_instance(),
        ):
            _kind_of(mode).from_id(session, self._service).close()


def _kind_of(mode: str) -> Any:  # noqa: ANN401 - a class of the library
    from qiskit_ibm_runtime import Batch, Session

    return {"batch": Batch, "session": Session}[mode]
