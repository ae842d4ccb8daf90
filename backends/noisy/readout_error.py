"""Readout error as assignment matrices, applied to observables over measured bit strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles import NoiseProfile


def assignment_matrices(profile: NoiseProfile, qubits: Sequence[int]) -> tuple[FloatArray, ...]:
    """Return A[measured, true] of each qubit, (2, 2).

    Args:
        profile: The calibration; a probability that was not reported counts as 0.
        qubits: Numbers of qubits within the profile.
    """
    matrices = []
    for qubit in qubits:
        calibration = profile.qubits[qubit]
        up, down = calibration.p_meas1_prep0 or 0.0, calibration.p_meas0_prep1 or 0.0
        matrices.append(np.array([[1 - up, down], [up, 1 - down]]))
    return tuple(matrices)


def apply_readout_error(diagonals_OD: FloatArray, matrices: Sequence[FloatArray]) -> FloatArray:
    """Return the observables that true states see when they are read out with errors.

    Args:
        diagonals_OD: The observables over measured bit strings, (O, 2^n), little-endian.
        matrices: Per qubit, A with A[measured, true] = P(measured | true), (2, 2).

    Returns:
        The observables over true basis states: sum over measured m of D[m] P(m | true), (O, 2^n).
    """
    n_qubits = len(matrices)
    tensor = diagonals_OD.reshape(-1, *(2,) * n_qubits)
    for qubit, matrix in enumerate(matrices):
        axis = n_qubits - qubit  # axis 0 runs over observables, the last axis is qubit 0
        tensor = np.moveaxis(np.tensordot(tensor, matrix, axes=(axis, 0)), -1, axis)
    return tensor.reshape(diagonals_OD.shape)
