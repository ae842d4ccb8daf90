"""Submission of work: each job is created exactly once, within the budget and the plan's limits.

The order of events ensures this. The ledger holds the job before anything is sent; the attempt is
recorded before the request; the request carries a tag made from the work's content. If the response
is lost because the connection or the process died, the tag is looked up at the service, for as long
as the request may still be on its way, before anything is sent again.
"""

import logging
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from qiskit_ibm_runtime import IBMBackend

from qmoe_qiskit.errors import HardwareError
from qmoe_qiskit.hardware.cost.plan_limits import PlanLimits
from qmoe_qiskit.hardware.jobs.execution_mode import ExecutionMode
from qmoe_qiskit.hardware.jobs.rate_limits import reason_to_wait
from qmoe_qiskit.hardware.jobs.recover import recover_job
from qmoe_qiskit.hardware.jobs.timeouts import LOCK_S, ReportStatus, Timeouts
from qmoe_qiskit.hardware.jobs.work_records import load_work
from qmoe_qiskit.hardware.ledger.current_jobs import refuse_unsuccessful
from qmoe_qiskit.hardware.ledger.records import PLANNED, SENDING, JobRecord, WorkRecord
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.service.client import Client
from qmoe_qiskit.hardware.service.errors import NotCreatedError, UncertainError

_log = logging.getLogger(__name__)

_ATTEMPTS = 4


@dataclass(kw_only=True, eq=False)
class Submission:
    """The submission of a recorded work.

    The whole work may take `budget_s` seconds of QPU time, if they are given; `limits` are those of
    the account's plan. `report` is told what is being waited for.
    """

    record: WorkRecord
    client: Client
    backend: IBMBackend
    ledger: Ledger
    limits: PlanLimits
    budget_s: float | None
    timeouts: Timeouts
    report: ReportStatus

    def __post_init__(self) -> None:
        self._work = load_work(self.record)
        self._mode = ExecutionMode(
            record=self.record,
            options=self._work.options,
            client=self.client,
            backend=self.backend,
            ledger=self.ledger,
            budget_s=self.budget_s,
            report=self.report,
        )
        self._ready = False
        self._attempts: Counter[str] = Counter()
        # By tag and number of the attempt: when this process first saw it without a response.
        self._unanswered_since: dict[tuple[str, int], float] = {}

    def send(self) -> None:
        """Create every job that does not exist yet.

        Raises:
            BudgetError: If the budget does not cover the next job; earlier jobs are kept.
            HardwareError: If the service refuses, or it stays unknown whether it took a job.
        """
        try:
            for job in self.ledger.jobs(self._work.key):
                if job.state in {PLANNED, SENDING}:
                    self._send(job.tag)
        finally:
            self._mode.close()

    def _send(self, tag: str) -> None:
        started, level = time.monotonic(), logging.INFO
        while (reason := self._try(tag)) is not None:
            _log.log(level, "job %s waits: %s", tag, reason)
            self.report(reason)
            level = logging.DEBUG
            # The longer the wait so far, the longer the pause.
            waited = time.monotonic() - started
            time.sleep(min(self.timeouts.poll_s, max(0.1, waited / 10)))

    def _try(self, tag: str) -> str | None:
        """Create a job if the time has come; return what to wait for, or None if it exists."""
        with self.ledger.exclusive(timeout_s=LOCK_S):
            job = self.ledger.job(tag)
            if job.state not in {PLANNED, SENDING}:
                return None
            self._check_instance(job)
            if job.state == SENDING:
                # Taken before the look at the service, which may miss a job that comes after it.
                left_s = self._unsettled_s(job)
                if self._recover(job):
                    return None
                if left_s > 0:
                    return (
                        f"job {job.index + 1}: looking {left_s:.0f} s longer for an attempt whose "
                        "answer was lost"
                    )
            # One failed job stops the others: the work needs them all.
            refuse_unsuccessful(self.ledger.jobs(self._work.key))
            if self._attempts[tag] >= _ATTEMPTS:
                raise HardwareError(
                    f"{self._work.device} answered none of {_ATTEMPTS} attempts to create job "
                    f"{tag}, and lists no such job: give the same command again later; nothing "
                    "is paid for twice"
                )
            reason = reason_to_wait(
                tag, self.client, self.ledger, self.limits, settle_s=self.timeouts.settle_s
            )
            # The job may have been sent by a ledger that was lost.
            if reason is not None or (job.state == PLANNED and self._recover(job)):
                return reason
            return self._create(job)

    def _recover(self, job: JobRecord) -> bool:
        return recover_job(job, self.client, self.ledger, self.report)

    def _create(self, job: JobRecord) -> str | None:
        """Create a job; return what is unclear afterwards, or None."""
        if not self._ready:
            self.client.check_ready(self.backend, self.report)
            self._ready = True
        mode = self._mode.open(job)
        limit = self._mode.limit_of(job)
        self._attempts[job.tag] += 1
        self.ledger.sending(job.tag, datetime.now(UTC), max_seconds=limit)
        _log.info("job %s: attempt %d to create it", job.tag, job.attempts + 1)
        try:
            job_id = self.client.create(mode, self._work, job, max_seconds=limit)
        except NotCreatedError:
            if job.state == PLANNED:  # else the response of an earlier attempt is still missing
                self.ledger.unsent(job.tag)
            raise
        except UncertainError as error:
            _log.warning("job %s: the response was lost (%s)", job.tag, error)
            return f"job {job.index + 1}: {error}"  # the next `_try` looks its tag up
        session = self._mode.session_id
        self.ledger.submitted(job.tag, job_id, datetime.now(UTC), session_id=session)
        _log.info("job %s (%s) created on %s", job_id, job.tag, self._work.device)
        self.report(f"job {job.index + 1}: {job_id} created on {self._work.device}")
        return None

    def _unsettled_s(self, job: JobRecord) -> float:
        """Return how much longer an attempt may still be on its way, in seconds.

        Its sender may have lived until now: so the time counts from when this process first saw
        the attempt without a response, not from its beginning.
        """
        now = time.monotonic()
        since = self._unanswered_since.setdefault((job.tag, job.attempts), now)
        return since + self.timeouts.settle_s - now

    def _check_instance(self, job: JobRecord) -> None:
        """Refuse an account that cannot find a job which was sent before."""
        begun, own = self.record.instance, self.client.instances
        if job.attempts and begun is not None and begun not in own:
            raise HardwareError(
                f"this work was begun with the instance {begun!r}, and this account has "
                f"{', '.join(own)}: go on with the account that began it"
            )
