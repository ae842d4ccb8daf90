"""What the header of a stored NumPy array promises, held against what is stored."""

import math
from tokenize import TokenError
from typing import IO

from numpy.lib import format as npy

# What NumPy may raise besides ValueError: it parses the header as Python.
_FAULTS = (OverflowError, RecursionError, SyntaxError, TokenError, TypeError)
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def check_header(file: IO[bytes], n_bytes: int) -> None:
    """Read the header of an array, and refuse one for which NumPy would make too much room.

    What is no array at all is accepted: NumPy returns it as bytes.

    Args:
        file: The stored array, from its beginning; it is left after the header.
        n_bytes: The number of bytes that are stored, header included.

    Raises:
        ValueError: If the header is damaged, promises more than is stored, or promises Python
            objects.
    """
    start = file.read(npy.MAGIC_LEN)
    if not start.startswith(npy.MAGIC_PREFIX):
        return
    version = tuple(start[len(npy.MAGIC_PREFIX) :])
    if version not in _READERS:
        raise ValueError(f"its format has version {'.'.join(map(str, version))}, and 1.0 is usual")
    try:
        shape, _, dtype = _READERS[version](file)
    except _FAULTS as error:
        raise ValueError(f"its header cannot be read ({type(error).__name__})") from error
    if dtype.hasobject:
        raise ValueError("it holds Python objects (allow_pickle is off)")
    if any(length < 0 for length in shape):
        raise ValueError(f"its shape is {shape}")
    if math.prod(shape) * dtype.itemsize > n_bytes:
        raise ValueError(f"its shape is {shape}, and {n_bytes:,} bytes are stored")
