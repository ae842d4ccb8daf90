"""Files of studies and reports: whole or not there, whoever else writes to the same folder."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PART = ".part"


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file's contents; a reader sees the old or the new ones, also after a power cut.

    Any number of processes may do so at once, on any number of machines.
    """
    while not _written(path, data):
        pass


def is_part(path: Path, name: str = "*") -> bool:
    """Whether a file is what a killed process may leave: a part of another one of some name."""
    return path.match(f".{name}.*{_PART}")


def remove_parts(folder: Path) -> None:
    """Remove what killed processes have left in a folder.

    A part that a living process is just writing may go too: that process begins it again.
    """
    for path in folder.glob(f".*{_PART}"):
        with suppress(OSError):  # another process was faster, or may not lose it yet
            path.unlink()


def _written(path: Path, data: bytes) -> bool:
    """Try to replace a file's contents; False if somebody has removed the part before."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}{_PART}")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            part.replace(path)
        except FileNotFoundError:
            return False  # if it is the folder that is gone, the next attempt says so
    finally:
        part.unlink(missing_ok=True)
    return True
