"""Queries of the ledger, and the transactions of its events."""

import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.ledger import schema
from qmoe_qiskit.hardware.ledger.errors import damaged, ledger_errors
from qmoe_qiskit.hardware.ledger.records import (
    JobRecord,
    LedgerConflict,
    Record,
    WorkRecord,
    WorkSummary,
    from_row,
    to_text,
    unpack,
)
from qmoe_qiskit.typing import FloatArray


class LedgerReader:
    """An open ledger with its queries; `Ledger` adds the events.

    Threads may share one; a forked process opens its own. Every method raises `LedgerError` if the
    file is locked for too long, damaged, or cannot be read or written.

    Args:
        path: The file, created if missing; None for the environment variable QMOE_LEDGER, or else
            ~/.qmoe/ledger.sqlite. It must be on a local disk: machines cannot share a ledger.
        timeout_s: Seconds to wait for other processes.

    Raises:
        LedgerError: If the ledger cannot be opened; the message says what to do.
    """

    def __init__(self, path: str | Path | None = None, *, timeout_s: float = 10.0) -> None:
        self.path = schema.ledger_path(path)
        self.timeout_s = timeout_s
        self._lock = threading.RLock()
        self._connection = schema.open_ledger(self.path, timeout_s)
        # A backend of a device has a ledger, and nobody closes backends.
        weakref.finalize(self, self._connection.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a closed ledger stays closed."""
        with self._lock:
            self._connection.close()

    def work(self, key: str) -> WorkRecord | None:
        """Return the work with this key; None if it does not exist."""
        return next(iter(self._read(WorkRecord, "SELECT * FROM works WHERE key = ?", key)), None)

    def find(self, name: str) -> WorkRecord:
        """Return the work of a name: 4 or more first characters of its key, or a job's tag or id.

        Raises:
            InputError: If no work or more than one work has this name.
        """
        rows = self._rows(
            """SELECT key FROM works WHERE length(:name) >= 4
                AND substr(key, 1, length(:name)) = lower(:name)
                UNION SELECT key FROM jobs WHERE :name IN (tag, job_id)""",
            {"name": name},
        )
        keys = [row["key"] for row in rows]
        if len(keys) > 1:
            raise InputError(
                f"{name!r} begins more than one work: {', '.join(keys)}; give more of it"
            )
        work = self.work(keys[0]) if keys else None
        if work is None:
            raise InputError(
                f"no work or job {name!r} in the ledger {str(self.path)!r}: give at least 4 first"
                " characters of a work's key, or a job's id or tag; qmoe jobs list shows them"
            )
        return work

    def works(self) -> list[WorkSummary]:
        """Return a summary of every work, newest first."""
        return self._read(
            WorkSummary,
            "SELECT key, created_at, spec, device, instance, title, shots, estimate, versions"
            " FROM works ORDER BY created_at DESC, rowid DESC",
        )

    def jobs(self, key: str) -> list[JobRecord]:
        """Return the jobs of a work in the order of their index."""
        return self._read(JobRecord, 'SELECT * FROM jobs WHERE key = ? ORDER BY "index"', key)

    def job(self, tag: str) -> JobRecord:
        """Return the job with this tag.

        Raises:
            LedgerConflict: If it does not exist.
        """
        found = self._read(JobRecord, "SELECT * FROM jobs WHERE tag = ?", tag)
        if not found:
            raise LedgerConflict(f"no job {tag!r} in the ledger {str(self.path)!r}")
        return found[0]

    def pending(self) -> list[JobRecord]:
        """Return the jobs that wait or run at the service, or may do so."""
        return self._read(
            JobRecord, "SELECT * FROM jobs WHERE state IN ('sending', 'submitted') ORDER BY rowid"
        )

    def created_since(self, moment: datetime) -> list[datetime]:
        """Return the times at which attempts to create a job began, from `moment` on, in order."""
        rows = self._rows("SELECT at FROM attempts WHERE at >= ? ORDER BY at", [to_text(moment)])
        with self._readable():
            return [datetime.fromisoformat(row["at"]) for row in rows]

    def charged(self, key: str) -> float:
        """Return the QPU time in seconds that the ended jobs of a work were charged.

        A job whose charge is unknown counts with its estimate.
        """
        (row,) = self._rows(
            "SELECT total(coalesce(charged_seconds, estimated_seconds)) AS seconds FROM jobs"
            " WHERE key = ? AND state IN ('done', 'failed', 'cancelled')",
            [key],
        )
        return float(row["seconds"])

    def results(self, tag: str) -> tuple[FloatArray, FloatArray]:
        """Return values and standard errors of a completed job, each of shape (stop - start, O).

        Raises:
            LedgerConflict: If the job has no results.
        """
        packed = self._packed_results(tag)
        if packed is None:
            raise LedgerConflict(f"job {tag!r} has no results")
        with self._readable():
            return unpack(packed[0]), unpack(packed[1])

    def calibration(self, calibration_hash: str) -> str:
        """Return the noise profile with this hash, as JSON text.

        Raises:
            InputError: If the ledger has no such profile.
        """
        rows = self._rows("SELECT profile FROM calibrations WHERE hash = ?", [calibration_hash])
        if not rows:
            raise InputError(
                f"no calibration {calibration_hash!r} in the ledger {str(self.path)!r}"
            )
        return str(rows[0]["profile"])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        database = self._connection
        with self._lock, ledger_errors(self.path, self.timeout_s):
            try:  # BEGIN stands inside: an interrupt may come right after it
                database.execute("BEGIN IMMEDIATE")
                yield database
                database.execute("COMMIT")
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")

    def _rows(
        self, query: str, values: Sequence[object] | dict[str, object] = ()
    ) -> list[sqlite3.Row]:
        with self._lock, ledger_errors(self.path, self.timeout_s):
            return self._connection.execute(query, values).fetchall()

    def _read(self, kind: type[Record], query: str, *values: object) -> list[Record]:
        rows = self._rows(query, values)
        with self._readable():
            return [from_row(kind, row) for row in rows]

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, TypeError, LookupError) as error:
            raise damaged(self.path, error) from error

    def _packed_results(self, tag: str) -> tuple[bytes, bytes] | None:
        rows = self._rows("SELECT values_PO, std_errors_PO FROM results WHERE tag = ?", [tag])
        return (rows[0]["values_PO"], rows[0]["std_errors_PO"]) if rows else None
