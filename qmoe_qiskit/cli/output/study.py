"""The summary of a study, on a terminal and as JSON."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.cli.output.documents import console
from qmoe_qiskit.cli.output.tables import open_table

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from qmoe_qiskit.studies.report.summary import Cell, Summary
    from qmoe_qiskit.studies.report.tables import ShownTable


def show_summary(summary: Summary) -> None:
    """Print the verdicts and the tables."""
    from qmoe_qiskit.studies.report.tables import shown_table

    screen = console()
    for table in map(shown_table, summary.tables):
        screen.print(f"\n{table.title}", soft_wrap=True)
        screen.print(_rich_table(table))
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


def _rich_table(table: ShownTable) -> RichTable:
    screen = open_table()
    for index, heading in enumerate(table.headings):
        is_number = any(row[index].is_number and row[index].text for row in table.rows)
        screen.add_column(heading, justify="right" if is_number else "left")
    for row in table.rows:
        screen.add_row(*(f"{cell.text}\n{cell.detail}".strip() for cell in row))
    return screen


def _cell(cell: Cell) -> Any:  # noqa: ANN401 - JSON
    from qmoe_qiskit.stats.types import Breakdown, Estimate

    if isinstance(cell, Breakdown):
        return _finite({**dataclasses.asdict(cell), "text": str(cell)})
    return _finite(dataclasses.asdict(cell) if isinstance(cell, Estimate) else cell)


def _finite(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
