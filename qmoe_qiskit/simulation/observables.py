"""Observables that are diagonal in the computational basis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.typing import FloatArray


def diagonals(observables: Sequence[SparsePauliOp]) -> FloatArray:
    """Return the diagonals of sums of Z strings, shape (O, 2^n), states little-endian."""
    return np.array([walsh_hadamard(z_coefficients(o)) for o in observables])


def z_coefficients(observable: SparsePauliOp) -> FloatArray:
    """Return the coefficient of every Z string, bit q of its index standing for Z on qubit q."""
    coefficients = np.zeros(2**observable.num_qubits)
    masks = observable.paulis.z @ (1 << np.arange(observable.num_qubits))
    np.add.at(coefficients, masks, observable.coeffs.real)
    return coefficients


def walsh_hadamard(values: FloatArray) -> FloatArray:
    """Return sum_m (-1)^popcount(i & m) values[m] for every i: coefficients to diagonal."""
    size = len(values)
    half = 1
    while half < size:
        even, odd = np.moveaxis(values.reshape(-1, 2, half), 1, 0)
        values = np.stack([even + odd, even - odd], axis=1).reshape(-1)
        half *= 2
    return values
