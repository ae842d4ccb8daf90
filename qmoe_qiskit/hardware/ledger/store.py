"""The ledger of hardware jobs: what was to be sent, what was sent, and what came back.

Every event is one transaction, on disk when the call returns. A process may be killed at any
moment, and several processes may use the same ledger at once. The ledger refuses an event that
contradicts its records with `LedgerConflict`, and never overwrites a stored result.
"""

import hashlib
import logging
import os
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from filelock import FileLock, Timeout

from qmoe_qiskit.errors import LedgerError
from qmoe_qiskit.hardware.ledger.checks import check_plan, check_results
from qmoe_qiskit.hardware.ledger.current_jobs import plan_retries
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
    to_row,
    to_text,
)
from qmoe_qiskit.typing import FloatArray

_log = logging.getLogger(__name__)

# For each state, the states from which a job may enter it. "planned" to "submitted": the service
# has a job with its tag, which a ledger that was lost had sent.
_BEFORE = {
    PLANNED: (SENDING,),
    SENDING: (PLANNED, SENDING),
    SUBMITTED: (PLANNED, SENDING),
    DONE: (SUBMITTED,),
    FAILED: (SENDING, SUBMITTED),
    CANCELLED: (PLANNED, SENDING, SUBMITTED),
}


class Ledger(LedgerReader):
    """Works and their jobs in one SQLite file: queries, see `LedgerReader`, and events."""

    def record(self, work: WorkRecord, jobs: Sequence[JobRecord]) -> bool:
        """Record a work and its jobs, before anything is sent.

        Returns:
            False, with nothing changed, if a work with this key exists.

        Raises:
            LedgerConflict: If the jobs are not planned, do not cover the points in order, or reuse
                a tag.
        """
        check_plan(work, jobs)
        with self._transaction() as database:
            if database.execute("SELECT 1 FROM works WHERE key = ?", [work.key]).fetchone():
                return False
            _insert(database, "works", work)
            for job in jobs:
                _insert(database, "jobs", job)
        _log.info("work %s recorded for %s, jobs: %d", work.key[:8], work.device, len(jobs))
        return True

    def sending(self, tag: str, at: datetime, *, max_seconds: int | None = None) -> None:
        """Record that an attempt to create a job begins, the first one or a further one.

        The service shall stop the job after `max_seconds` of QPU time, if they are given.

        Raises:
            LedgerConflict: If the job is submitted or in a final state.
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
        """Record that an attempt certainly created nothing: the job is planned again.

        Raises:
            LedgerConflict: If no attempt has begun.
        """
        with self._transaction() as database:
            self._require(tag, PLANNED)
            database.execute("UPDATE jobs SET state = 'planned' WHERE tag = ?", [tag])

    def submitted(self, tag: str, job_id: str, at: datetime, session_id: str | None = None) -> None:
        """Record the id of a job at the service; repeating the same id changes nothing.

        Raises:
            LedgerConflict: If the job has another id, or a final state and no id.
        """
        with self._transaction() as database:
            if self.job(tag).job_id == job_id:
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
        """Record how a job ended, and its results if it is done.

        The same outcome again only fills in what was unknown, such as the charge.

        Args:
            tag: The tag of the job.
            state: "done", "failed" or "cancelled".
            at: The time, UTC.
            values_PO: Values of the job's points, shape (stop - start, O); for "done" only.
            std_errors_PO: Standard errors of the values, of the same shape.
            charged_seconds: QPU time in seconds that the service charged; None if unknown.
            error: The reason why the job failed.
            calibration: The device's noise profile as JSON; stored once per hash.
            calibration_hash: The hash of the profile; by default the SHA-256 of its text.
            details: The timestamps and usage that the service reports, as JSON.

        Raises:
            LedgerConflict: If the job has ended differently, or is done but was never sent.
        """
        if calibration is not None and calibration_hash is None:
            calibration_hash = hashlib.sha256(calibration.encode()).hexdigest()
        with self._transaction() as database:
            job = self.job(tag)
            results = check_results(job, state, values_PO, std_errors_PO)
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
                """UPDATE jobs SET state = ?, finished_at = coalesce(finished_at, ?),
                    charged_seconds = coalesce(charged_seconds, ?), error = coalesce(error, ?),
                    calibration_hash = coalesce(calibration_hash, ?),
                    details = CASE details WHEN '{}' THEN ? ELSE details END WHERE tag = ?""",
                [state, to_text(at), charged_seconds, error, calibration_hash, details, tag],
            )
        charge = "unknown" if charged_seconds is None else f"{charged_seconds:g} s"
        _log.info("job %s (%s) %s, charge %s", job.job_id, tag, state, charge)

    def retry(self, key: str) -> list[JobRecord]:
        """Plan a further job for each current job of a work that failed or was cancelled.

        Returns:
            The new jobs; the old ones stay in the ledger with their charges.
        """
        with self._transaction() as database:
            new = plan_retries(self.jobs(key))
            for job in new:
                _insert(database, "jobs", job)
        for job in new:
            _log.info("work %s: points %d to %d planned again", key[:8], job.start, job.stop - 1)
        return new

    @contextmanager
    def exclusive(self, timeout_s: float | None = None) -> Iterator[None]:
        """Keep every other process and thread from submitting with this ledger.

        The operating system releases the lock when the process ends, however it ends.

        Raises:
            LedgerError: If another process holds the lock for longer than `timeout_s` seconds, by
                default the ledger's own timeout; the message names the process.
        """
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

    def _require(self, tag: str, state: str) -> None:
        before = self.job(tag).state
        if before not in _BEFORE[state]:
            raise LedgerConflict(f"job {tag!r} is {before!r} and cannot become {state!r}")


def _insert(database: sqlite3.Connection, table: str, record: WorkRecord | JobRecord) -> None:
    row = to_row(record)
    columns, values = ('"' + '", "'.join(row) + '"'), ", ".join(f":{name}" for name in row)
    database.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})", row)  # noqa: S608 - ours
