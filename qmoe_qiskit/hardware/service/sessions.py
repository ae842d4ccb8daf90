"""Sessions and batches: groups of jobs on a device."""

from contextlib import suppress
from typing import Any

from qiskit_ibm_runtime import Batch, IBMBackend, QiskitRuntimeService, Session
from qiskit_ibm_runtime.exceptions import IBMInputValueError

from qmoe_qiskit.hardware.service.connections import Connections
from qmoe_qiskit.hardware.service.errors import service_errors

_KINDS: dict[str, Any] = {"batch": Batch, "session": Session}


class Sessions:
    """The sessions and batches of an account.

    Every method raises `HardwareError` if the service refuses, or does not answer.
    """

    def __init__(self, service: QiskitRuntimeService, connections: Connections) -> None:
        self._service, self._connections = service, connections

    def new(self, backend: IBMBackend, mode: str, seconds: int) -> Session | Batch:
        """Open a session or batch, as the mode says, for at most the given seconds."""
        with service_errors(f"open a {mode}"):
            return _KINDS[mode](backend, max_time=seconds)

    def known(self, backend: IBMBackend, mode: str, session: str) -> Session | Batch | None:
        """Return a session or batch that was opened before; None if it takes no further jobs."""
        with (
            service_errors(f"open {mode} {session}"),
            suppress(IBMInputValueError),  # the service may have forgotten it
            self._connections.same_instance(),
        ):
            known = _KINDS[mode].from_id(
                session, self._service, use_fractional_gates=backend.options.use_fractional_gates
            )
            if (known.details() or {}).get("accepting_jobs"):
                return known
        return None

    def seconds(self, session: str) -> float | None:
        """Return the charge of a session in seconds: the time from its first job to its end.

        For an open session it is the longest duration. None stands for a batch, whose jobs are
        charged one by one, and for a session that the service has forgotten.
        """
        with (
            service_errors(f"read session {session}"),
            suppress(IBMInputValueError),
            self._connections.all_instances(),
        ):
            details = Session.from_id(session, self._service).details() or {}
            if details.get("mode") == "dedicated":
                ended = details.get("state") == "closed"
                seconds = details.get("usage_time" if ended else "max_time")
                return None if seconds is None else float(seconds)
        return None

    def close(self, mode: str, session: str) -> None:
        """Let a session or batch end after its last job; nothing happens if it has ended."""
        with (
            service_errors(f"close {mode} {session}"),
            suppress(IBMInputValueError),
            self._connections.same_instance(),
        ):
            _KINDS[mode].from_id(session, self._service).close()
