"""The progress bar of a training that takes more than a second."""

import sys
import time
from contextlib import AbstractContextManager

from rich.progress import Progress

# A fit shorter than this draws nothing.
DELAY_S = 1.0


class EpochProgress(AbstractContextManager["EpochProgress"]):
    """A bar on standard error, on a terminal only, once training has taken a second."""

    def __init__(self, total: int, *, done: int = 0, enabled: bool = True) -> None:
        self._total, self._done = total, done
        self._enabled = enabled and sys.stderr.isatty()
        self._started = time.monotonic()
        self._bar: Progress | None = None

    def advance(self, loss: float) -> None:
        """Count one epoch."""
        self._done += 1
        if not self._enabled or time.monotonic() - self._started < DELAY_S:
            return
        from rich.console import Console
        from rich.progress import Progress, TextColumn, TimeRemainingColumn

        if self._bar is None:
            loss_column = TextColumn("loss {task.fields[loss]:.4f}")
            columns = (*Progress.get_default_columns()[:3], loss_column, TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("training", total=self._total, loss=loss)
        self._bar.update(self._task, completed=self._done, loss=loss)

    def __exit__(self, *error: object) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
