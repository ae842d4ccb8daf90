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
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.errors import HardwareError
from qmoe_qiskit.hardware.budget import max_execution_time
from qmoe_qiskit.hardware.client import NotCreatedError, UncertainError
from qmoe_qiskit.hardware.collection import collect_job
from qmoe_qiskit.hardware.recording import estimate_of, work_of
from qmoe_qiskit.hardware.records import PLANNED, SENDING, SUBMITTED

if TYPE_CHECKING:
    from qiskit_ibm_runtime import IBMBackend

    from qmoe_qiskit.hardware.client import Client
    from qmoe_qiskit.hardware.ledger import Ledger
    from qmoe_qiskit.hardware.limits import Limits
    from qmoe_qiskit.hardware.records import JobRecord, WorkRecord

Report = Callable[[str], None]

# A request may reach the service this long after its sender was last seen, and a new job may be
# missing from the service's list for as long.
SETTLE_S = 60.0
_ATTEMPTS = 4
# Another process may hold the ledger while it creates a job: as long as an answer may take.
LOCK_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait for what.

    Attributes:
        settle_s: After an attempt whose end was not seen, how long its tag is looked for before
            the job is sent again, in seconds.
        poll_s: Longest time between two looks at a job.
    """

    settle_s: float = SETTLE_S
    poll_s: float = 10.0


class Submission:
    """The submission of recorded work.

    Args:
        record: The work.
        client: The account.
        backend: The device.
        ledger: Where the work is recorded.
        limits: Of the account's plan.
        budget_s: QPU time that this work may take altogether, or None.
        patience: How long to wait.
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
        patience: Patience | None = None,
        report: Report = lambda _: None,
    ) -> None:
        self._record, self._work = record, work_of(record)
        self._client, self._backend, self._ledger = client, backend, ledger
        self._limits, self._budget_s, self._report = limits, budget_s, report
        self._patience = patience or Patience()
        self._mode: Any = None
        self._attempts: Counter[str] = Counter()

    def send(self) -> None:
        """Create every job that was not created yet.

        Raises:
            BudgetError: If the budget does not suffice for the next job; those before are kept.
            HardwareError: If the service refuses, or it stays unknown whether it took a job.
        """
        jobs = self._ledger.jobs(self._work.key)
        if all(job.state not in {PLANNED, SENDING} for job in jobs):
            return
        self._client.check_ready(self._backend)
        try:
            for job in jobs:
                while (reason := self._try(job.tag)) is not None:
                    self._wait(reason)
        finally:
            self._close()

    def _try(self, tag: str) -> str | None:
        """Create a job if it is time to; return what has to be waited for, or None when done."""
        with self._ledger.exclusive(timeout_s=LOCK_S):
            job = self._job(tag)
            if job.state not in {PLANNED, SENDING}:
                return None
            if job.state == SENDING:
                if self._adopt(job):
                    return None
                if (left := self._unsettled_s(job)) > 0:
                    return (
                        f"job {job.index + 1}: looking {left:.0f} s longer for an attempt whose "
                        "answer was lost"
                    )
            if self._attempts[tag] >= _ATTEMPTS:
                raise HardwareError(
                    f"{self._work.device} answered none of {_ATTEMPTS} attempts to create job "
                    f"{tag}, and lists no such job: give the same command again later; nothing "
                    "is paid for twice"
                )
            if (reason := self._no_room()) is not None:
                return reason
            self._create(job)
            return None

    def _create(self, job: JobRecord) -> None:
        limit = self._limit_of(job)
        mode = self._open_mode()
        self._attempts[job.tag] += 1
        self._ledger.sending(job.tag, datetime.now(UTC), max_seconds=limit)
        try:
            job_id = self._client.create(
                mode, self._work, job.start, job.stop, tag=job.tag, max_seconds=limit
            )
        except NotCreatedError:
            self._ledger.unsent(job.tag)
            raise
        except UncertainError as error:
            self._report(f"job {job.index + 1}: {error}")
            # The tag is looked up by the next `_try`.
            return
        self._note(job, job_id)

    def _adopt(self, job: JobRecord) -> bool:
        """Take over the job of an earlier attempt, if the service has it."""
        found = self._client.find(job.tag)
        if not found:
            return False
        self._note(job, found[0])
        for extra in found[1:]:
            self._report(f"job {job.index + 1}: {extra} has the same tag and is cancelled")
            self._client.cancel(extra)
        return True

    def _note(self, job: JobRecord, job_id: str) -> None:
        session = getattr(self._mode, "session_id", None)
        self._ledger.submitted(job.tag, job_id, datetime.now(UTC), session_id=session)
        self._report(f"job {job.index + 1}: {job_id} created on {self._work.device}")

    def _unsettled_s(self, job: JobRecord) -> float:
        assert job.sent_at is not None
        since_s = (datetime.now(UTC) - job.sent_at).total_seconds()
        return self._patience.settle_s - since_s

    def _limit_of(self, job: JobRecord) -> int | None:
        """Return the QPU time after which the service shall cut the job off, in seconds."""
        if self._budget_s is None:
            return None
        jobs = self._ledger.jobs(self._work.key)
        used_s = reserved_s(self._work.key, self._ledger, besides=job.tag)
        to_send = [j for j in jobs if j.tag == job.tag or j.state == PLANNED]
        to_send.sort(key=lambda j: j.tag != job.tag)
        estimates = estimate_of(self._record).jobs
        return max_execution_time(
            [estimates[j.index] for j in to_send],
            self._budget_s - used_s,
            budget_s=self._budget_s,
        )

    def _no_room(self) -> str | None:
        """Return why the plan does not allow another job now, or None."""
        per_minute = self._limits.creations_per_minute
        if per_minute is not None:
            recent = self._ledger.created_since(datetime.now(UTC) - timedelta(minutes=1))
            if len(recent) >= per_minute:
                return f"the plan allows {per_minute} new jobs a minute"
        most = self._limits.pending_jobs
        if most is not None and len(pending := self._pending()) >= most:
            for job in pending:
                collect_job(job, self._client, self._ledger)
            if len(self._pending()) >= most:
                return f"the plan allows {most} pending jobs"
        return None

    def _pending(self) -> list[JobRecord]:
        """Return the jobs of this instance that have not ended, as far as the ledger knows."""
        here = {w.key for w in self._ledger.works() if w.instance == self._client.instance}
        return [j for j in self._ledger.pending() if j.state == SUBMITTED and j.key in here]

    def _open_mode(self) -> Any:  # noqa: ANN401
        if self._mode is None:
            options = self._work.options
            known = [j.session_id for j in self._ledger.jobs(self._work.key) if j.session_id]
            self._mode = self._client.open_mode(
                self._backend,
                options.mode,
                options.session_seconds,
                known[-1] if known else None,
            )
        return self._mode

    def _close(self) -> None:
        """Let a session or batch end when its last job has."""
        if self._mode is not None and self._mode is not self._backend:
            self._client.close_mode(self._mode)

    def _job(self, tag: str) -> JobRecord:
        job = self._ledger.job(tag)
        assert job is not None
        return job

    def _wait(self, reason: str) -> None:
        self._report(reason)
        time.sleep(min(1.0, self._patience.poll_s, max(0.05, self._patience.settle_s / 10)))


def reserved_s(key: str, ledger: Ledger, *, besides: str = "") -> float:
    """Return the QPU time that a work was charged, and may still be by its jobs under way, in s."""
    return ledger.charged(key) + sum(
        job.max_seconds or job.estimated_seconds
        for job in ledger.jobs(key)
        if job.state in {SENDING, SUBMITTED} and job.tag != besides
    )
