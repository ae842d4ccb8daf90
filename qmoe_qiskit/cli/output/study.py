"""A study on a terminal: its progress and its summary, which is also given as JSON."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Self

from qmoe_qiskit.cli.output.documents import console, remark
from qmoe_qiskit.cli.output.wide_tables import fitting_tables

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from qmoe_qiskit.studies.engine.runner import Progress
    from qmoe_qiskit.studies.report.summary import Cell, Summary


def show_summary(summary: Summary) -> None:
    """Print the verdicts and the tables."""
    from qmoe_qiskit.studies.report.tables import shown_table

    screen = console()
    for table in map(shown_table, summary.tables):
        screen.print(f"\n{table.title}", soft_wrap=True)
        for part in fitting_tables(table, screen.width):
            screen.print(part)
        for line in filter(None, (table.note, table.source)):
            screen.print(line, soft_wrap=True)
    if summary.verdicts or summary.remarks:
        screen.print()
    for line in (*map(str, summary.verdicts), *summary.remarks):
        screen.print(line, soft_wrap=True)


def summary_document(summary: Summary) -> dict[str, Any]:
    """Return verdicts and tables as JSON types; a number that is not finite is null."""
    return {
        "verdicts": [
            _finite({**dataclasses.asdict(verdict), "text": str(verdict)})
            for verdict in summary.verdicts
        ],
        "tables": [
            {
                "name": table.name,
                "title": table.title,
                "columns": [dataclasses.asdict(column) for column in table.columns],
                "rows": [[_cell(cell) for cell in row] for row in table.rows],
                "note": table.note,
                "source": table.source,
            }
            for table in summary.tables
        ],
        "remarks": list(summary.remarks),
    }


def _cell(cell: Cell) -> Any:  # noqa: ANN401 - JSON
    from qmoe_qiskit.stats.types import Breakdown, Estimate

    if isinstance(cell, Breakdown):
        return _finite({**dataclasses.asdict(cell), "text": str(cell)})
    return _finite(dataclasses.asdict(cell) if isinstance(cell, Estimate) else cell)


def _finite(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


class StudyProgress:
    """A context that shows the progress of a study on stderr: a bar, or in a pipe only problems.

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

    def __exit__(self, *error: object) -> None:
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
