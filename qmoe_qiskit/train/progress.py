"""The progress bar of a training that takes more than a second."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager

# A fit shorter than this draws nothing.
DELAY_S = 1.0


class EpochProgress(AbstractContextManager["EpochProgress"]):
    """A bar on standard error, on a terminal only, once training has taken a second.

    Args:
        total: Number of epochs.
        done: Number of finished epochs.
        enabled: Whether to show a bar.
    """

    def __init__(self, total: int, *, done: int = 0, enabled: bool = True) -> None:
        self._total, self._done = total, done
        self._enabled = enabled and sys.stderr.isatty()
        self._started = time.monotonic()
        self._bar: AbstractContextManager[object] | None = None

    def advance(self, loss: float) -> None:
        """Count one epoch."""
        self._done += 1
        if not self._enabled or time.monotonic() - self._started < DELAY_S:
            return
        from rich.console import Console
        from rich.progress import Progress, TextColumn, TimeRemainingColumn

        if self._bar is None:
            columns = (TextColumn("loss {task.fields[loss]:.4f}"), TimeRemainingColumn())
            self._progress = Progress(
                *Progress.get_default_columns()[:3],
                *columns,
                console=Console(stderr=True),
                transient=True,
            )
            self._bar = self._progress
            self._progress.start()
            self._task = self._progress.add_task("training", total=self._total, loss=loss)
        self._progress.update(self._task, completed=self._done, loss=loss)

    def __exit__(self, *error: object) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._progress.stop()
