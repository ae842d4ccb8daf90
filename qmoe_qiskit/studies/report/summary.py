"""Summary of a study: tables, figures and verdicts, the plain data that pages are made from."""

from __future__ import annotations

from collections.abc import Callable
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
