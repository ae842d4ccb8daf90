"""Tables of studies: as text for pages, as Markdown, and as CSV."""

import csv
import io
import math
import re
from dataclasses import dataclass
from itertools import groupby

from qmoe_qiskit.stats.types import Breakdown, Estimate
from qmoe_qiskit.studies.report.summary import Cell, Column, Table


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A cell as text.

    Attributes:
        text: The value.
        detail: The interval, or "".
        is_number: Whether the cell is aligned to the right.
    """

    text: str
    detail: str = ""
    is_number: bool = True


@dataclass(frozen=True, kw_only=True)
class ShownTable:
    """A table as text.

    Attributes:
        name: Name of the table's files.
        title: Title of the table, a sentence.
        headings: Names of the columns with their units.
        rows: Rows of cells.
        note: How to read the table.
        source: Where the numbers come from.
        kinds: Kinds of the tasks that the table is made from; empty where tasks are not listed.
    """

    name: str
    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Shown, ...], ...]
    note: str
    source: str
    kinds: tuple[str, ...] = ()

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Whether each column has numbers, which are aligned to the right."""
        return tuple(
            any(row[i].is_number and row[i].text for row in self.rows)
            for i in range(len(self.headings))
        )

    @property
    def groups(self) -> tuple[tuple[str, tuple[tuple[Shown, ...], ...]], ...]:
        """The rows grouped under headings, where the first column repeats its text.

        The repeated text becomes the heading of its rows and the first column is left out, if the
        second column is text as well. Other tables are one group without a heading.
        """
        runs = [
            (text, tuple(rows)) for text, rows in groupby(self.rows, key=lambda row: row[0].text)
        ]
        named = len(self.headings) > 2 and runs and not any(self.numeric[:2])
        if not (named and all(text and len(rows) > 1 for text, rows in runs)):
            return (("", self.rows),)
        return tuple(
            (f"{self.headings[0]}: {text}", tuple(row[1:] for row in rows)) for text, rows in runs
        )


def shown_table(table: Table) -> ShownTable:
    """Return a table as text; the note gives the number of seeds if all cells share it."""
    counts = sorted({c.n for row in table.rows for c in row if isinstance(c, Estimate | Breakdown)})
    notes = [f"{table.note.rstrip('.')}."] if table.note else []
    if len(counts) == 1:
        seeds = "1 seed" if counts[0] == 1 else f"{counts[0]} seeds"
        what = "Values" if counts[0] == 1 else "Values with 95 % intervals"
        notes.append(f"{what} are from {seeds}.")
    return ShownTable(
        name=table.name,
        title=table.title,
        headings=tuple(heading(column) for column in table.columns),
        rows=tuple(
            tuple(
                _with_seeds(cell, show(cell, column.digits), told=len(counts) <= 1)
                for cell, column in zip(row, table.columns, strict=True)
            )
            for row in table.rows
        ),
        note=" ".join(notes),
        source=table.source.rstrip("."),
    )


def heading(column: Column) -> str:
    """Return the name of a column with its unit."""
    return f"{column.name} ({column.unit})" if column.unit else column.name


def show(cell: Cell, digits: int) -> Shown:
    """Return a cell as text, with a number of digits after the decimal point."""
    match cell:
        case None | str():
            return Shown(text=cell or "", is_number=False)
        case bool():
            return Shown(text="yes" if cell else "no", is_number=False)
        case int():
            return Shown(text=str(cell))
        case float():
            return Shown(text=number(cell, digits))
        case Estimate():
            interval = f"[{number(cell.low, digits)} to {number(cell.high, digits)}]"
            detail = "" if math.isnan(cell.low) else interval
            return Shown(text=number(cell.value, digits), detail=detail)
        case Breakdown():
            return _show_breakdown(cell, digits)


def _show_breakdown(cell: Breakdown, digits: int) -> Shown:
    def level(value: float) -> str:
        return f"> {cell.last:g}" if value == math.inf else number(value, digits)

    text = level(cell.value)
    if cell.value == math.inf:
        text = f"not reached up to {cell.last:g}"
    elif cell.value == cell.first:
        text = f"{cell.first:g}, from the start"
    if math.isnan(cell.low):
        return Shown(text=text)
    reached = f"reached in {100 * cell.reached:.0f} % of resamples"
    detail = f"({reached})"
    if cell.low < math.inf:
        detail = f"[{level(cell.low)} to {level(cell.high)}], {reached}"
    return Shown(text=text, detail=detail)


def number(value: float, digits: int) -> str:
    """Return a number as text: zero without a sign, and a small number not as zero."""
    if not math.isfinite(value):
        return "" if math.isnan(value) else f"{value:g}"
    text = f"{value + 0.0:.{digits}f}"
    return f"{value:.1e}" if value and not float(text) else text


def to_markdown(table: ShownTable) -> str:
    """Return a table in GitHub's Markdown, without title, note and source."""
    aligned = ["---:" if numeric else "---" for numeric in table.numeric]
    lines = [[escaped(text) for text in table.headings], aligned]
    lines += [[escaped(f"{cell.text} {cell.detail}".strip()) for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def escaped(text: str) -> str:
    """Return text on one line, escaped so that Markdown shows it unchanged."""
    line = re.sub(r"([\\`*_\[\]<>|~$&#])", r"\\\1", " ".join(text.split()))
    # Characters that would begin a list, or underline a heading.
    return re.sub(r"^(\d*)([-+.)=])(?=[ =-]|$)", r"\1\\\2", line)


def to_csv(table: Table) -> str:
    """Return a table as CSV with all digits.

    A column of estimates becomes four: value, low, high and n, the number of seeds. A column of
    breakdown points has a fifth, the share of resamples that reached the point; "inf" there means
    not reached up to the last level. A missing number is an empty cell.
    """
    kinds = [
        next(
            (k for k in (Breakdown, Estimate) if any(isinstance(r[i], k) for r in table.rows)), None
        )
        for i in range(len(table.columns))
    ]
    parts = [_PARTS.get(kind, ()) for kind in kinds]
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(
        text
        for column, names in zip(table.columns, parts, strict=True)
        for text in (heading(column), *(f"{column.name}: {name}" for name in names))
    )
    for row in table.rows:
        cells: list[object] = []
        for cell, names in zip(row, parts, strict=True):
            bare = isinstance(cell, Estimate | Breakdown)
            cells.append(_plain(cell.value if isinstance(cell, Estimate | Breakdown) else cell))
            cells += [_plain(getattr(cell, name, None)) if bare else "" for name in names]
        writer.writerow(cells)
    return content.getvalue()


_PARTS: dict[type | None, tuple[str, ...]] = {
    Estimate: ("low", "high", "n"),
    Breakdown: ("low", "high", "n", "reached"),
}


def _plain(value: object) -> object:
    """Return a value for a CSV file; Python writes every digit of a float."""
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value


def _with_seeds(cell: Cell, shown: Shown, *, told: bool) -> Shown:
    if told or not isinstance(cell, Estimate | Breakdown):
        return shown
    detail = f"{shown.detail}, n = {cell.n}" if shown.detail else f"n = {cell.n}"
    return Shown(text=shown.text, detail=detail)
