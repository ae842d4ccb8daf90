"""What the ledger holds: works, the jobs that they are split into, and how a row stores them.

A work is one request: a circuit at P points with O observables on one device. Its jobs are
contiguous ranges of the points. A job goes from "planned" over "sending" (an attempt has begun) and
"submitted" (its id is known) to one of the final states.
"""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    import sqlite3

PLANNED = "planned"
SENDING = "sending"
SUBMITTED = "submitted"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"
FINAL = (DONE, FAILED, CANCELLED)

# Columns that hold JSON, and what it must be.
_JSON: dict[str, type[Any]] = {
    "details": dict,
    "estimate": dict,
    "observables": list,
    "options": dict,
    "physical_qubits": list,
    "versions": dict,
}


class LedgerConflict(AssertionError):  # noqa: N818 - a broken promise of the caller, not a user's error
    """An event that contradicts what the ledger holds; nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class WorkSummary:
    """The small columns of a work.

    Attributes:
        key: Content hash of the request, 64 hexadecimal digits.
        created_at: When it was recorded, UTC.
        spec: The backend as asked for, such as "runtime:least_busy".
        device: The device that it was resolved to.
        instance: The instance of the service, None where there is none.
        title: What it is for, such as the folder of a run.
        shots: Shots of every point.
        estimate: JSON of the estimate that was shown before submission.
        versions: JSON of the versions of the libraries.
    """

    key: str
    created_at: datetime
    spec: str
    device: str
    instance: str | None
    title: str
    shots: int
    estimate: str
    versions: str


@dataclass(frozen=True, kw_only=True, eq=False)  # arrays have no truth value: by identity
class WorkRecord(WorkSummary):
    """A work with everything that is needed to submit it again.

    Attributes:
        circuit_qpy: The circuit on the device's qubits, as QPY.
        physical_qubits: The device qubit of each of the router's qubits.
        observables: JSON of the observables.
        options: JSON of the options.
        points_PG: Angles of each point in radians, shape (P, G).
    """

    circuit_qpy: bytes
    physical_qubits: tuple[int, ...]
    observables: str
    options: str
    points_PG: FloatArray


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """One job: a contiguous range of the points of a work.

    Attributes:
        tag: Unique; goes out as the tag of the job.
        key: The work that it belongs to.
        index: Its place among the jobs of the work, from 0.
        start: First point.
        stop: One past the last point.
        estimated_seconds: QPU seconds, estimated.
        executions: Executions of circuits, planned.
        max_seconds: QPU time after which the service cuts the latest attempt off; None: no limit.
        state: "planned", "sending", "submitted", "done", "failed" or "cancelled".
        attempts: How many times it was sent.
        job_id: Its id at the service, once known.
        sent_at: When the latest attempt began, UTC.
        submitted_at: When its id came back, UTC.
        finished_at: When its final state was recorded, UTC.
        charged_seconds: QPU seconds that the service charged, once known.
        error: Why it failed.
        session_id: The session or batch that it ran in.
        calibration_hash: Names the calibration it ran under, see `Ledger.calibration`.
        details: JSON of what the service says about it: timestamps, usage.
    """

    tag: str
    key: str
    index: int
    start: int
    stop: int
    estimated_seconds: float
    executions: int
    max_seconds: int | None = None
    state: str = PLANNED
    attempts: int = 0
    job_id: str | None = None
    sent_at: datetime | None = None
    submitted_at: datetime | None = None
    finished_at: datetime | None = None
    charged_seconds: float | None = None
    error: str | None = None
    session_id: str | None = None
    calibration_hash: str | None = None
    details: str = "{}"


Record = TypeVar("Record", WorkSummary, WorkRecord, JobRecord)


def to_row(record: WorkRecord | JobRecord) -> dict[str, Any]:
    """Return the columns of a record by name, as SQLite stores them."""
    return {field.name: _stored(getattr(record, field.name)) for field in fields(record)}


def from_row(kind: type[Record], row: sqlite3.Row) -> Record:
    """Build a record from a row that has at least its columns.

    Raises:
        ValueError: If a column cannot be read.
    """
    return kind(**{field.name: _read(field.name, row[field.name]) for field in fields(kind)})


def to_text(moment: datetime) -> str:
    """Return a moment as text that sorts by time.

    Raises:
        LedgerConflict: If it has no time zone.
    """
    if moment.tzinfo is None:
        raise LedgerConflict(f"a time without a time zone: {moment!r}")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def with_check_sum(content: bytes) -> bytes:
    """Return bytes with a check sum behind them."""
    return content + zlib.crc32(content).to_bytes(4, "big")


def checked(blob: bytes) -> bytes:
    """Return the bytes that `with_check_sum` was given.

    Raises:
        ValueError: If they are not as they were written.
    """
    if zlib.crc32(blob[:-4]).to_bytes(4, "big") != blob[-4:]:
        raise ValueError("the check sum of an array or a circuit is wrong")
    return blob[:-4]


def pack(array: FloatArray) -> bytes:
    """Return an array as `np.save` writes it, a check sum behind it."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array, dtype=np.float64), allow_pickle=False)
    return with_check_sum(buffer.getvalue())


def unpack(blob: bytes) -> FloatArray:
    """Return the array that `pack` stored.

    Raises:
        ValueError: If the bytes are not as they were written.
    """
    array: FloatArray = np.load(io.BytesIO(checked(blob)), allow_pickle=False)
    return array


def _stored(value: Any) -> Any:  # noqa: ANN401 - any column
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, tuple):
        return json.dumps(value)
    if isinstance(value, bytes):
        return with_check_sum(value)
    return pack(value) if isinstance(value, np.ndarray) else value


def _read(name: str, value: Any) -> Any:  # noqa: ANN401 - any column
    if value is None:
        return None
    if name.endswith("_at"):
        return datetime.fromisoformat(value)
    if name in _JSON:
        content = json.loads(value)
        if not isinstance(content, _JSON[name]):
            raise ValueError(f"{name} is not what it was written as: {value[:40]}")
        return tuple(content) if name == "physical_qubits" else value
    if name == "circuit_qpy":
        return checked(value)
    return unpack(value) if name == "points_PG" else value
