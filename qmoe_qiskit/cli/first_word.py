"""A word on the terminal until a command says something itself: libraries take seconds to load."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ERASE = "\r\x1b[K"


class _Watched:
    """A text stream that calls a function before it is written to."""

    def __init__(self, stream: TextIO, before: Callable[[], None]) -> None:
        self._stream = stream
        self._before = before

    def write(self, text: str) -> int:
        self._before()
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - those of the stream
        return getattr(self._stream, name)


@contextmanager
def first_word(text: str) -> Iterator[None]:
    """Show a text on a terminal's stderr until something else is written; in a pipe nothing.

    Args:
        text: The text, without a line break; nothing happens if it is empty.
    """
    out, err = sys.stdout, sys.stderr
    if not text or err is None or not err.isatty():
        yield
        return
    shown = [text]

    def erase() -> None:
        if shown:
            shown.clear()
            err.write(_ERASE)
            err.flush()

    err.write(text)
    err.flush()
    sys.stderr = _Watched(err, erase)
    sys.stdout = _Watched(out, erase) if out is not None else out
    try:
        yield
    finally:
        erase()
        sys.stdout, sys.stderr = out, err
