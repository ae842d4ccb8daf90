"""Readout error as assignment matrices, applied to diagonal observables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def assigned(diagonals_OD: FloatArray, matrices: Sequence[FloatArray]) -> FloatArray:
    """Return the observables that true states see when they are read out with errors.

    Args:
        diagonals_OD: Observables over measured bit strings, (O, 2^n), little-endian.
        matrices: Per qubit, A with A[measured, true] = P(measured | true), (2, 2).

    Returns:
        Observables over true basis states: sum over measured m of D[m] P(m | true), (O, 2^n).
    """
    n_qubits = len(matrices)
    tensor = diagonals_OD.reshape(-1, *(2,) * n_qubits)
    for qubit, matrix in enumerate(matrices):
        axis = n_qubits - qubit  # axis 0 runs over observables, the last axis is qubit 0
        tensor = np.moveaxis(np.tensordot(tensor, matrix, axes=(axis, 0)), -1, axis)
    return tensor.reshape(diagonals_OD.shape)


def inverted(matrices: Sequence[FloatArray]) -> list[FloatArray]:
    """Return the inverse assignment matrices: `assigned` with them corrects measured values."""
    return [np.asarray(np.linalg.inv(matrix), dtype=np.float64) for matrix in matrices]
