"""Reading text with separated values so that every error message can name the line.

The standard library's reader keeps the numbers of lines. A data-frame reader skips blank lines
silently, pads short rows, takes an additional first column for an index and renames equal columns.
"""

import csv
import io
import math
import re
import reprlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit import limits
from qmoe_qiskit.data.labels import check_labels, parse_booleans, parse_labels, parse_number
from qmoe_qiskit.errors import DataError
from qmoe_qiskit.typing import FloatArray

_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(e[+-]?[0-9]+)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, eq=False)
class CsvTable:
    """A file as text, checked to be a table; see `qmoe_qiskit.data.table.Table`.

    Attributes:
        file: The path as given and quoted, for messages.
        columns: Names from the header; unique.
        rows: The cells of each row, without surrounding blanks.
        lines: Per row, the line of the file on which it begins, from 1.
    """

    file: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    lines: Sequence[int]

    def texts(self, column: str) -> list[str]:
        """See `Table.texts`."""
        index = self.columns.index(column)
        return [row[index] for row in self.rows]

    def numbers(self, column: str) -> FloatArray:
        """See `Table.numbers`."""
        cells = self.texts(column)
        booleans_N = parse_booleans(cells)
        if booleans_N is not None:
            return booleans_N.astype(np.float64)
        return np.array([self._number(cell, row, column) for row, cell in enumerate(cells)])

    def labels(self, column: str) -> NDArray[Any]:
        """See `Table.labels`."""
        cells = self.texts(column)
        if "" in cells:
            where = self._where(cells.index(""), column)
            raise DataError(f"{where}: the label is missing: complete or remove the row")
        longest = max(map(len, cells))
        if longest * len(cells) > limits.CELLS:  # an array gives every label that much room
            row = next(row for row, cell in enumerate(cells) if len(cell) == longest)
            raise DataError(
                f"{self._where(row, column)}: the label has {longest} characters, and "
                f"{len(cells)} of that length are more than {limits.shown('CELLS')}: shorten it"
            )
        return check_labels(parse_labels(cells), lambda row: self._where(row, column))

    def _number(self, cell: str, row: int, column: str) -> float:
        try:
            number = parse_number(cell)
            if math.isfinite(number):
                return number
            problem = f"{reprlib.repr(cell)} is not a finite number: correct or remove the row"
        except ValueError:
            problem = f"{reprlib.repr(cell)} is not a number: "
            if _DECIMAL_COMMA.fullmatch(cell):
                problem += "write a point, not a comma, before the decimals"
            else:
                problem += "encode the column as numbers or remove it"
        if not cell:
            problem = "the value is missing: complete or remove the row"
        raise DataError(f"{self._where(row, column)}: {problem}")

    def _where(self, row: int, column: str) -> str:
        return f"{self.file}, line {self.lines[row]}, column {column!r}"


def parse_table(content: bytes, file: str, delimiter: str) -> CsvTable:
    """Read UTF-8 text of separated values whose first line names the columns.

    Fields may be quoted and may then hold delimiters and line breaks. A byte order mark is ignored,
    and so are blank lines and rows of nothing but empty fields. Where commas are expected and the
    header has none but semicolons, as spreadsheets write in many countries, these stand between the
    fields.

    Args:
        content: The file's bytes.
        file: The path as given and quoted, for messages.
        delimiter: What stands between the fields: a comma or a tab.

    Raises:
        DataError: If there are too many cells, or the bytes are not UTF-8 text, or not a table with
            a header.
    """
    _check_size(file, content, delimiter)
    text = _decode(file, content)
    records = _records(file, text, delimiter)
    _, columns = next(records, (0, []))
    if delimiter == "," and len(columns) == 1 and ";" in columns[0]:
        delimiter = ";"
        _check_size(file, content, delimiter)
        records = _records(file, text, delimiter)
        _, columns = next(records, (0, []))
    _check_header(file, columns, delimiter)
    rows, lines = [], []
    for line, cells in records:
        if len(cells) != len(columns):
            raise DataError(
                f"{file}, line {line}: the number of fields is {len(cells)} here and "
                f"{len(columns)} in the header"
            )
        rows.append(cells)
        lines.append(line)
    if not rows:
        raise DataError(f"{file} has a header and no rows")
    return CsvTable(file=file, columns=tuple(columns), rows=rows, lines=lines)


def looks_like_data(columns: Sequence[str]) -> bool:
    """Whether a header is made of numbers alone: then the file probably has none."""
    try:
        return all(math.isfinite(parse_number(column)) for column in columns)
    except ValueError:
        return False


def _check_size(file: str, content: bytes, delimiter: str) -> None:
    """Refuse more cells than there may be, before any of them takes memory."""
    if b"\0" in content:
        _decode(file, content[: limits.SETTINGS_BYTES])  # in UTF-16 the first byte is to blame
        raise _not_text(file)
    n_cells = sum(map(content.count, (delimiter.encode(), b"\n", b"\r")))
    if n_cells > limits.CELLS:
        raise DataError(f"{file} has more than {limits.shown('CELLS')} cells: take fewer rows")


def _decode(file: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file} is not UTF-8 text (byte {error.start} is 0x{content[error.start]:02x}): save "
            f"it as CSV in UTF-8"
        ) from None
    if "\0" in text:
        raise _not_text(file)
    return text


def _not_text(file: str) -> DataError:
    return DataError(f"{file} is not text (it holds NUL characters): save it as CSV in UTF-8")


def _records(file: str, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield every record that is not blank, with the line on which it begins."""
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=delimiter != "\t")
    line = 1
    try:
        for record in reader:
            if len(record) > limits.COLUMNS:
                raise DataError(
                    f"{file}, line {line}: the row has {len(record)} fields: at most "
                    f"{limits.COLUMNS} columns are accepted"
                )
            cells = [cell.strip() for cell in record]
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{file}, line {line}: the row cannot be read: {error}") from None


def _check_header(file: str, columns: Sequence[str], delimiter: str) -> None:
    if not columns:
        raise DataError(f"{file} has no header: its first line must name the columns")
    if len(columns) == 1 and (marks := {";", "\t", ","} & set(columns[0])):
        mark, names = min(marks - {","} or marks), {",": "comma", ";": "comma", "\t": "tab"}
        advice = "name it .tsv, or " * (mark == "\t") + "name it .csv, or " * (mark == ",")
        raise DataError(
            f"{file} has no {names[delimiter]} in its header but {mark!r}: {advice}save it with "
            f"{names[delimiter]}s between the fields"
        )
    if "" in columns:
        raise DataError(
            f"{file}: column {columns.index('') + 1} has no name in the header: name it or remove "
            f"it (pandas writes its row index so; use index=False)"
        )
    for column, count in Counter(columns).items():
        if count > 1:
            hint = " (is the header line missing?)" if looks_like_data(columns) else ""
            raise DataError(f"{file} has two columns named {column!r}{hint}: rename one")
