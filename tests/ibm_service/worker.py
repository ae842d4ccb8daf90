"""The thread in which jobs run, one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ibm_service.charging import OVERHEAD
from ibm_service.execution import execute
from ibm_service.store import Job, Store, now

if TYPE_CHECKING:
    from ibm_service.devices import Devices
    from ibm_service.programs import ReceivedProgram

TOO_LONG = 1305


@dataclass(kw_only=True)
class Pace:
    """Time that jobs take besides their execution, in seconds; may be changed at any time.

    Attributes:
        queued: Shortest time for which a job is Queued.
        running: Shortest time for which a job is Running.
        paused: Whether all jobs wait: none starts, and no running job ends.
    """

    queued: float = 0.0
    running: float = 0.0
    paused: bool = False


class Worker:
    """Runs the jobs of a store in the order of their creation.

    Args:
        store: The store of the jobs.
        pace: The speed of the jobs.
        devices: The devices that the jobs run on.
        is_up: Returns whether the device with this name runs jobs.
        charged: A function that is called with each job that has ended.
    """

    def __init__(
        self,
        store: Store,
        pace: Pace,
        devices: Devices,
        is_up: Callable[[str], bool],
        charged: Callable[[Job], None],
    ) -> None:
        self._store = store
        self._pace = pace
        self._devices = devices
        self._is_up = is_up
        self._charged = charged
        self._stopping = False
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the job that runs."""
        with self._store.changed:
            self._stopping = True
            self._store.changed.notify_all()
        self._thread.join()

    def cancel(self, job: Job, reason: str = "Cancelled by user.") -> bool:
        """Cancel a job, charging the overhead if it was running; False if it was final."""
        with self._store.changed:
            cost = OVERHEAD if job.status == "Running" else 0.0
            return self._finish(job, status="Cancelled", reason=reason, charge=cost)

    def _work(self) -> None:
        while not self._stopping:
            job = self._next()
            if job is not None:
                self._run(job)

    def _next(self) -> Job | None:
        with self._store.changed:
            for job in self._store.jobs():
                waited = (now() - job.created).total_seconds()
                ready = job.status == "Queued" and waited >= self._pace.queued
                if ready and not self._pace.paused and self._is_up(job.backend):
                    self._store.update(job, status="Running", running=now())
                    return job
            pending = any(job.status == "Queued" for job in self._store.jobs())
            # A reason to keep a job queued may end without a notification.
            self._store.changed.wait(0.02 if pending else 0.5)
            return None

    def _run(self, job: Job) -> None:
        begun = time.monotonic()
        ending = self._ending(job)
        with self._store.changed:
            while not job.is_final and not self._stopping:
                left = begun + self._pace.running + job.seconds - time.monotonic()
                if left <= 0 and not self._pace.paused:
                    break
                self._store.changed.wait(0.02 if self._pace.paused else min(left, 0.05))
        self._finish(job, **ending)

    def _ending(self, job: Job) -> dict[str, Any]:
        """Execute a job; return the fields of its final state."""
        work = job.work
        if work is None:
            return {}  # cancelled in the meantime
        cost = work.seconds
        if work.problem:
            return _ended("Failed", work.problem, 1002, charge=0.0)
        if job.cost is not None and cost > job.cost:
            reason = f"The job would run for {cost:.1f} s, longer than its {job.cost:g} s."
            return _ended("Cancelled", reason, TOO_LONG, charge=job.cost)
        if job.fail_with is not None:
            return _ended("Failed", job.fail_with, 1010, charge=cost)
        if job.cancel_with is not None:
            return _ended("Cancelled", job.cancel_with, None, charge=cost)
        return self._executed(job, work)

    def _executed(self, job: Job, work: ReceivedProgram) -> dict[str, Any]:
        assert work.program is not None
        try:
            result = execute(work.program, self._devices[job.backend], work.seed)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client must hear of it
            return _ended("Failed", f"{type(error).__name__}: {error}", 1010, charge=work.seconds)
        return {"status": "Completed", "result": result, "charge": work.seconds}

    def _finish(self, job: Job, **ending: Any) -> bool:
        with self._store.changed:
            # One step: a reader that sees the status also sees the result.
            done = self._store.update(job, **ending, finished=now(), work=None)
            if done:
                self._charged(job)
            return done


def _ended(status: str, reason: str, code: int | None, *, charge: float) -> dict[str, Any]:
    return {"status": status, "reason": reason, "reason_code": code, "charge": charge}
