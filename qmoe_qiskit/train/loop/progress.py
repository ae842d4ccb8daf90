"""The progress bar of a training that takes more than a second: on a terminal, in a notebook."""

import sys
import time
from contextlib import AbstractContextManager
from typing import Protocol

from qmoe_qiskit.train.loop.notebook import NotebookBar, in_notebook

# A fit shorter than this draws nothing.
DELAY_S = 1.0
# A bar is drawn anew after this time.
_REDRAW_S = 0.1


class _Bar(Protocol):
    def draw(self, done: int, remark: str) -> None:
        """Show how many epochs are done, and what is said of the last."""

    def close(self, done: int, remark: str) -> None:
        """Show the end."""


class EpochProgress(AbstractContextManager["EpochProgress"]):
    """A bar that is drawn once training has taken a second.

    On a terminal it stands on standard error and is gone afterwards. In a notebook it stands in the
    cell's output, and stays there. Elsewhere nothing is drawn.
    """

    def __init__(self, total: int, *, done: int = 0, enabled: bool = True) -> None:
        self._total, self._done = total, done
        self._notebook = enabled and in_notebook()
        self._enabled = self._notebook or (enabled and sys.stderr.isatty())
        self._started = self._drawn = time.monotonic()
        self._first, self._remark = done, "loss 0.0000"
        self._bar: _Bar | None = None

    def advance(self, loss: float, load: str = "") -> None:
        """Count one epoch, with its loss and what is said of the experts' load."""
        self._done += 1
        self._remark = f"loss {loss:.4f}" + (load and f", {load}")
        now = time.monotonic()
        if not self._enabled or now - self._started < DELAY_S:
            return
        if self._bar is None:
            kind = _NotebookProgress if self._notebook else _TerminalProgress
            self._bar = kind(self._total, self._first, self._started)
        elif now - self._drawn < _REDRAW_S:
            return
        self._drawn = now
        self._bar.draw(self._done, self._remark)

    def __exit__(self, *error: object) -> None:
        """Remove the bar, or let it show the end."""
        if self._bar is not None:
            self._bar.close(self._done, self._remark)


class _TerminalProgress:
    def __init__(self, total: int, _first: int, _started: float) -> None:
        from rich.console import Console
        from rich.progress import Progress, TextColumn, TimeRemainingColumn

        remark = TextColumn("{task.fields[remark]}")
        columns = (*Progress.get_default_columns()[:3], remark, TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task("training", total=total, remark="")

    def draw(self, done: int, remark: str) -> None:
        self._bar.update(self._task, completed=done, remark=remark)

    def close(self, done: int, remark: str) -> None:
        self.draw(done, remark)
        self._bar.stop()


class _NotebookProgress:
    def __init__(self, total: int, first: int, started: float) -> None:
        self._bar = NotebookBar(total)
        self._total, self._first, self._started = total, first, started

    def draw(self, done: int, remark: str) -> None:
        left_s = (self._total - done) * self._taken_s / (done - self._first)
        self._bar.show(done, f"{remark}, {left_s:.0f} s left")

    def close(self, done: int, remark: str) -> None:
        self._bar.show(done, f"{remark}, {self._taken_s:.1f} s")

    @property
    def _taken_s(self) -> float:
        return time.monotonic() - self._started
