"""Reading a Parquet file column by column, with pyarrow, which is an extra.

Strings are read as dictionaries: a long text that a few bytes repeat a million times stays one.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit import limits
from qmoe_qiskit.data.file_bytes import read_bytes
from qmoe_qiskit.data.labels import check_labels, parse_booleans, parse_labels
from qmoe_qiskit.data.parquet_pages import unpacked_bytes
from qmoe_qiskit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from qmoe_qiskit.typing import FloatArray


# pandas writes a row index without a name so, for instance that of selected or sorted rows.
_NAMELESS_INDEX = re.compile(r"__index_level_[0-9]+__")


@dataclass(frozen=True, kw_only=True, eq=False)
class ParquetTable:
    """An open Parquet file, see `qmoe_qiskit.data.table.Table`.

    Attributes:
        file: The path as given and quoted, for messages.
        columns: Names of the columns; unique.
        reader: The open file.
    """

    file: str
    columns: tuple[str, ...]
    reader: Any  # a pyarrow.parquet.ParquetFile, which has no types

    def numbers(self, column: str) -> FloatArray:
        """See `Table.numbers`."""
        import pyarrow as pa

        values = self._column(column)
        kind = values.type
        if pa.types.is_dictionary(kind):
            booleans_N = parse_booleans(self._texts(values, column))
            if booleans_N is not None:
                return booleans_N.astype(np.float64)
        numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
        if not any(matches(kind) for matches in numeric):
            raise DataError(
                f"{self.file}, column {column!r}: it holds {_shown(kind)}, not numbers: encode it "
                "as numbers or leave it out with --drop"
            )
        numbers_N: FloatArray = values.to_numpy(zero_copy_only=False).astype(np.float64)
        finite_N = np.isfinite(numbers_N)
        if not finite_N.all():
            row = int(np.argmin(finite_N))
            value = values[row].as_py()
            problem = "the value is missing: complete or remove the row"
            if value is not None:
                problem = f"{value!r} is not a finite number: correct or remove the row"
            raise DataError(f"{self._where(row, column)}: {problem}")
        return numbers_N

    def labels(self, column: str) -> NDArray[Any]:
        """See `Table.labels`."""
        import pyarrow as pa

        values = self._column(column)
        if pa.types.is_dictionary(values.type):
            labels_N = parse_labels(self._texts(values, column))
        elif values.null_count:
            raise self._missing(values, column)
        else:
            labels_N = values.to_numpy(zero_copy_only=False)
        return check_labels(labels_N, lambda row: self._where(row, column))

    def texts(self, column: str) -> Sequence[str]:
        """See `Table.texts`; a missing value is ""."""
        import pyarrow as pa

        values = self._column(column)
        if pa.types.is_dictionary(values.type):
            return self._texts(values, column, missing="")
        return ["" if value is None else str(value) for value in values.to_pylist()]

    def _column(self, column: str) -> Any:  # noqa: ANN401 - a pyarrow.Array
        """Return a column in one piece."""
        import pyarrow as pa

        try:
            # As a list of names a dot in a name would lead into a structure.
            index = self.reader.schema_arrow.names.index(column)
            pieces = [
                self.reader.reader.read_row_group(group, column_indices=[index]).column(0)
                for group in range(self.reader.num_row_groups)
            ]
            chunks = [chunk for piece in pieces for chunk in piece.chunks]
            values = pa.chunked_array(chunks).combine_chunks()
        except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
            raise DataError(f"{self.file}, column {column!r}: it cannot be read: {error}") from None
        if isinstance(values, pa.ChunkedArray):  # dictionaries of several pieces
            values = values.unify_dictionaries().combine_chunks()
        return values

    def _texts(
        self,
        values: Any,  # noqa: ANN401 - a pyarrow.DictionaryArray
        column: str,
        missing: str | None = None,
    ) -> list[str]:
        """Return the texts of a column, without surrounding blanks."""
        if values.null_count and missing is None:
            raise self._missing(values, column)
        try:
            names = [text.strip() for text in values.dictionary.to_pylist()]
        except UnicodeDecodeError:
            raise DataError(f"{self.file}, column {column!r}: it is not UTF-8 text") from None
        longest = max(map(len, names), default=0)
        if longest * len(values) > limits.CELLS:  # an array gives every label that much room
            raise DataError(
                f"{self.file}, column {column!r}: a text has {longest} characters, and "
                f"{len(values)} of that length are more than {limits.shown('CELLS')}: shorten it"
            )
        codes = values.indices.to_pylist()
        return [missing or "" if code is None else names[code] for code in codes]

    def _missing(self, values: Any, column: str) -> DataError:  # noqa: ANN401 - a pyarrow.Array
        row = values.is_null().to_pylist().index(True)
        return DataError(
            f"{self._where(row, column)}: the label is missing: complete or remove the row"
        )

    def _where(self, row: int, column: str) -> str:
        return f"{self.file}, row {row + 1}, column {column!r}"


def open_parquet(path: Path) -> ParquetTable:
    """Open a Parquet file and check how much it holds, before any of it is unpacked.

    The nameless row index of pandas is no column of the table, as in pandas.

    Raises:
        DataError: If pyarrow is missing, the file is no Parquet file or too large, or its columns
            are nested or have no unique names.
    """
    file = repr(str(path))
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise DataError(
            f"{file} needs pyarrow, which is not installed: install the extra 'parquet', or save "
            "the table as .csv"
        ) from None
    content = read_bytes(path, limits.TABLE_BYTES)
    try:
        metadata = pq.read_metadata(io.BytesIO(content))
        columns = _columns(metadata, file)
        unpacked_bytes(content, metadata, limits.ARCHIVE_BYTES)
        texts = [name for name, kind in columns.items() if kind == "BYTE_ARRAY"]
        reader = pq.ParquetFile(io.BytesIO(content), read_dictionary=texts, pre_buffer=False)
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise DataError(f"{file} is not a Parquet file that can be read: {error}") from None
    named = tuple(name for name in columns if not _NAMELESS_INDEX.fullmatch(name))
    if not named:
        raise DataError(f"{file} has no columns besides a row index")
    return ParquetTable(file=file, columns=named, reader=reader)


def _columns(metadata: Any, file: str) -> dict[str, str]:  # noqa: ANN401 - no types
    """Return the physical type of every column by its name, or refuse what is no flat table."""
    n_rows, n_columns = metadata.num_rows, metadata.num_columns
    if n_columns > limits.COLUMNS or n_rows * n_columns > limits.CELLS:
        raise DataError(
            f"{file} has {n_rows} rows of {n_columns} columns: at most {limits.COLUMNS} columns "
            f"and {limits.shown('CELLS')} cells are accepted"
        )
    if n_rows < 1 or n_columns < 1:
        raise DataError(f"{file} has no {'rows' if n_columns else 'columns'}")
    leaves = [metadata.schema.column(index) for index in range(n_columns)]
    for leaf in leaves:
        if leaf.path != leaf.name or leaf.max_repetition_level > 0:
            name = leaf.path.partition(".")[0]
            raise DataError(f"{file}, column {name!r}: it holds lists or structures: leave it out")
    twice = [name for name, count in Counter(leaf.name for leaf in leaves).items() if count > 1]
    if twice:
        raise DataError(f"{file} has two columns named {twice[0]!r}: rename one")
    return {leaf.name: leaf.physical_type for leaf in leaves}


def _shown(kind: Any) -> str:  # noqa: ANN401 - a pyarrow.DataType
    import pyarrow as pa

    return "text" if pa.types.is_dictionary(kind) else f"values of type {kind}"
