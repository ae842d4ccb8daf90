"""Correction of readout errors by inverse assignment matrices."""

from collections.abc import Sequence

import numpy as np

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.typing import FloatArray

# Below this, 1 - P(1|0) - P(0|1) is rounding, and its inverse multiplies rounding alone.
MIN_CONTRAST = 1e-9


def invert_readout_error(matrices: Sequence[FloatArray]) -> list[FloatArray]:
    """Return the inverse assignment matrices, with which `apply_readout_error` undoes the error.

    Raises:
        InputError: If the outcomes say nothing about a qubit: no correction can undo that.
    """
    for qubit, ((_, down), (up, _)) in enumerate(matrices):
        if abs(1 - up - down) < MIN_CONTRAST:
            raise InputError(
                f"readout errors of router qubit {qubit} cannot be undone: P(1|0) = {up:g} and "
                f"P(0|1) = {down:g} add up to 1, so that its outcomes carry no information; use "
                "mitigation='none', or other qubits"
            )
    return [np.asarray(np.linalg.inv(matrix), dtype=np.float64) for matrix in matrices]
