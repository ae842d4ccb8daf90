"""The progress of a study: a bar on a terminal, only problems in a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from qmoe_qiskit.cli.output.documents import remark

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from qmoe_qiskit.studies.engine.runner import Progress


class StudyProgress:
    """A context that shows the progress of a study on stderr.

    Attributes:
        last: The progress that was shown last.
    """

    def __init__(self, name: str) -> None:
        self.last: Progress | None = None
        self._name = name
        self._bar: Bar | None = None
        self._line: TaskID | None = None

    def __enter__(self) -> Self:
        from rich import progress
        from rich.console import Console

        screen = Console(stderr=True, markup=False, highlight=False)
        if screen.is_terminal:
            self._bar = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeElapsedColumn(),
                progress.TextColumn("left"),
                progress.TimeRemainingColumn(),
                console=screen,
                transient=True,
                speed_estimate_period=3600,  # a task may take minutes
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show new progress."""
        before, self.last = self.last, progress
        if before is None and progress.redone:
            reasons = ", ".join(f"{count} {fault}" for fault, count in progress.redone.items())
            self._remark(f"note: existing results that are computed again: {reasons}")
        if progress.restarts > (before.restarts if before else 0):
            self._remark("note: workers died and were started again; no result is lost")
        if self._bar is None:
            return
        if self._line is None:
            # Results that existed before say nothing about the time of the others.
            self._line = self._bar.add_task(
                self._name, total=progress.total, completed=progress.done
            )
        else:
            self._bar.update(self._line, completed=progress.done)

    def _remark(self, text: str) -> None:
        if self._bar is None:
            remark(text)
        else:
            self._bar.console.print(text)
