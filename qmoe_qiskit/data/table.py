"""Tables with named columns, whatever file they come from, and the choice of a reader by name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from qmoe_qiskit import limits
from qmoe_qiskit.data.csv_file import parse_table
from qmoe_qiskit.data.file_bytes import read_bytes, unzipped
from qmoe_qiskit.errors import DataError
from qmoe_qiskit.typing import FloatArray

NPZ, PARQUET = ".npz", ".parquet"
# Text files, each with what stands between the fields; ".gz" may follow.
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_SUFFIXES = (*_DELIMITERS, *(f"{suffix}.gz" for suffix in _DELIMITERS), PARQUET, NPZ)
# The accepted files, as a part of a sentence.
FILES = "a .csv, .tsv, .parquet or .npz file"


class Table(Protocol):
    """A table whose columns are read when they are asked for.

    Attributes:
        file: The path as given and quoted, for messages.
        columns: Names of the columns; unique.
    """

    @property
    def file(self) -> str: ...  # noqa: D102 - see the attributes
    @property
    def columns(self) -> tuple[str, ...]: ...  # noqa: D102

    def numbers(self, column: str) -> FloatArray:
        """Return one column as finite numbers, (N,); true and false become 1 and 0.

        Raises:
            DataError: If a value is missing, no number, NaN or infinite.
        """

    def labels(self, column: str) -> NDArray[Any]:
        """Return one column as labels, (N,); DataError if one is missing or a fraction."""

    def texts(self, column: str) -> Sequence[str]:
        """Return one column as text, as the file has it."""


def suffix_of(path: Path) -> str:
    """Return the end of a path that says what kind of file it is, or "" if none does.

    >>> suffix_of(Path("a.b.CSV.gz")), suffix_of(Path("a.xlsx"))
    ('.csv.gz', '')
    """
    name = path.name.lower()
    return next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), "")


def stem_of(path: str | Path) -> str:
    """Return a file's name without what says its kind.

    >>> stem_of("data/iris.csv.gz"), stem_of("moons")
    ('iris', 'moons')
    """
    path = Path(path)
    suffix = suffix_of(path)
    return path.name[: -len(suffix)] if suffix else path.stem


def read_table(path: Path) -> Table:
    """Read a file that is no archive of arrays.

    Text is UTF-8 with commas (.csv) or tabs (.tsv) between the fields, and may be compressed with
    gzip (.csv.gz, .tsv.gz).

    Raises:
        DataError: If the file cannot be read, is too large, or is not a table with a header.
    """
    suffix = suffix_of(path)
    if suffix == PARQUET:
        from qmoe_qiskit.data.parquet_file import open_parquet

        return open_parquet(path)
    content = read_bytes(path, limits.TABLE_BYTES)
    if suffix.endswith(".gz"):
        content = unzipped(content, repr(str(path)), limits.TABLE_BYTES)
    return parse_table(content, repr(str(path)), _DELIMITERS[suffix.removesuffix(".gz")])


def require_suffix(path: Path) -> str:
    """Return `suffix_of` a path; DataError if the path names no kind of file that can be read."""
    if suffix := suffix_of(path):
        return suffix
    if path.is_dir():
        raise DataError(f"{str(path)!r} is a folder: name {FILES} in it")
    raise DataError(f"{str(path)!r} cannot be read: save it as {FILES}")
