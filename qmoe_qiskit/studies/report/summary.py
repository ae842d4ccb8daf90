"""Summary of a study: tables, figures and verdicts, the plain data that pages are made from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmoe_qiskit.stats.types import Breakdown, Estimate, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Draws on an empty figure with constrained layout, or returns another figure.
Draw = Callable[["Figure"], "Figure | None"]


# A number with its interval, a bare number, text, or nothing.
Cell = Estimate | Breakdown | float | int | str | None


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        name: Heading of the column.
        unit: Unit of the numbers, or "".
        digits: Number of digits after the decimal point, for numbers that are not whole.
    """

    name: str
    unit: str = ""
    digits: int = 3


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a study.

    Attributes:
        name: Name of the file without its ending: a-z, 0-9 and _.
        title: Title of the table, a sentence.
        columns: Columns of the table.
        rows: Rows of the table, with one cell per column.
        note: How to read the table: what the intervals are, how many seeds.
        source: Where the numbers come from: kinds and number of tasks.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class FigureSpec:
    """A figure of a study.

    Attributes:
        name: Name of the file without its ending: a-z, 0-9 and _.
        caption: Sentence that says what the figure shows; it is also the alternative text.
        draw: Draws on an empty matplotlib figure with constrained layout, or returns a figure.
        size: Width and height of the empty figure in inches.
    """

    name: str
    caption: str
    draw: Draw
    size: tuple[float, float] = (7.0, 4.2)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Everything that a study found.

    Attributes:
        tables: Tables of the study.
        verdicts: One verdict per claim, corrected over all claims of the study.
        figures: Figures of the study.
        remarks: Sentences that a reader needs to judge the results.
    """

    tables: tuple[Table, ...]
    verdicts: tuple[Verdict, ...] = ()
    figures: tuple[FigureSpec, ...] = ()
    remarks: tuple[str, ...] = ()


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
