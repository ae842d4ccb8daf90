"""The execution mode of a work's jobs, single jobs, a session or a batch, within the budget."""

import logging
from dataclasses import dataclass, field
from typing import Any

from qiskit_ibm_runtime import IBMBackend

from qmoe_qiskit.errors import HardwareError
from qmoe_qiskit.hardware.cost.budget import committed_qpu_seconds, max_execution_time
from qmoe_qiskit.hardware.jobs.timeouts import ReportStatus
from qmoe_qiskit.hardware.jobs.work_records import load_estimate
from qmoe_qiskit.hardware.ledger.records import PLANNED, SUBMITTED, JobRecord, WorkRecord
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.options import RuntimeOptions
from qmoe_qiskit.hardware.service.client import Client

_log = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class ExecutionMode:
    """The execution mode of a work's jobs, and the limit of QPU time for each job.

    For the attributes, see `Submission`; `report` is told of a session that cannot be closed.
    """

    record: WorkRecord
    options: RuntimeOptions
    client: Client
    backend: IBMBackend
    ledger: Ledger
    budget_s: float | None
    report: ReportStatus
    _mode: Any = field(default=None, init=False)

    @property
    def session_id(self) -> str | None:
        """The id of the open session or batch; None for single jobs."""
        session_id: str | None = getattr(self._mode, "session_id", None)
        return session_id

    def limit_of(self, job: JobRecord) -> int | None:
        """Return the QPU time in seconds after which the service shall stop a job.

        Raises:
            BudgetError: If the budget does not cover the jobs that remain to be sent.
        """
        if self.budget_s is None:
            return None
        jobs = self.ledger.jobs(self.record.key)
        committed_s = self._committed_s(besides=job.tag)
        later = [j.start for j in jobs if j.tag != job.tag and j.state == PLANNED]
        estimates = {part.start: part for part in load_estimate(self.record).jobs}
        to_send = [estimates[start] for start in (job.start, *later)]
        left_s = self.budget_s - committed_s
        limit = max_execution_time(to_send, left_s, budget_s=self.budget_s)
        said = "job %s: limited to %d s of QPU time; %.1f s of the budget of %g s are committed"
        _log.info(said, job.tag, limit, committed_s, self.budget_s)
        return limit

    def open(self, job: JobRecord) -> Any:  # noqa: ANN401 - backend, session or batch
        """Return the mode to create a job in; a session ends within the rest of the budget."""
        if self._mode is not None:
            return self._mode
        mode = self.options.mode
        if mode == "job":
            self._mode = self.backend
            return self._mode
        known = [j.session_id for j in self.ledger.jobs(self.record.key) if j.session_id]
        # The budget must cover the time for which earlier sessions may still last.
        if known and (self.budget_s is None or self._committed_s() <= self.budget_s):
            self._mode = self.client.sessions.known(self.backend, mode, known[-1])
        if self._mode is None:
            seconds = self.options.session_seconds
            if self.budget_s is not None and mode == "session":
                self.limit_of(job)  # refuses before anything can be charged
                seconds = min(seconds, int(self.budget_s - self._committed_s()))
            self._mode = self.client.sessions.new(self.backend, mode, seconds)
            _log.info("%s %s opened for at most %d s", mode, self.session_id, seconds)
        return self._mode

    def close(self) -> None:
        """Let the work's sessions and batches end after their last jobs.

        This includes those of a process that was killed: an open session is charged by the clock.
        """
        mode = self.options.mode
        if mode == "job":
            return
        jobs = self.ledger.jobs(self.record.key)
        sessions = [j.session_id for j in jobs if j.state == SUBMITTED]
        for session in dict.fromkeys(filter(None, [*sessions, self.session_id])):
            try:
                self.client.sessions.close(mode, session)
                _log.info("%s %s closed", mode, session)
            except HardwareError as error:
                _log.warning("%s %s not closed: %s", mode, session, error)
                self.report(f"{error} (unless closed, it ends by itself after a while)")

    def _committed_s(self, *, besides: str = "") -> float:
        return committed_qpu_seconds(
            self.record.key, self.client, self.ledger, besides=besides, within=self.session_id
        )
