"""Tables made from rows or columns, so that the heading of a column stands beside its cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from qmoe_qiskit.studies.report.summary import Cell, Column, Table

Row = Mapping[str | Column, Cell]
Columns = Mapping[str | Column, Sequence[Cell]]


def column(name: str, digits: int = 3, unit: str = "") -> Column:
    """Return a column; its name alone stands for one of three digits without a unit."""
    return Column(name=name, digits=digits, unit=unit)


def table_of_rows(rows: Iterable[Row], **texts: str) -> Table:
    """Return a table from rows, one at least, that map each column to a cell.

    Args:
        rows: The rows.
        texts: Name, title, note and source of the table, see `Table`.

    >>> table_of_rows([{"router": "linear", column("size", 0): 6}], name="a", title="A").rows
    (('linear', 6),)
    """
    rows = list(rows)
    columns = tuple(c if isinstance(c, Column) else column(c) for c in rows[0])
    return Table(columns=columns, rows=tuple(tuple(row.values()) for row in rows), **texts)


def rows_of(columns: Columns) -> list[Row]:
    """Return the rows of columns, which map their headings to their cells."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
