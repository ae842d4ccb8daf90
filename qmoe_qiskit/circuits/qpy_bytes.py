"""Reading a circuit from QPY that somebody else may have made.

A fault in Qiskit's reader is a Rust panic, which is no `Exception` and writes to the standard
error. Here sizes are checked first, see `qpy_sizes`, and every fault is an `InputError`.
"""

import io
import os
import struct
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from qiskit import QuantumCircuit, qpy
from qiskit.exceptions import QiskitError

from qmoe_qiskit.circuits.qpy_sizes import check_sizes
from qmoe_qiskit.errors import InputError

# What reading damaged bytes may raise, beside a panic.
_FAULTS = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, QiskitError,
    RecursionError, TypeError, ValueError, struct.error,
)  # fmt: skip


def read_circuit(data: bytes) -> QuantumCircuit:
    """Return the one circuit that QPY holds.

    Raises:
        InputError: If the bytes are no QPY with one circuit, or the circuit is too large.
    """
    with faults_of_qpy():
        check_sizes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # QPY of a later Qiskit, which it can read
            circuits = qpy.load(io.BytesIO(data))
        if len(circuits) != 1:
            raise ValueError(f"it holds {len(circuits)} circuits")
        return circuits[0]


@contextmanager
def faults_of_qpy() -> Iterator[None]:
    """Raise an InputError for every fault that damaged QPY causes, a panic in Rust included."""
    try:
        with _without_panic_messages():
            yield
    except InputError:
        raise
    except _FAULTS as error:
        raise _no_qpy(error) from error
    except BaseException as error:
        if not _is_panic(error):  # such as Ctrl-C
            raise
        raise _no_qpy(error) from None


def _no_qpy(why: BaseException) -> InputError:
    reason = " ".join(str(why).split())[:200] or "it is damaged"
    return InputError(f"not a router circuit in QPY format: {reason}")


def _is_panic(error: BaseException) -> bool:
    """Whether an error is a panic of Rust: its class cannot be imported."""
    return type(error).__name__ == "PanicException"


@contextmanager
def _without_panic_messages() -> Iterator[None]:
    """Hold back what is written to the standard error, and drop it if Rust panics.

    Rust writes there by itself before the exception reaches Python.
    """
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException as error:
            if _is_panic(error):
                held.truncate(0)
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            with suppress(OSError):
                while part := held.read(2**16):
                    os.write(2, part)
