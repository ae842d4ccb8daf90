"""Reading the bytes of a file, with one sentence for every failure."""

import gzip
import io
import zlib
from pathlib import Path

from qmoe_qiskit.errors import DataError
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.io.regular_files import read_regular
from qmoe_qiskit.limits import size_shown


def read_bytes(path: Path, at_most: int) -> bytes:
    """Read a whole file of at most so many bytes.

    Raises:
        DataError: If it is missing, no regular file, empty, too large, or may not be read.
    """
    file = repr(str(path))
    try:
        content = read_regular(path, at_most)
    except FileNotFoundError:
        raise DataError(f"{file} does not exist: check the path") from None
    except IsADirectoryError:
        raise DataError(f"{file} is a folder: name a file in it") from None
    except PermissionError:
        raise DataError(f"{file} may not be read: check its permissions") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {reason_of(error)}") from error
    except ValueError as error:  # a NUL character in the path
        raise DataError(f"{file} is no path: {error}") from error
    if not content:
        raise DataError(f"{file} is empty")
    return content


def unzipped(content: bytes, file: str, at_most: int) -> bytes:
    """Return what gzip has compressed, if it is at most so many bytes; no more is unpacked.

    Raises:
        DataError: If it is larger, or the bytes are damaged.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            unpacked = packed.read(at_most + 1)
    except (EOFError, OSError, zlib.error) as error:
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        raise DataError(f"{file} cannot be unpacked: {reason}") from None
    if len(unpacked) > at_most:
        raise DataError(
            f"{file} holds more than {size_shown(at_most)} when it is unpacked, which is the most "
            "that is read: take fewer rows"
        )
    if not unpacked:
        raise DataError(f"{file} is empty")
    return unpacked
