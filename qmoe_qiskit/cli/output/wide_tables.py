"""Tables that may be wider than the terminal: in parts, so that nothing is cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmoe_qiskit.cli.output.tables import open_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from qmoe_qiskit.studies.report.tables import ShownTable

_BETWEEN, _EDGES = 3, 2  # characters between two columns, and at both ends of a line
_LONGEST = 26  # longer lines of numbers and intervals are wrapped


@dataclass(frozen=True, kw_only=True)
class _Column:
    """A column: its cells, and the widths that it needs at least and at best."""

    heading: str
    cells: tuple[str, ...]
    is_numeric: bool
    least: int
    best: int


def fitting_tables(table: ShownTable, width: int) -> list[Table]:
    """Return a study's table as tables no wider than `width`, each with the names of the rows."""
    columns = [_column(table, index) for index in range(len(table.headings))]
    n_names = _names(table, columns, width)
    names, remaining = columns[:n_names], columns[n_names:]
    parts = [list(names)]
    for column in remaining:
        if len(parts[-1]) > len(names) and _total([*parts[-1], column]) > width:
            parts.append(list(names))
        parts[-1].append(column)
    return [_rich_table(part, width) for part in parts]


def _names(table: ShownTable, columns: Sequence[_Column], width: int) -> int:
    """Return how many columns name a row: those before the first interval, in half the width."""
    count = 1
    while (
        count < len(columns)
        and not any(row[count].detail for row in table.rows)
        and _total(columns[: count + 1]) <= width / 2
    ):
        count += 1
    return count


def _column(table: ShownTable, index: int) -> _Column:
    heading, is_numeric = table.headings[index], table.numeric[index]
    cells = [row[index] for row in table.rows]
    lines = [line for cell in cells for line in (cell.text, cell.detail) if line]
    kept = [line for line in lines if is_numeric and len(line) <= _LONGEST]
    words = [word for line in (heading, *lines) for word in line.split()]
    return _Column(
        heading=heading,
        cells=tuple(f"{cell.text}\n{cell.detail}".strip() for cell in cells),
        is_numeric=is_numeric,
        least=max(map(len, (*words, *kept)), default=1),
        best=max(map(len, (*lines, heading)), default=1),
    )


def _total(columns: Sequence[_Column]) -> int:
    return _EDGES + sum(column.least + _BETWEEN for column in columns) - _BETWEEN


def _rich_table(columns: Sequence[_Column], width: int) -> Table:
    widths = {id(column): column.least for column in columns}
    spare = max(0, width - _total(columns))
    # The names of rows get the spare room first.
    for column in sorted(columns, key=lambda column: column.is_numeric):
        more = min(spare, column.best - column.least)
        widths[id(column)] += more
        spare -= more
    table = open_table()
    for column in columns:
        table.add_column(
            column.heading,
            justify="right" if column.is_numeric else "left",
            width=min(widths[id(column)], width),
            overflow="fold",  # a word longer than the terminal is continued on the next line
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*row)
    return table
