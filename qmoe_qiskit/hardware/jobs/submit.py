"""Creating the jobs of a piece of work: each exactly once, within the budget and the plan's limits.

The order of events makes it so. The intent is in the ledger before anything is sent; the attempt is
noted before the request; the request carries a tag made from the work's content. Where an attempt's
end was not seen (the connection or the process died), the tag is looked up at the service, for as
long as a request could still be on its way, before anything is sent again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.errors import HardwareError
from qmoe_qiskit.hardware.cost.budget import max_execution_time
from qmoe_qiskit.hardware.cost.spending import committed_qpu_seconds
from qmoe_qiskit.hardware.jobs.collect import OUTAGE_S
from qmoe_qiskit.hardware.jobs.rate_limits import no_room
from qmoe_qiskit.hardware.jobs.recover import recover_job
from qmoe_qiskit.hardware.jobs.work_records import estimate_of, work_of
from qmoe_qiskit.hardware.ledger.current_jobs import refuse_unsuccessful
from qmoe_qiskit.hardware.ledger.records import PLANNED, SENDING, SUBMITTED
from qmoe_qiskit.hardware.service.client import NotCreatedError, UncertainError
from qmoe_qiskit.hardware.service.http import READ_TIMEOUT_S

if TYPE_CHECKING:
    from qiskit_ibm_runtime import IBMBackend

    from qmoe_qiskit.hardware.cost.plan_limits import Limits
    from qmoe_qiskit.hardware.ledger.records import JobRecord, WorkRecord
    from qmoe_qiskit.hardware.ledger.store import Ledger
    from qmoe_qiskit.hardware.service.client import Client

Report = Callable[[str], None]

# A request may become a job this long after its sender was last seen: as long as an answer to it
# is waited for, and then some, in which a new job may be missing from the service's list.
SETTLE_S = READ_TIMEOUT_S + 60.0
_ATTEMPTS = 4
# Another process may hold the ledger while it creates a job: as long as an answer may take.
LOCK_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long to wait for what.

    Attributes:
        settle_s: How long the tag of an attempt whose end was not seen is looked for before the
            job is sent again, in seconds.
        poll_s: Longest time between two looks at a job.
        outage_s: How long the service may be out of reach while results are waited for.
        read_timeout_s: How long an answer may take; to be given to `open_device`.
    """

    settle_s: float = SETTLE_S
    poll_s: float = 10.0
    outage_s: float = OUTAGE_S
    read_timeout_s: float = READ_TIMEOUT_S


class Submission:
    """The submission of recorded work.

    Args:
        record: The work.
        client: The account.
        backend: The device.
        ledger: Where the work is recorded.
        limits: Of the account's plan.
        budget_s: QPU time that this work may take altogether, or None.
        timeouts: How long to wait.
        report: Is told what is being waited for.
    """

    def __init__(
        self,
        record: WorkRecord,
        client: Client,
        backend: IBMBackend,
        ledger: Ledger,
        *,
        limits: Limits,
        budget_s: float | None = None,
        timeouts: Timeouts | None = None,
        report: Report = lambda _: None,
    ) -> None:
        self._record, self._work = record, work_of(record)
        self._client, self._backend, self._ledger = client, backend, ledger
        self._limits, self._budget_s, self._report = limits, budget_s, report
        self._timeouts = timeouts or Timeouts()
        self._mode: Any = None
        self._ready = False
        self._attempts: Counter[str] = Counter()
        # By tag and number of the attempt: when it was first seen without an end.
        self._open_since: dict[tuple[str, int], float] = {}

    def send(self) -> None:
        """Create every job that was not created yet.

        Raises:
            BudgetError: If the budget does not suffice for the next job; those before are kept.
            HardwareError: If the service refuses, or it stays unknown whether it took a job.
        """
        jobs = self._ledger.jobs(self._work.key)
        try:
            for job in jobs:
                if job.state in {PLANNED, SENDING}:
                    self._send(job.tag)
        finally:
            self._close()

    def _send(self, tag: str) -> None:
        started = time.monotonic()
        while (reason := self._try(tag)) is not None:
            self._report(reason)
            # What takes long is looked at seldom.
            waited = time.monotonic() - started
            time.sleep(min(self._timeouts.poll_s, max(0.1, waited / 10)))

    def _try(self, tag: str) -> str | None:
        """Create a job if it is time to; return what has to be waited for, or None when done."""
        with self._ledger.exclusive(timeout_s=LOCK_S):
            job = self._job(tag)
            if job.state not in {PLANNED, SENDING}:
                return None
            self._check_instance(job)
            if job.state == SENDING:
                # Before the look at the service: what comes after it may have been missed.
                left_s = self._unsettled_s(job)
                if self._adopt(job):
                    return None
                if left_s > 0:
                    return (
                        f"job {job.index + 1}: looking {left_s:.0f} s longer for an attempt whose "
                        "answer was lost"
                    )
            # The others were meant to go with it.
            refuse_unsuccessful(self._ledger.jobs(self._work.key))
            if self._attempts[tag] >= _ATTEMPTS:
                raise HardwareError(
                    f"{self._work.device} answered none of {_ATTEMPTS} attempts to create job "
                    f"{tag}, and lists no such job: give the same command again later; nothing "
                    "is paid for twice"
                )
            reason = no_room(
                tag, self._client, self._ledger, self._limits, settle_s=self._timeouts.settle_s
            )
            if reason is not None:
                return reason
            # A job that was not sent by this ledger may have been by one that was lost.
            if job.state == PLANNED and self._adopt(job):
                return None
            return self._create(job)

    def _create(self, job: JobRecord) -> str | None:
        """Create a job; return what is unclear then, or None."""
        if not self._ready:
            self._client.check_ready(self._backend)
            self._ready = True
        mode = self._open_mode(job)
        limit = self._limit_of(job)
        self._attempts[job.tag] += 1
        self._ledger.sending(job.tag, datetime.now(UTC), max_seconds=limit)
        try:
            job_id = self._client.create(
                mode, self._work, job.start, job.stop, tag=job.tag, max_seconds=limit
            )
        except NotCreatedError:
            if job.state == PLANNED:  # else an earlier attempt is still without an end
                self._ledger.unsent(job.tag)
            raise
        except UncertainError as error:
            # Its tag is looked up by the next `_try`.
            return f"job {job.index + 1}: {error}"
        session = getattr(mode, "session_id", None)
        self._ledger.submitted(job.tag, job_id, datetime.now(UTC), session_id=session)
        self._report(f"job {job.index + 1}: {job_id} created on {self._work.device}")
        return None

    def _adopt(self, job: JobRecord) -> bool:
        return recover_job(job, self._client, self._ledger, self._report)

    def _unsettled_s(self, job: JobRecord) -> float:
        """Return how much longer an attempt may still be on its way, in seconds.

        Its sender may have lived up to now, however long ago it began: the time is counted from
        when this process first saw it without an end.
        """
        now = time.monotonic()
        since = self._open_since.setdefault((job.tag, job.attempts), now)
        return since + self._timeouts.settle_s - now

    def _check_instance(self, job: JobRecord) -> None:
        """Refuse an account in which a job that was sent could not be found."""
        begun, own = self._record.instance, self._client.instances
        if job.attempts and begun is not None and begun not in own:
            raise HardwareError(
                f"this work was begun with the instance {begun!r}, and this account has "
                f"{', '.join(own)}: go on with the account that began it"
            )

    def _limit_of(self, job: JobRecord) -> int | None:
        """Return the QPU time after which the service shall cut the job off, in seconds."""
        if self._budget_s is None:
            return None
        jobs = self._ledger.jobs(self._work.key)
        used_s = self._committed_s(besides=job.tag)
        to_send = [j for j in jobs if j.tag == job.tag or j.state == PLANNED]
        to_send.sort(key=lambda j: j.tag != job.tag)
        estimates = {part.start: part for part in estimate_of(self._record).jobs}
        return max_execution_time(
            [estimates[j.start] for j in to_send],
            self._budget_s - used_s,
            budget_s=self._budget_s,
        )

    def _open_mode(self, job: JobRecord) -> Any:  # noqa: ANN401
        """Return what a job is created in; a session ends within what is left of the budget."""
        if self._mode is not None:
            return self._mode
        options = self._work.options
        known = [j.session_id for j in self._ledger.jobs(self._work.key) if j.session_id]
        if known and options.mode != "job" and self._covers_sessions():
            self._mode = self._client.sessions.known(self._backend, options.mode, known[-1])
        if self._mode is None and options.mode == "job":
            self._mode = self._backend
        if self._mode is None:
            seconds = options.session_seconds
            if self._budget_s is not None and options.mode == "session":
                self._limit_of(job)  # refuses before there is anything to be charged
                seconds = min(seconds, int(self._budget_s - self._committed_s()))
            self._mode = self._client.sessions.new(self._backend, options.mode, seconds)
        return self._mode

    def _covers_sessions(self) -> bool:
        """Return whether the budget suffices for what the sessions so far may still last."""
        return self._budget_s is None or self._committed_s() <= self._budget_s

    def _committed_s(self, *, besides: str = "") -> float:
        return committed_qpu_seconds(
            self._work.key,
            self._client,
            self._ledger,
            besides=besides,
            within=getattr(self._mode, "session_id", None),
        )

    def _close(self) -> None:
        """Let the work's sessions and batches end when their last jobs have.

        Those of a process that was killed as well: an open session is paid for by the clock.
        """
        mode = self._work.options.mode
        if mode == "job":
            return
        sessions = [j.session_id for j in self._ledger.jobs(self._work.key) if j.state == SUBMITTED]
        sessions.append(getattr(self._mode, "session_id", None))
        for session in dict.fromkeys(s for s in sessions if s is not None):
            try:
                self._client.sessions.close(mode, session)
            except HardwareError as error:
                self._report(f"{error} (unless closed, it ends by itself after a while)")

    def _job(self, tag: str) -> JobRecord:
        job = self._ledger.job(tag)
        assert job is not None
        return job
