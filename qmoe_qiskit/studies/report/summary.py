"""What a study found: tables, figures, verdicts. Plain data, from which pages are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmoe_qiskit.stats.types import Breakdown, Estimate, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Draws on an empty figure with constrained layout, or returns a figure of its own.
Draw = Callable[["Figure"], "Figure | None"]


# A number with its interval, a bare number, text, or nothing.
Cell = Estimate | Breakdown | float | int | str | None


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        unit: Of its numbers, or "".
        digits: Behind the decimal point, of numbers that are not whole.
    """

    name: str
    unit: str = ""
    digits: int = 3


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a study.

    Attributes:
        name: Of its file: a-z, 0-9 and _.
        title: A sentence.
        columns: Its columns.
        rows: A cell for each column.
        note: How to read it: what the intervals are, how many seeds.
        source: What its numbers come from: kinds and number of tasks.
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
        name: Of its file: a-z, 0-9 and _.
        caption: What it shows, a sentence; also the text for those who do not see it.
        draw: Draws it on an empty matplotlib figure with constrained layout, or returns one.
        size: Width and height of the empty figure in inches.
    """

    name: str
    caption: str
    draw: Draw
    size: tuple[float, float] = (7.0, 4.2)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a study found.

    Attributes:
        tables: Tables.
        verdicts: One for each claim, corrected over all claims of the study.
        figures: Figures.
        remarks: Sentences a reader needs to judge it.
    """

    tables: tuple[Table, ...]
    verdicts: tuple[Verdict, ...] = ()
    figures: tuple[FigureSpec, ...] = ()
    remarks: tuple[str, ...] = ()
