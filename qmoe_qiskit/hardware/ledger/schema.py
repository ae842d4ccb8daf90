"""The file of the ledger: its tables, its schema version, and how it is opened.

`PRAGMA application_id` marks a SQLite file as a ledger; `user_version` is its schema version.
"""

import os
import sqlite3
import time
from pathlib import Path

from qmoe_qiskit.errors import LedgerError
from qmoe_qiskit.hardware.ledger.errors import OTHER, damaged, ledger_errors
from qmoe_qiskit.hardware.ledger.records import with_check_sum

APPLICATION_ID = 0x514D6F45  # "QMoE"
VERSION = 2
_HEADER = 100  # length in bytes of the header of a SQLite file

# Large columns come last: SQLite reads a row from its beginning.
SCHEMA = (
    """CREATE TABLE works (
        key TEXT PRIMARY KEY,
        created_at TEXT NOT NULL,
        spec TEXT NOT NULL,
        device TEXT NOT NULL,
        instance TEXT,
        title TEXT NOT NULL,
        shots INTEGER NOT NULL,
        estimate TEXT NOT NULL,
        versions TEXT NOT NULL,
        physical_qubits TEXT NOT NULL,
        observables TEXT NOT NULL,
        options TEXT NOT NULL,
        circuit_qpy BLOB NOT NULL,
        points_PG BLOB NOT NULL)""",
    """CREATE TABLE jobs (
        tag TEXT PRIMARY KEY,
        key TEXT NOT NULL REFERENCES works (key),
        "index" INTEGER NOT NULL,
        start INTEGER NOT NULL,
        stop INTEGER NOT NULL,
        estimated_seconds REAL NOT NULL,
        executions INTEGER NOT NULL,
        max_seconds INTEGER,
        state TEXT NOT NULL CHECK
            (state IN ('planned', 'sending', 'submitted', 'done', 'failed', 'cancelled')),
        attempts INTEGER NOT NULL,
        job_id TEXT UNIQUE,
        sent_at TEXT,
        submitted_at TEXT,
        finished_at TEXT,
        charged_seconds REAL,
        error TEXT,
        session_id TEXT,
        calibration_hash TEXT,
        details TEXT NOT NULL,
        UNIQUE (key, "index"),
        CHECK (state NOT IN ('submitted', 'done') OR job_id IS NOT NULL))""",
    """CREATE TABLE attempts (
        tag TEXT NOT NULL REFERENCES jobs (tag),
        at TEXT NOT NULL)""",
    "CREATE INDEX attempts_at ON attempts (at)",
    """CREATE TABLE results (
        tag TEXT PRIMARY KEY REFERENCES jobs (tag),
        values_PO BLOB NOT NULL,
        std_errors_PO BLOB NOT NULL)""",
    "CREATE TABLE calibrations (hash TEXT PRIMARY KEY, profile TEXT NOT NULL)",
    # The process that holds the right to submit, or was the last to hold it.
    "CREATE TABLE holder (row INTEGER PRIMARY KEY CHECK (row = 1), name TEXT NOT NULL)",
)
# For each older version, the statements that upgrade it to the next one.
MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: ("UPDATE works SET circuit_qpy = with_check_sum(circuit_qpy)",)
}


def ledger_path(path: str | Path | None) -> Path:
    """Return the path of the ledger: `path`, else QMOE_LEDGER, else ~/.qmoe/ledger.sqlite.

    Raises:
        LedgerError: If the path cannot be resolved, such as a link to itself.
    """
    chosen = path or os.environ.get("QMOE_LEDGER") or Path("~/.qmoe/ledger.sqlite")
    try:
        return Path(chosen).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise LedgerError(f"{str(chosen)!r} cannot be a ledger ({error}): {OTHER}") from error


def open_ledger(path: Path, timeout_s: float) -> sqlite3.Connection:
    """Open a ledger, or create one that only its owner can read.

    Processes may open or create the same ledger at once, and may be killed at any moment.

    Raises:
        LedgerError: If the file cannot be created, is locked, damaged, no ledger, or too new.
    """
    _check_place(path)
    with ledger_errors(path, timeout_s):
        connection = sqlite3.connect(
            path, timeout=timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            if path.stat().st_size == 0:  # new; SQLite's files beside it take its mode
                path.chmod(0o600)
            if _version(connection, path) < VERSION:
                _upgrade(connection, path, timeout_s)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            # A job's id must survive a loss of power.
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
    return connection


def _check_place(path: Path) -> None:
    """Create the folder; refuse what SQLite accepts or explains poorly."""
    try:
        log = path.with_name(f"{path.name}-wal")
        # SQLite deletes the log of an empty file. Look at the log first: a new ledger's log is
        # created after its file. Look once: another process that closes the ledger deletes it.
        log_size = _size(log)
        size = _size(path)
        if path.exists() and not path.is_file():
            raise LedgerError(f"the ledger {str(path)!r} is not a file: {OTHER}")
        if log_size and not size:
            raise damaged(path, f"it is empty or gone, while {log.name!r} beside it holds records")
        if 0 < size < _HEADER:  # SQLite overwrites a file of one byte
            raise damaged(path, f"it ends after {size} bytes")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"the ledger {str(path)!r} cannot be created ({error}): make its folder writable, or"
            f" {OTHER}"
        ) from error


def _size(path: Path) -> int:
    """Return a file's size in bytes, 0 if there is no such file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Return a file's schema version, 0 if it is empty; refuse other applications and versions."""
    application, version, tables = connection.execute(
        "SELECT (SELECT application_id FROM pragma_application_id),"
        " (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_master)"
    ).fetchone()
    if application != APPLICATION_ID and (application or version or tables):
        raise LedgerError(
            f"{str(path)!r} is the database of another application, not a ledger: {OTHER}"
        )
    if version > VERSION:
        raise LedgerError(
            f"the ledger {str(path)!r} is of schema {version}, and this version of qmoe-qiskit"
            f" reads up to {VERSION}: update qmoe-qiskit, or {OTHER}"
        )
    return int(version)


def _upgrade(connection: sqlite3.Connection, path: Path, timeout_s: float) -> None:
    """Create the tables, or upgrade an older schema, in one transaction."""
    _write_ahead(connection, timeout_s)
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.create_function("with_check_sum", 1, with_check_sum, deterministic=True)
        version = _version(connection, path)  # another process may have upgraded it
        while version < VERSION:
            for statement in MIGRATIONS[version] if version else SCHEMA:
                connection.execute(statement)
            version = version + 1 if version else VERSION
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _write_ahead(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Turn the write-ahead log on; SQLite itself does not wait for other processes here."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
