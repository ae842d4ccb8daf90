"""Opening files that somebody else may have made: only regular files, of limited size."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from qmoe_qiskit.limits import size_shown

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
# A pipe that takes the file's place between two looks must not make the program wait.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class UnusableFileError(OSError):
    """A path that leads to no regular file, or to one that is too large; the text says why."""


def open_regular(path: str | Path, at_most: int) -> BinaryIO:
    """Open a file for reading, if it is a regular one after all links are followed.

    Args:
        path: The path of the file.
        at_most: The largest size, in bytes, that is accepted.

    Raises:
        UnusableFileError: If the path leads to a pipe, a device or a socket, or the file is larger.
        OSError: If it cannot be opened, as for `open`.
        ValueError: If the path holds a null character.
    """
    check_regular(path, at_most)  # first: to open a device can have effects
    descriptor = os.open(path, _FLAGS)
    try:
        _check(os.fstat(descriptor), at_most)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: str | Path, at_most: int) -> bytes:
    """Return the content of a file, see `open_regular`."""
    with open_regular(path, at_most) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1) or b""
    if len(content) > size:
        raise UnusableFileError("it grows while it is read")
    return content


def check_regular(path: str | Path, at_most: int) -> None:
    """Look at a file that something else is to open; raises what `open_regular` raises."""
    _check(os.stat(path), at_most)  # noqa: PTH116 - a path may be text


def _check(status: os.stat_result, at_most: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    for is_kind, name in _KINDS:
        if is_kind(status.st_mode):
            raise UnusableFileError(f"it is {name}, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise UnusableFileError("it is not a file")
    if status.st_size > at_most:
        raise UnusableFileError(
            f"it takes {status.st_size:,} bytes, and at most {size_shown(at_most)} are read"
        )
