"""Files that are written as a whole or not at all, whoever else writes to the same folder."""

import os
import uuid
from contextlib import suppress
from pathlib import Path

_PART = ".part"


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file's contents; a reader sees the old or the new ones, even after a power cut.

    Any number of processes may do so at once, on any number of machines.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If the path holds a null character.
    """
    while not _try_to_write(path, data):
        pass


def part_of(path: Path) -> Path:
    """Return the path of a new part, as which a file is written before it has its name."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}{_PART}")


def is_part(path: Path, name: str = "*") -> bool:
    """Whether a file is a part of a file of that name, left by a process that was killed."""
    return path.match(f".{name}.*{_PART}")


def remove_parts(folder: Path, name: str = "*") -> None:
    """Remove the parts that killed processes have left in a folder, of one file or of all.

    A part that a living process is writing may go too: that process begins again.
    """
    for path in folder.glob(f".{name}.*{_PART}"):
        with suppress(OSError):  # another process was faster, or the file is still in use
            path.unlink()


def _try_to_write(path: Path, data: bytes) -> bool:
    """Try to replace a file's contents; return False if another process removed the part."""
    part = part_of(path)
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            part.replace(path)
        except FileNotFoundError:
            return False  # if the folder itself is gone, the next attempt says so
    finally:
        part.unlink(missing_ok=True)
    return True
