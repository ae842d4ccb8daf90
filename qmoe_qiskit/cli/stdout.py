"""Standard output that may not take what is written: a full disk, a closed pipe."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

# As in sysexits.h, and as a shell sees a program that SIGPIPE ended.
NOT_WRITTEN, CLOSED_PIPE = 74, 141


class OutputError(Exception):
    """Standard output has not taken what was written."""


class _Checked:
    """A text stream whose failures to write are told apart from those of other files."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            raise OutputError from error

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            raise OutputError from error

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - those of the stream
        return getattr(self._stream, name)


@contextmanager
def checked_stdout() -> Iterator[None]:
    """End the program with a documented exit code where standard output fails.

    A pipe that its reader has closed, as `| head` does, ends it silently; anything else in one
    sentence.
    """
    stream = sys.stdout
    if stream is None:  # closed before the program began
        yield
        return
    sys.stdout = _Checked(stream)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OutputError as error:
        # What is left in the buffer cannot be written either: Python would complain at its end.
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), stream.fileno())
        if isinstance(error.__cause__, BrokenPipeError):
            raise SystemExit(CLOSED_PIPE) from None
        reason = getattr(error.__cause__, "strerror", None) or "unknown reason"
        sys.stderr.write(
            f"error: the output could not be written ({reason.lower()}): free some space, or write "
            "it elsewhere; what the command stored is kept\n"
        )
        raise SystemExit(NOT_WRITTEN) from None
    finally:
        sys.stdout = stream
