"""Faults that tests arm, and the requests and jobs that they affect.

Faults of a request fire for the next `times` requests that match `on`: a method, a space and a
path with wildcards, such as "POST /jobs", "GET /jobs" (the list), "GET /jobs/*" or "* *". With
`when="before"` the fault replaces the request's effect; with "after" the request takes effect and
only its answer is spoilt. Faults fire in the order in which they were armed, one per request.

    drop        close the connection without an answer
    hold        wait `seconds` before the request takes effect, or before its answer is sent
    answer      `status` instead of the answer, with `retry_after` (s) as header if given
    truncate    close the connection half way through the answer's body (always after)
    rewrite     what `change` makes of the request and its answer (always after)

Faults of a job affect the next `times` jobs that are created:

    fail_job    ends as Failed, charged in full, with `reason`
    cancel_job  ends as Cancelled, charged in full, with `reason`
    slow_job    runs `seconds` longer
    late_usage  its usage is pending, and reported as 0, until `seconds` after its end
    lose_list   GET /jobs does not show it for `seconds`; with `status`, GET /jobs answers that

States last until `disarm` or `clear` (`times` is not used):

    over_quota  usage says so, and POST /jobs is refused
    device_down `device` is not operational: jobs for it stay queued

The client itself repeats GETs after a dropped connection or 5xx, and POSTs after 500, 502, 503 or
504 (not after a dropped connection or 429): up to five times, after 0, 1, 2, 4, 8 s. So "answer
500 after" a job was created makes the client create another, unless `times` covers the repeats.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ibm_service.messages import Answer, Request

OF_REQUESTS = ("drop", "hold", "answer", "truncate", "rewrite")
OF_JOBS = ("fail_job", "cancel_job", "slow_job", "late_usage", "lose_list")
STATES = ("over_quota", "device_down")
KINDS = OF_REQUESTS + OF_JOBS + STATES


@dataclass(kw_only=True)
class Fault:
    """One fault, see the module; `fired` counts how often it has fired."""

    kind: str
    on: str = "POST /jobs"
    when: str = "before"
    times: int = 1
    seconds: float = 0.0
    status: int | None = None
    retry_after: float | None = None
    device: str | None = None
    reason: str = "a fault was armed"
    change: Callable[[Request, Answer], Answer] | None = None
    fired: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}: use one of {', '.join(KINDS)}")
        if self.when not in {"before", "after"}:
            raise ValueError(f"when is 'before' or 'after', got {self.when!r}")
        if len(self.on.split()) != 2:
            raise ValueError(f"on is a method and a path such as 'POST /jobs', got {self.on!r}")
        if self.kind == "answer" and self.status is None:
            raise ValueError("the fault 'answer' needs a status such as 500")
        if self.kind == "rewrite" and self.change is None:
            raise ValueError("the fault 'rewrite' needs a function change(request, answer)")
        if self.kind in {"truncate", "rewrite"}:
            self.when = "after"

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault affects this request."""
        for_method, for_path = self.on.split()
        return fnmatchcase(method, for_method) and fnmatchcase(path, for_path)


class Faults:
    """All armed faults."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Fault] = []

    def arm(self, kind: str, **details: Any) -> Fault:
        """Arm a fault; see the module for kinds and details.

        Raises:
            ValueError: If the kind or a detail is not known.
        """
        try:
            fault = Fault(kind=kind, **details)
        except TypeError as error:
            raise ValueError(f"a fault has no such detail: {error}") from error
        with self._lock:
            self._armed.append(fault)
        return fault

    def disarm(self, fault: Fault) -> None:
        """Remove one fault."""
        with self._lock:
            self._armed = [other for other in self._armed if other is not fault]

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._armed.clear()

    def armed(self) -> list[dict[str, Any]]:
        """The faults that are still armed, in order."""
        with self._lock:
            return [asdict(fault) for fault in self._armed]

    def of_request(self, method: str, path: str) -> Fault | None:
        """Fire the fault of a request."""
        return self._fire(lambda f: f.kind in OF_REQUESTS and f.matches(method, path))

    def of_job(self, kind: str) -> Fault | None:
        """Fire a fault of a job that was just created."""
        return self._fire(lambda f: f.kind == kind)

    def holds(self, state: str, device: str | None = None) -> bool:
        """Whether a state is armed."""
        with self._lock:
            return any(f.kind == state and f.device in {None, device} for f in self._armed)

    def _fire(self, wanted: Any) -> Fault | None:
        with self._lock:
            fault = next((f for f in self._armed if wanted(f)), None)
            if fault is not None:
                fault.fired += 1
                if fault.fired >= fault.times:
                    self._armed.remove(fault)
            return fault
