"""Errors of the ledger's file as sentences that say what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qmoe_qiskit.errors import LedgerError
from qmoe_qiskit.hardware.ledger.records import LedgerConflict

OTHER = "name another ledger with --ledger or QMOE_LEDGER"
_KEEP = (
    "keep it, for results in it may still be readable; move it aside together with the files of"
    f" its name that end in -wal and -shm, or {OTHER}; jobs stay at the service and are found by"
    " their tags when the same command is given again"
)
# The low byte of SQLite's error code.
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_READ_ONLY = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


@contextmanager
def ledger_errors(path: Path, timeout_s: float) -> Iterator[None]:
    """Translate SQLite's errors for the ledger at `path`.

    Raises:
        LedgerError: If the ledger cannot be used; the message says what to do.
        LedgerConflict: If an event breaks a constraint of the schema: a defect of the caller.
    """
    try:
        yield
    except (sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.DataError):
        raise  # a defect of this package
    except sqlite3.IntegrityError as error:
        raise LedgerConflict(f"the ledger {str(path)!r} refuses: {error}") from error
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _LOCKED:
            raise LedgerError(
                f"the ledger {str(path)!r} was locked by another program for {timeout_s:g} s:"
                f" try again when that has ended, or {OTHER}; what was recorded is safe"
            ) from error
        if code in _FULL:
            raise LedgerError(
                f"the ledger {str(path)!r} cannot be read or written ({error}): make room on its"
                " disk and give the command again; what was recorded before is safe"
            ) from error
        if code in _READ_ONLY or isinstance(error, OSError):
            raise LedgerError(
                f"the ledger {str(path)!r} cannot be opened for writing ({error}): make the file"
                f" and its folder writable, or {OTHER}"
            ) from error
        raise damaged(path, error) from error


def damaged(path: Path, why: object) -> LedgerError:
    """Build the error for an unreadable ledger; nothing ever deletes or overwrites a ledger."""
    return LedgerError(f"the ledger {str(path)!r} is damaged, or no ledger ({why}): {_KEEP}")


def damaged_work(key: str, why: object) -> LedgerError:
    """Build the error for a work whose record can be read but not decoded."""
    return LedgerError(f"the ledger's record of work {key[:8]} is damaged ({why}): {_KEEP}")
