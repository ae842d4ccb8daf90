"""The ledger of hardware jobs: what was meant to be sent, what was sent, and what came back.

Every event is one transaction, on disk when the call returns; a process may be killed at any
moment, and several may use the same ledger at once. An event that contradicts what is recorded is
refused with `LedgerConflict`, and a stored result is never overwritten.
"""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import LedgerError
from qmoe_qiskit.hardware.ledger.current_jobs import UNSUCCESSFUL, current
from qmoe_qiskit.hardware.ledger.queries import LedgerReader
from qmoe_qiskit.hardware.ledger.records import (
    CANCELLED,
    DONE,
    FAILED,
    FINAL,
    PLANNED,
    SENDING,
    SUBMITTED,
    JobRecord,
    LedgerConflict,
    WorkRecord,
    pack,
    to_row,
    to_text,
)
from qmoe_qiskit.hardware.work import job_tag
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from filelock import FileLock

# The states that a job may be in for its next one. From "planned" to "submitted": it was found at
# the service by its tag, sent by a ledger that was lost.
_BEFORE = {
    PLANNED: (SENDING,),
    SENDING: (PLANNED, SENDING),
    SUBMITTED: (PLANNED, SENDING),
    DONE: (SUBMITTED,),
    FAILED: (SENDING, SUBMITTED),
    CANCELLED: (PLANNED, SENDING, SUBMITTED),
}

_INSERT_JOB = """INSERT INTO jobs VALUES (:tag, :key, :index, :start, :stop, :estimated_seconds,
    :executions, :max_seconds, :state, :attempts, :job_id, :sent_at, :submitted_at, :finished_at,
    :charged_seconds, :error, :session_id, :calibration_hash, :details)"""


class Ledger(LedgerReader):
    """Works and their jobs, in one SQLite file: questions, see `LedgerReader`, and events."""

    def record(self, work: WorkRecord, jobs: Sequence[JobRecord]) -> bool:
        """Write down a work and its jobs, before anything is sent.

        Returns:
            False, with nothing changed, if a work of this key is there already.

        Raises:
            LedgerConflict: If the jobs are not planned, do not cover the points in order, or have a
                tag that is taken.
        """
        _check_plan(work, jobs)
        with self._transaction() as database:
            if database.execute("SELECT 1 FROM works WHERE key = ?", [work.key]).fetchone():
                return False
            database.execute(
                """INSERT INTO works VALUES (:key, :created_at, :spec, :device, :instance, :title,
                    :shots, :estimate, :versions, :physical_qubits, :observables, :options,
                    :circuit_qpy, :points_PG)""",
                to_row(work),
            )
            database.executemany(_INSERT_JOB, [to_row(job) for job in jobs])
        return True

    def sending(self, tag: str, at: datetime, *, max_seconds: int | None = None) -> None:
        """Note that an attempt to send a job begins; also for an attempt after an unclear one.

        Args:
            tag: The job.
            at: When, UTC.
            max_seconds: QPU time after which the service is told to cut the job off, or None.

        Raises:
            LedgerConflict: If the job is submitted or final.
        """
        with self._transaction() as database:
            self._require(tag, SENDING)
            database.execute(
                "UPDATE jobs SET state = 'sending', attempts = attempts + 1, sent_at = ?,"
                " max_seconds = ? WHERE tag = ?",
                [to_text(at), max_seconds, tag],
            )
            database.execute("INSERT INTO attempts VALUES (?, ?)", [tag, to_text(at)])

    def unsent(self, tag: str) -> None:
        """Note that an attempt certainly created nothing: the job is planned again.

        Raises:
            LedgerConflict: If the job is not being sent.
        """
        with self._transaction() as database:
            self._require(tag, PLANNED)
            database.execute("UPDATE jobs SET state = 'planned' WHERE tag = ?", [tag])

    def submitted(self, tag: str, job_id: str, at: datetime, session_id: str | None = None) -> None:
        """Note the id of a job that the service has; once it is known, the same again is nothing.

        Raises:
            LedgerConflict: If the job has another id, or is final without one.
        """
        with self._transaction() as database:
            if self._known(tag).job_id == job_id:
                return
            self._require(tag, SUBMITTED)
            database.execute(
                "UPDATE jobs SET state = 'submitted', job_id = ?, submitted_at = ?, session_id = ?"
                " WHERE tag = ?",
                [job_id, to_text(at), session_id, tag],
            )

    def finished(
        self,
        tag: str,
        state: str,
        *,
        at: datetime,
        values_PO: FloatArray | None = None,
        std_errors_PO: FloatArray | None = None,
        charged_seconds: float | None = None,
        error: str | None = None,
        calibration: str | None = None,
        calibration_hash: str | None = None,
        details: str = "{}",
    ) -> None:
        """Note how a job ended, and its results if it is done.

        Finishing again with the same outcome only fills in what was unknown, such as the charge.

        Args:
            tag: The job.
            state: "done", "failed" or "cancelled".
            at: When, UTC.
            values_PO: Values of the job's points, shape (stop - start, O); with "done" only.
            std_errors_PO: Their standard errors, the same shape.
            charged_seconds: QPU seconds that the service charged; None if unknown.
            error: Why it failed.
            calibration: JSON of the device's noise profile; stored once for each hash.
            calibration_hash: Its hash; by default the SHA-256 of the text.
            details: JSON of what the service says about the job.

        Raises:
            LedgerConflict: If the job ended otherwise, or was never sent but is said to have run.
        """
        if calibration is not None and calibration_hash is None:
            calibration_hash = hashlib.sha256(calibration.encode()).hexdigest()
        with self._transaction() as database:
            job = self._known(tag)
            results = _check_results(job, state, values_PO, std_errors_PO)
            if job.state in FINAL:
                if job.state != state or self._packed_results(tag) != results:
                    raise LedgerConflict(
                        f"job {tag!r} has ended as {job.state!r}, not as {state!r}"
                    )
            else:
                self._require(tag, state)
                if results:
                    database.execute("INSERT INTO results VALUES (?, ?, ?)", [tag, *results])
            if job.state == PLANNED:  # never sent
                charged_seconds = 0.0
            if calibration is not None:
                database.execute(
                    "INSERT OR IGNORE INTO calibrations VALUES (?, ?)",
                    [calibration_hash, calibration],
                )
            database.execute(
                """UPDATE jobs SET state = :state, finished_at = coalesce(finished_at, :at),
                    charged_seconds = coalesce(charged_seconds, :charged_seconds),
                    error = coalesce(error, :error),
                    calibration_hash = coalesce(calibration_hash, :calibration_hash),
                    details = CASE details WHEN '{}' THEN :details ELSE details END
                    WHERE tag = :tag""",
                {
                    "state": state,
                    "at": to_text(at),
                    "charged_seconds": charged_seconds,
                    "error": error,
                    "calibration_hash": calibration_hash,
                    "details": details,
                    "tag": tag,
                },
            )

    def retry(self, key: str) -> list[JobRecord]:
        """Plan a further job for every part of a work whose job failed or was cancelled.

        Returns:
            The new jobs; the old ones stay, with what they were charged.
        """
        with self._transaction() as database:
            jobs = self.jobs(key)
            new = [
                JobRecord(
                    tag=job_tag(
                        key, job.start, job.stop, retry=sum(j.start == job.start for j in jobs)
                    ),
                    key=key,
                    index=index,
                    start=job.start,
                    stop=job.stop,
                    estimated_seconds=job.estimated_seconds,
                    executions=job.executions,
                )
                for index, job in enumerate(
                    (part for part in current(jobs) if part.state in UNSUCCESSFUL), len(jobs)
                )
            ]
            database.executemany(_INSERT_JOB, [to_row(job) for job in new])
        return new

    @contextmanager
    def exclusive(self, timeout_s: float | None = None) -> Iterator[None]:
        """Keep every other process and thread from submitting with this ledger meanwhile.

        The operating system lets go of the lock when the process ends, however it ends.

        Args:
            timeout_s: Seconds to wait; None for the ledger's own.

        Raises:
            LedgerError: If it is held for longer by another; the message says by whom.
        """
        from filelock import FileLock

        wait_s = self.timeout_s if timeout_s is None else timeout_s
        lock = FileLock(f"{self.path}.lock", timeout=wait_s, mode=0o600)
        try:
            self._acquire(lock, wait_s)
            now = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
            name = f"process {os.getpid()} on {socket.gethostname()} (since {now})"
            with self._transaction() as database:
                database.execute("INSERT OR REPLACE INTO holder VALUES (1, ?)", [name])
            yield
        finally:
            lock.release(force=True)

    def _acquire(self, lock: FileLock, wait_s: float) -> None:
        from filelock import Timeout

        try:
            lock.acquire(poll_interval=0.02)
        except Timeout:
            rows = self._rows("SELECT name FROM holder")
            raise LedgerError(
                f"{rows[0]['name'] if rows else 'another process'} is submitting with the ledger"
                f" {str(self.path)!r}; waited {wait_s:g} s: try again when that has ended"
            ) from None
        except OSError as error:
            raise LedgerError(
                f"the ledger {str(self.path)!r} cannot be locked ({error}): make its folder"
                " writable, or name another ledger with --ledger or QMOE_LEDGER"
            ) from error

    def _known(self, tag: str) -> JobRecord:
        job = self.job(tag)
        if job is None:
            raise LedgerConflict(f"no job {tag!r} in the ledger {str(self.path)!r}")
        return job

    def _require(self, tag: str, state: str) -> None:
        before = self._known(tag).state
        if before not in _BEFORE[state]:
            raise LedgerConflict(f"job {tag!r} is {before!r} and cannot become {state!r}")


def _check_plan(work: WorkRecord, jobs: Sequence[JobRecord]) -> None:
    """Refuse jobs that are not the work's: they cover its points once, in order, none sent yet."""
    starts = [0, *(job.stop for job in jobs)]
    good = (
        len(work.key) == 64
        and set(work.key) <= set("0123456789abcdef")
        and starts[-1] == len(work.points_PG) > 0
        and all(
            (job.key, job.index, job.start, job.state, job.attempts, job.job_id)
            == (work.key, index, starts[index], PLANNED, 0, None)
            and job.start < job.stop
            for index, job in enumerate(jobs)
        )
    )
    if not good:
        raise LedgerConflict(f"the jobs of work {work.key!r} do not cover its points: {jobs!r}")


def _check_results(
    job: JobRecord, state: str, values_PO: FloatArray | None, std_errors_PO: FloatArray | None
) -> tuple[bytes, bytes] | None:
    """Return the results as they are stored; refuse "done" without them, and the reverse."""
    if state not in FINAL:
        raise LedgerConflict(f"{state!r} is no final state")
    if state != DONE and values_PO is None and std_errors_PO is None:
        return None
    if (
        state != DONE
        or values_PO is None
        or std_errors_PO is None
        or values_PO.ndim != 2
        or values_PO.shape != std_errors_PO.shape
        or len(values_PO) != job.stop - job.start
    ):
        raise LedgerConflict(f"job {job.tag!r} as {state!r}: its results do not fit its points")
    return pack(values_PO), pack(std_errors_PO)
