"""From the target column of a file to the labels of a classifier."""

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.errors import DataError
from qmoe_qiskit.typing import FloatArray

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")  # 18 digits always fit 64 bits
_CODE = re.compile(r"[+-]?0[0-9]")  # a number begins so in codes only, such as 007
_EXACT = 2.0**53  # whole numbers beyond this are not all representable as float64


def parse_number(cell: str) -> float:
    """Read a decimal number exactly; "1_000", which Python would take for 1000, is text.

    Raises:
        ValueError: If the cell is not a number.
    """
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)


def parse_booleans(cells: Sequence[str]) -> NDArray[np.bool_] | None:
    """Read cells that are all true or false, in any case; None if one of them is not."""
    lowered = [cell.lower() for cell in cells]
    if not set(lowered) <= {"true", "false"}:
        return None
    return np.array([cell == "true" for cell in lowered])


def parse_labels(cells: Sequence[str]) -> NDArray[Any]:
    """Give a column of text its type: whole numbers, numbers, true/false, or else text.

    Codes such as "01" are text: as numbers, "01" and "1" would be one class.
    """
    if any(map(_CODE.match, cells)):
        return np.array(cells, dtype=np.str_)
    if all(map(_WHOLE.fullmatch, cells)):
        return np.array([int(cell) for cell in cells], dtype=np.int64)
    try:
        return np.array([parse_number(cell) for cell in cells], dtype=np.float64)
    except ValueError:
        booleans_N = parse_booleans(cells)
        return np.array(cells, dtype=np.str_) if booleans_N is None else booleans_N


def check_labels(labels_N: NDArray[Any], where: Callable[[int], str]) -> NDArray[Any]:
    """Accept labels that name classes; floats that are whole numbers become integers.

    Args:
        labels_N: Labels of any type.
        where: Takes a row number, from 0, to the place of its label, such as "line 3 of a.csv".

    Returns:
        Labels (N,) as bool, integers or text.

    Raises:
        DataError: If a label is missing, a fraction, or of a type that names no class.
    """
    match labels_N.dtype.kind:
        case "b" | "i" | "u":
            return labels_N.astype(labels_N.dtype.newbyteorder("="))
        case "f":
            problem = "is not a finite number: complete it"
            _refuse_first(~np.isfinite(labels_N), labels_N, where, problem)
            fractional_N = (labels_N != np.rint(labels_N)) | (np.abs(labels_N) > _EXACT)
            problem = (
                "is not a whole number of at most 2**53: a classifier needs classes (whole numbers "
                "or names); for the real-valued target of a regression use --task regression "
                "(QMoERegressor in Python)"
            )
            _refuse_first(fractional_N, labels_N, where, problem)
            return labels_N.astype(np.int64)
        case "U" | "S":
            return _names(labels_N, where)
        case _:
            raise DataError(
                f"{where(0)}: labels of type {labels_N.dtype} are not accepted: give whole "
                f"numbers, true/false or text"
            )


def check_numbers(targets_N: NDArray[Any], where: Callable[[int], str]) -> FloatArray:
    """Accept the targets of a regression: finite numbers.

    Raises:
        DataError: If one is missing, infinite or no number.
    """
    if targets_N.dtype.kind not in "biuf":
        raise DataError(
            f"{where(0)}: targets of type {targets_N.dtype} are not accepted: a regression "
            "predicts numbers"
        )
    _refuse_first(~np.isfinite(targets_N), targets_N, where, "is not a finite number: complete it")
    numbers_N: FloatArray = targets_N.astype(np.float64)
    return numbers_N


def _names(labels_N: NDArray[Any], where: Callable[[int], str]) -> NDArray[np.str_]:
    if labels_N.dtype.kind == "S":
        names_N = np.array([_decode(name, where, row) for row, name in enumerate(labels_N)])
    else:
        names_N = labels_N.astype(labels_N.dtype.newbyteorder("="), order="C")
        # Checked as numbers: an archive may hold code points that no Python string can.
        codes_NL = names_N.view(np.uint32).reshape(len(names_N), -1)
        strange_NL = (codes_NL > sys.maxunicode) | ((codes_NL >= 0xD800) & (codes_NL < 0xE000))
        if strange_NL.any():
            raise _not_text(where(int(np.argmax(strange_NL.any(axis=1)))))
    _refuse_first(
        np.array([not name.strip() for name in names_N]), names_N, where, "is empty: complete it"
    )
    return names_N


def _decode(name: bytes, where: Callable[[int], str], row: int) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise _not_text(where(row)) from None


def _not_text(where: str) -> DataError:
    return DataError(f"{where}: the label is not valid Unicode text")


def _refuse_first(
    bad_N: NDArray[np.bool_], labels_N: NDArray[Any], where: Callable[[int], str], problem: str
) -> None:
    if bad_N.any():
        row = int(np.argmax(bad_N))
        raise DataError(f"{where(row)}: the label {labels_N[row].item()!r} {problem}")
