"""The records of the ledger, works and their jobs, and their columns in SQLite.

A work is one request: a circuit at P points with O observables on one device. Each of its jobs
executes a contiguous range of the points. A job is first "planned", then "sending" (an attempt to
create it has begun), "submitted" (its id is known), and at last in one of the final states.
"""

import io
import json
import sqlite3
import zlib
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

import numpy as np

from qmoe_qiskit.io.npy_header import check_header
from qmoe_qiskit.typing import FloatArray

PLANNED = "planned"
SENDING = "sending"
SUBMITTED = "submitted"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"
FINAL = (DONE, FAILED, CANCELLED)

# Columns that hold JSON, and the type of their content.
_JSON: dict[str, type[Any]] = {
    "details": dict,
    "estimate": dict,
    "observables": list,
    "options": dict,
    "physical_qubits": list,
    "versions": dict,
}


class LedgerConflict(AssertionError):  # noqa: N818 - a broken promise of the caller, not a user's error
    """An event that contradicts the ledger; nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class WorkSummary:
    """The small columns of a work's record.

    Attributes:
        key: Content hash of the request, 64 hexadecimal digits.
        created_at: The time of the record, UTC.
        spec: The specification of the backend, such as "runtime:least_busy".
        device: The name of the device that the specification was resolved to.
        instance: The name of the service's instance; None if the service has no instances.
        title: The purpose of the work, such as the folder of a run.
        shots: Number of shots per point.
        estimate: The estimate that was shown before submission, as JSON.
        versions: The versions of the libraries, as JSON.
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
    """A work with everything that its submission needs.

    Attributes:
        circuit_qpy: The ISA circuit on the device's qubits, as QPY.
        physical_qubits: The device qubit that holds each router qubit.
        observables: The observables, as JSON.
        options: The settings of the primitive, as JSON.
        points_PG: The angles of each point in radians.
    """

    circuit_qpy: bytes
    physical_qubits: tuple[int, ...]
    observables: str
    options: str
    points_PG: FloatArray


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """One job: it executes a contiguous range of a work's points.

    Attributes:
        tag: The unique tag of the job, at the service too.
        key: The key of the job's work.
        index: The position of the job among the jobs of its work, from 0.
        start: First point.
        stop: One past the last point.
        estimated_seconds: Estimated QPU time in seconds.
        executions: Planned number of circuit executions.
        max_seconds: QPU time in seconds after which the service stops the latest attempt; None if
            it has no limit.
        state: "planned", "sending", "submitted", "done", "failed" or "cancelled".
        attempts: Number of attempts to create the job.
        job_id: The id of the job at the service, once known.
        sent_at: The time when the latest attempt began, UTC.
        submitted_at: The time when the job's id became known, UTC.
        finished_at: The time when its final state was recorded, UTC.
        charged_seconds: QPU time in seconds that the service charged, once known.
        error: The reason why the job failed.
        session_id: The session or batch of the job.
        calibration_hash: The hash of the calibration at execution, see `Ledger.calibration`.
        details: The timestamps and usage that the service reports, as JSON.
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
    """Build a record from a row with at least the record's columns.

    Raises:
        ValueError: If a column cannot be read.
    """
    return kind(**{field.name: _read(field.name, row[field.name]) for field in fields(kind)})


def to_text(moment: datetime) -> str:
    """Return a time as text; the texts sort by time.

    Raises:
        LedgerConflict: If the time has no time zone.
    """
    if moment.tzinfo is None:
        raise LedgerConflict(f"a time without a time zone: {moment!r}")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def with_check_sum(content: bytes) -> bytes:
    """Return the bytes followed by their checksum."""
    return content + zlib.crc32(content).to_bytes(4, "big")


def checked(blob: bytes) -> bytes:
    """Return the content of a blob that `with_check_sum` made.

    Raises:
        ValueError: If the checksum is wrong.
    """
    if zlib.crc32(blob[:-4]).to_bytes(4, "big") != blob[-4:]:
        raise ValueError("the check sum of an array or a circuit is wrong")
    return blob[:-4]


def npy_bytes(array: FloatArray) -> bytes:
    """Return an array as `np.save` writes it."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array, dtype=np.float64), allow_pickle=False)
    return buffer.getvalue()


def pack(array: FloatArray) -> bytes:
    """Return an array as `np.save` writes it, followed by its checksum."""
    return with_check_sum(npy_bytes(array))


def unpack(blob: bytes) -> FloatArray:
    """Return the array that `pack` stored.

    Raises:
        ValueError: If the checksum is wrong, or the blob holds no such array.
    """
    content = checked(blob)
    check_header(io.BytesIO(content), len(content))
    array: FloatArray = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
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
