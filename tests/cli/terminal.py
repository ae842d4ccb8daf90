"""A terminal that tests start programs at, and read and type at as a user does."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_S = 240.0


class Terminal:
    """A program at a terminal of its own."""

    def __init__(self, command: list[str], cwd: Path) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        self.shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._ours)
        self.process.kill()
        self.process.wait()

    def until(self, text: str) -> None:
        """Read until a text is shown."""
        limit = time.monotonic() + LIMIT_S
        while text not in self.shown:
            assert time.monotonic() < limit, self.shown
            assert self._read(), self.shown

    def answer(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Read until the program ends; returns its exit code."""
        while self._read():
            pass
        return self.process.wait(timeout=LIMIT_S)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], LIMIT_S)
        assert ready, self.shown
        try:
            some = os.read(self._ours, 65536)
        except OSError:  # the program has closed its side
            return False
        self.shown += some.decode(errors="replace")
        return bool(some)
