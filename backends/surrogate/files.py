"""Files of surrogates: tensors and a text in safetensors' format, checked when they are read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qmoe_qiskit import limits
from qmoe_qiskit.backends.surrogate.check import SurrogateCheck
from qmoe_qiskit.backends.surrogate.grid import Grid
from qmoe_qiskit.backends.surrogate.record import MeasurementRecord
from qmoe_qiskit.backends.surrogate.spectrum import Spectrum
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.io.checked_json import parse_as
from qmoe_qiskit.io.reasons import reason_of

if TYPE_CHECKING:
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.typing import FloatArray

_KIND = "qmoe-surrogate"


@dataclass(frozen=True, kw_only=True)
class _State:
    """The text of a file: everything but the arrays."""

    schema_version: int
    kind: Literal["qmoe-surrogate"]
    router_hash: str
    counts_F: tuple[int, ...]
    check: SurrogateCheck | None
    record: MeasurementRecord


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredSurrogate:
    """What a file holds; attributes are those of `FourierSurrogate`."""

    grid: Grid
    values_PO: FloatArray
    std_errors_PO: FloatArray
    weights_W: FloatArray
    check: SurrogateCheck | None
    record: MeasurementRecord


def write_surrogate(surrogate: StoredSurrogate, router: RouterCircuit, path: str | Path) -> None:
    """Write a surrogate of a circuit to a file, atomically; an existing file is replaced.

    Raises:
        InputError: If the file would be too large to be read again.
        RunError: If the file cannot be written.
    """
    import torch

    from qmoe_qiskit.io.checked_tensors import write_tensors

    arrays = {
        "std_errors_PO": surrogate.std_errors_PO,
        "values_PO": surrogate.values_PO,
        "weights_W": surrogate.weights_W,
    }
    if sum(array.nbytes for array in arrays.values()) > limits.SURROGATE_BYTES // 2:
        raise InputError(
            f"the surrogate has {surrogate.grid.n_points} points, too many for a file of at most "
            f"{limits.shown('SURROGATE_BYTES')}: measure fewer"
        )
    state = {
        "kind": _KIND,
        "router_hash": router.content_hash,
        "counts_F": surrogate.grid.counts_F,
        "check": None if surrogate.check is None else asdict(surrogate.check),
        "record": asdict(surrogate.record),
    }
    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))
        for name, array in arrays.items()
    }
    try:
        write_tensors(Path(path), state, tensors)
    except (OSError, ValueError) as error:
        raise RunError(f"{str(path)!r} cannot be written: {reason_of(error)}") from error


def read_surrogate(
    path: str | Path, router: RouterCircuit, weights_W: FloatArray | None = None
) -> StoredSurrogate:
    """Read what `write_surrogate` wrote, for the circuit that was measured.

    Args:
        path: Path of the file.
        router: The circuit.
        weights_W: The weights with which it must have been measured; None for any.

    Raises:
        RunError: If the file is missing, damaged, of a newer schema, or of another circuit or other
            weights.
        InputError: If the circuit has no surrogate.
    """
    from qmoe_qiskit.io.checked_tensors import read_tensors

    what = f"surrogate {str(path)!r}"
    spectrum = Spectrum.of(router)
    try:
        state, tensors = read_tensors(Path(path), what, limits.SURROGATE_BYTES)
        text = json.dumps(state, allow_nan=False).encode()
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    except FileNotFoundError:
        raise RunError(f"there is no {what}: make one with qmoe surrogate RUN --out FILE") from None
    except OSError as error:
        raise RunError(f"{what} cannot be read: {reason_of(error)}") from error
    except (RecursionError, TypeError, ValueError) as error:
        raise RunError(f"{what} is damaged, or no surrogate: {_short(error)}") from error
    stored = parse_as(text, _State, what)
    if stored.router_hash != router.content_hash:
        raise RunError(
            f"{what} is of another model: its circuit has the hash {stored.router_hash[:12]!r}, "
            f"and this one {router.content_hash[:12]!r}"
        )
    try:
        surrogate = _restored(stored, arrays, router, spectrum)
    except (InputError, ValueError) as error:
        raise RunError(f"{what} is damaged: {_short(error)}") from error
    if weights_W is not None and not np.array_equal(weights_W, surrogate.weights_W):
        raise RunError(
            f"{what} was measured with other weights than those of this model: measure it again"
        )
    return surrogate


def _restored(
    stored: _State, arrays: dict[str, Any], router: RouterCircuit, spectrum: Spectrum
) -> StoredSurrogate:
    """Return the surrogate that a file describes.

    Raises:
        ValueError: If its parts do not fit together.
    """
    grid = Grid(spectrum, stored.counts_F)
    shots = stored.record.shots
    shapes = {
        "std_errors_PO": (grid.n_points, router.n_outputs),
        "values_PO": (grid.n_points, router.n_outputs),
        "weights_W": (router.n_weights,),
    }
    if set(arrays) != set(shapes):
        raise ValueError(f"it holds {', '.join(sorted(arrays))[:100]}")
    for name, shape in shapes.items():
        array = arrays[name]
        if array.dtype != np.float64 or array.shape != shape:
            raise ValueError(f"{name} must be float64 numbers of shape {shape}")
        unknown = name == "std_errors_PO" and np.isnan(array).any() and shots is not None
        if not (unknown or np.isfinite(array).all()):
            raise ValueError(f"{name} has numbers that are not finite")
    if np.any(arrays["std_errors_PO"] < 0):
        raise ValueError("a standard error is negative")
    slots = stored.record.slots or 1
    if slots < 1:
        raise ValueError(f"slots are {slots}")
    # Shots are divided among slots, and rounded up.
    if shots is not None and not 0 < shots < limits.SHOTS + slots:
        raise ValueError(f"shots are {shots}")
    return StoredSurrogate(grid=grid, check=stored.check, record=stored.record, **arrays)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
