"""Amplitude embedding: 2^n features as the amplitudes of n qubits, then trainable layers."""

from functools import cache

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from qmoe_qiskit.circuits.angle import z_observables
from qmoe_qiskit.circuits.layers import Entanglement, WeightLayout, append_layers, layer_weights
from qmoe_qiskit.circuits.router import RouterCircuit
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.typing import FloatArray

# Each additional qubit doubles the gates that prepare a state.
MAX_FEATURES = 1024


def amplitude_circuit(
    n_features: int, n_layers: int, *, entanglement: Entanglement = "strong", mirrored: bool = False
) -> RouterCircuit:
    """Build amplitude embedding followed by layers, as in the experts of arXiv:2512.22296.

    The outputs equal those of PennyLane's AmplitudeEmbedding (normalized, padded with zeros)
    followed by StronglyEntanglingLayers, qubit i being wire i: feature f is the amplitude of the
    basis state whose bits, qubit 0 first, are f in binary.

    The inputs of the circuit are not features but the 2^n - 1 angles of `amplitude_angles`, one RY
    gate each: so every backend runs it, devices included. The gates are those of uniformly
    controlled rotations (Moettoenen et al., quant-ph/0407010) with 2^n - n - 1 CZ gates: the last
    CZ gate of each rotation is left out, and its signs are in the angles.

    Args:
        n_features: Number of features, F; the circuit has log2 F qubits, rounded up, at least 1.
        n_layers: Number of layers, as in `angle_router`.
        entanglement: Entangler of the layers, as in `angle_router`.
        mirrored: As in `angle_router`.

    Raises:
        InputError: If a count is below 1, there are more than 1024 features, or a name is unknown.

    >>> amplitude_circuit(8, 1).n_qubits
    3
    """
    n = n_qubits_of(n_features)
    weights = layer_weights(n, n_layers, mirrored=mirrored)
    inputs = ParameterVector("a", 2**n - 1)
    circuit = QuantumCircuit(n, name=f"amplitude_circuit_{n}x{n_layers}")
    angle = iter(inputs)
    for target in range(n):
        for step in range(2**target):
            if step:
                circuit.cz(target - 1 - _gray_flip(step), target)
            circuit.ry(next(angle), target)
    append_layers(circuit, iter(weights), n_layers, entanglement, mirrored=mirrored)
    return RouterCircuit(
        circuit=circuit,
        inputs=inputs,
        weights=weights,
        observables=tuple(z_observables(n)),
        degree=1,
        layout=WeightLayout(n_layers=n_layers, n_qubits=n, mirrored=mirrored),
    )


def amplitude_angles(features_BF: FloatArray) -> FloatArray:
    """Return the angles that prepare states with the features as amplitudes, (B, 2^n - 1).

    Rows are normalized, and padded with zeros up to the next power of two.

    Args:
        features_BF: Real features, (B, F).

    Raises:
        InputError: If there are more than 1024 features, one is not finite, or a row is all zeros:
            it has no direction.

    >>> amplitude_angles(np.array([[3.0, 4.0]])).round(3).tolist()
    [[1.855]]
    """
    n_rows, n_features = features_BF.shape
    n = n_qubits_of(n_features)
    largest_B = largest_of(features_BF)
    amplitudes_BS = np.zeros((n_rows, 2**n))
    # Divided by the largest, so that no square overflows; angles do not depend on the norm.
    np.divide(features_BF, largest_B[:, None], out=amplitudes_BS[:, :n_features])
    amplitudes_BS *= left_out_signs(n)
    angles = []
    norms = amplitudes_BS
    for level in range(n - 1, -1, -1):
        left, right = norms[:, 0::2], norms[:, 1::2]
        # Signs are those of the amplitudes themselves; norms of larger parts have none.
        angles.append(2 * np.arctan2(right, left) @ multiplexer(level))
        norms = np.hypot(left, right)
    return np.concatenate(angles[::-1], axis=1)


def largest_of(features_BF: FloatArray) -> FloatArray:
    """Return the largest absolute feature of each row, (B,), which differs from 0.

    Raises:
        InputError: If a feature is not finite, or a row is all zeros: it has no direction.
    """
    if not np.isfinite(features_BF).all():
        row, column = np.argwhere(~np.isfinite(features_BF))[0]
        raise InputError(
            f"feature {column} of row {row} is {features_BF[row, column]}: amplitudes must be "
            "finite"
        )
    largest_B: FloatArray = np.abs(features_BF).max(axis=1)
    if not largest_B.all():
        raise InputError(
            f"row {int(np.argmin(largest_B))} is all zeros: amplitude embedding normalizes a row, "
            "so that one feature at least must differ from zero; leave such rows out, or add a "
            "constant feature that does (an estimator scales its features first: give it a "
            "feature_range without 0, such as (0.1, 3.14), which no row leaves as zeros)"
        )
    return largest_B


def n_qubits_of(n_features: int) -> int:
    """Return the number of qubits with at least as many amplitudes as features.

    Raises:
        InputError: If the number of features is below 1 or above 1024.
    """
    if require_positive("n_features", n_features) > MAX_FEATURES:
        raise InputError(
            f"amplitude embedding takes at most {MAX_FEATURES} features, got {n_features}"
        )
    return max(1, (int(n_features) - 1).bit_length())


def _gray_flip(step: int) -> int:
    """Return the bit in which Gray codes number step - 1 and step differ."""
    return (step & -step).bit_length() - 1


@cache
def multiplexer(level: int) -> FloatArray:
    """Return the matrix from an angle per state of the controls to the angles of the gates.

    A CZ gate on either side of RY(t) makes it RY(-t) where its control is 1. After i of the CZ
    gates the controls that have acted an odd number of times are those in the Gray code g of i: the
    state j of the controls sees sum_i (-1)^|j & g_i| t_i, and the inverse is the transpose.
    """
    steps = np.arange(2**level)
    gray = steps ^ (steps >> 1)
    parity = np.bitwise_count(steps[:, None] & gray[None, :]) & 1
    matrix: FloatArray = (1.0 - 2 * parity) / 2**level
    return matrix


@cache
def left_out_signs(n: int) -> FloatArray:
    """Return the diagonal of the CZ gates left out, which lie between qubit 0 and every other."""
    states = np.arange(2**n)
    first = states >> (n - 1)
    others = states & (2 ** (n - 1) - 1)
    signs: FloatArray = 1.0 - 2 * (first * (np.bitwise_count(others) & 1))
    return signs
