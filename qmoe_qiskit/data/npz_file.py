"""Reading features and labels from a NumPy archive, without pickle."""

import io
import lzma
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from qmoe_qiskit import limits
from qmoe_qiskit.data.file_bytes import read_bytes
from qmoe_qiskit.data.labels import check_labels, check_numbers
from qmoe_qiskit.errors import DataError
from qmoe_qiskit.io.npy_header import check_header
from qmoe_qiskit.typing import FloatArray

_PAIRS = (("X", "y"), ("features", "labels"))  # the first wins

# What zipfile, its decompressors and NumPy's header parser raise on damaged bytes.
_DAMAGE = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError,
    SyntaxError, TypeError, ValueError, lzma.LZMAError, struct.error, tokenize.TokenError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class NpzArchive:
    """An open archive.

    Attributes:
        file: The path as given and quoted, for messages.
        archive: The archive; an array is read when it is asked for.
    """

    file: str
    archive: NpzFile[Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays."""
        return tuple(self.archive.files)

    def pair(self, *, needs_labels: bool) -> tuple[str, str]:
        """Return the names of the features and their labels: X and y, or features and labels.

        The labels need not exist unless `needs_labels`; DataError if the archive has no such pair.
        """
        for features, labels in _PAIRS:
            if features in self.names and (not needs_labels or labels in self.names):
                return features, labels
        wanted = " or ".join(
            f"{features!r} and {labels!r}" if needs_labels else repr(features)
            for features, labels in _PAIRS
        )
        hint = ", or the labels be named by a target" if needs_labels else ""
        raise DataError(
            f"{self.file} must hold arrays named {wanted}{hint}; it holds {listed(self.names)}"
        )

    def features(self, name: str) -> FloatArray:
        """Return the array of features, (N, F), as float64.

        Raises:
            DataError: If it is not a table of finite numbers, or has no rows or no columns.
        """
        array = self._array(name)
        if array.dtype.kind not in "biuf":
            raise DataError(
                f"{self.file}: array {name!r} has type {array.dtype}, and features must be numbers"
            )
        if array.ndim != 2:
            raise DataError(
                f"{self.file}: array {name!r} has shape {array.shape}, and features must have two "
                f"axes, (rows, features): reshape it"
            )
        if array.shape[1] > limits.COLUMNS or array.size > limits.CELLS:
            raise DataError(
                f"{self.file}: array {name!r} has shape {array.shape}: at most {limits.COLUMNS} "
                f"columns and {limits.shown('CELLS')} numbers are accepted"
            )
        if 0 in array.shape:
            nothing = "no rows" if array.shape[0] == 0 else "no feature columns"
            raise DataError(f"{self.file}: array {name!r} of shape {array.shape} has {nothing}")
        with np.errstate(over="ignore"):  # what overflows is refused as infinite below
            features_NF = array.astype(np.float64, copy=False)
        if not np.isfinite(features_NF).all():
            row, column = np.argwhere(~np.isfinite(features_NF))[0].tolist()
            raise DataError(
                f"{self.file}: {name}[{row}, {column}] (row {row}, column {column}, from 0) is "
                f"{array[row, column]}, not a finite number: correct or remove the row"
            )
        return features_NF

    def labels(self, name: str, n_rows: int, *, numbers: bool = False) -> NDArray[Any]:
        """Return an array of labels, (n_rows,); DataError if they do not fit or name no class.

        With `numbers` they are the finite numbers of a regression.
        """
        array = self._array(name)
        if array.shape != (n_rows,):
            raise DataError(
                f"{self.file}: array {name!r} has shape {array.shape}, and {n_rows} rows of "
                f"features need labels of shape ({n_rows},)"
            )
        if array.dtype.kind in "SU" and array.nbytes > limits.CELLS:
            raise DataError(
                f"{self.file}: array {name!r} takes {array.nbytes:,} bytes: labels may take "
                f"{limits.shown('CELLS')}: shorten the longest"
            )
        check = check_numbers if numbers else check_labels
        return check(array, lambda row: f"{self.file}, {name}[{row}]")

    def _array(self, name: str) -> NDArray[Any]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # remarks on headers that Python 2 wrote
                self._check_member(name)
                array = self.archive[name]
        except _DAMAGE as error:
            if "allow_pickle" in str(error):
                raise DataError(
                    f"{self.file}: array {name!r} holds Python objects, which are not loaded "
                    f"because that could run code: save numbers or text"
                ) from None
            raise DataError(f"{self.file}: array {name!r} cannot be read: {error}") from error
        if not isinstance(array, np.ndarray):
            raise DataError(f"{self.file}: {name!r} is not a NumPy array")
        return array

    def _check_member(self, name: str) -> None:
        """Look at what the archive and the header of an array state, before room is made for it.

        Raises:
            ValueError: If the array is too large, or larger than what is stored.
        """
        members = self.archive.zip
        assert members is not None  # the archive is open
        member = name if name in members.namelist() else f"{name}.npy"
        stated = members.getinfo(member).file_size
        if stated > limits.ARCHIVE_BYTES:
            raise ValueError(
                f"it takes {stated:,} bytes, and at most {limits.shown('ARCHIVE_BYTES')} are read"
            )
        with members.open(member) as file:
            check_header(file, stated)


def open_npz(path: Path) -> NpzArchive:
    """Open an archive that `numpy.savez` wrote; DataError if it is not one."""
    file = repr(str(path))
    content = read_bytes(path, limits.ARCHIVE_BYTES)
    if content.count(b"PK\1\2") > limits.COLUMNS:  # what an entry of the directory begins with
        raise DataError(f"{file} holds more arrays than the accepted {limits.COLUMNS}")
    try:
        return NpzArchive(file=file, archive=NpzFile(io.BytesIO(content), own_fid=True))
    except _DAMAGE as error:
        raise DataError(f"{file} is not an .npz archive: {error}") from error


def listed(names: Sequence[str]) -> str:
    """Return names as a message lists them, cut after twenty."""
    shown = ", ".join(map(repr, names[:20])) or "none"
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown
