"""The paper's router: features as rotation angles, then trainable entangling layers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit import limits
from qmoe_qiskit.circuits.layers import (
    ENTANGLEMENTS,
    Entanglement,
    WeightLayout,
    append_layers,
    layer_weights,
)
from qmoe_qiskit.circuits.router import RouterCircuit
from qmoe_qiskit.errors import InputError, require_positive, unknown_name

__all__ = ["ENTANGLEMENTS", "ROTATIONS", "angle_router", "basis_projectors", "expert_projectors"]

ROTATIONS = ("x", "y", "z")


def angle_router(
    n_features: int,
    n_layers: int,
    *,
    n_qubits: int | None = None,
    rotation: str = "x",
    reuploads: int = 1,
    entanglement: Entanglement = "strong",
    input_scaling: bool = False,
    mirrored: bool = False,
) -> RouterCircuit:
    """Build the angle-embedding router of arXiv:2512.22296, by default one qubit per feature.

    A block is `n_layers` layers; each layer applies Rot(phi, theta, omega) =
    RZ(omega) RY(theta) RZ(phi) to every qubit, then the entangler. With the defaults the outputs
    equal those of PennyLane's AngleEmbedding followed by StronglyEntanglingLayers with weights of
    shape (n_layers, n_features, 3), qubit i being wire i.

    On n < F qubits the features enter in groups: the first upload takes features 0 to n - 1, the
    next one features n to 2n - 1, and so on, each followed by a block of its own. Every feature
    then reaches the circuit itself, once per repetition.

    Args:
        n_features: Number of input angles, F.
        n_layers: Number of layers in each block.
        n_qubits: Number of qubits, at most F; None for one per feature.
        rotation: Axis of the embedding, "x", "y" or "z". With "z" a Hadamard gate on every qubit
            comes first, since a Z rotation of |0> is a global phase.
        reuploads: Number of times that embedding and block (of all groups) are repeated, each block
            with weights of its own. Outputs are trigonometric polynomials of this degree in every
            feature.
        entanglement: "strong" (CNOT i -> i + r mod n with r = (layer mod (n - 1)) + 1), "ring"
            (r = 1 in every layer), "linear" (CNOT i -> i + 1 for i < n - 1), or "none"; or the
            `Couplers` of a device.
        input_scaling: Whether every upload of a feature is multiplied by a weight of its own, which
            starts at 1. The frequencies of the outputs are trained as well then, and `degree` is
            unknown.
        mirrored: Whether every second layer is the mirror image of the one before it, as
            initialization "identity-block" needs.

    Returns:
        A router with `3 * reuploads * ceil(F / n) * n_layers * n` weights, flattened (layer, qubit,
        angle), and one output <Z_i> per qubit. With input scaling `reuploads * F` factors follow,
        flattened (upload, qubit).

    Raises:
        InputError: If a count is below 1, a name is unknown, the circuit has too many angles, or
            an odd number of layers is to be mirrored.

    >>> router = angle_router(2, 3)
    >>> router.n_inputs, router.n_weights, router.n_outputs
    (2, 18, 2)
    >>> grouped = angle_router(5, 3, n_qubits=2)  # features (0, 1), (2, 3), (4)
    >>> grouped.n_inputs, grouped.n_qubits, grouped.degree
    (5, 2, 1)
    """
    if n_qubits is None:
        n = features = require_positive("n_features", n_features, at_most=limits.QUBITS)
    else:
        features = require_positive("n_features", n_features, at_most=limits.COLUMNS)
        n = require_positive("n_qubits", n_qubits, at_most=limits.QUBITS)
        if n > features:
            raise InputError(
                f"n_qubits={n} are more than the {features} feature(s): use at most {features}"
            )
    if rotation not in ROTATIONS:
        raise unknown_name("rotation", rotation, ROTATIONS)
    groups = [range(first, min(first + n, features)) for first in range(0, features, n)]
    blocks = require_positive("reuploads", reuploads) * len(groups)
    weights = layer_weights(n, n_layers, blocks, mirrored=mirrored)
    inputs = ParameterVector("x", features)
    scalings = ParameterVector("s", reuploads * features if input_scaling else 0)
    circuit = QuantumCircuit(n, name=f"angle_router_{n}x{n_layers}")
    angle, scaling = iter(weights), iter(scalings)
    if rotation == "z":
        circuit.h(range(n))
    for block in range(blocks):
        if block:
            circuit.barrier()
        for qubit, feature in enumerate(groups[block % len(groups)]):
            x = inputs[feature]
            getattr(circuit, f"r{rotation}")(next(scaling) * x if input_scaling else x, qubit)
        append_layers(circuit, angle, n_layers, entanglement, mirrored=mirrored)
    return RouterCircuit(
        circuit=circuit,
        inputs=inputs,
        weights=[*weights, *scalings],
        observables=tuple(z_observables(n)),
        degree=None if input_scaling else reuploads,
        layout=WeightLayout(
            n_layers=n_layers * blocks,
            n_qubits=n,
            n_scalings=len(scalings),
            mirrored=mirrored,
        ),
    )


def z_observables(n_qubits: int) -> list[SparsePauliOp]:
    """Return Z on each qubit, in qubit order."""
    return [SparsePauliOp.from_sparse_list([("Z", [i], 1.0)], n_qubits) for i in range(n_qubits)]


def basis_projectors(n_qubits: int, n_states: int) -> list[SparsePauliOp]:
    """Return |i><i| for the first `n_states` basis states, i read little-endian.

    Each is a sum of 2^n Z strings: |i><i| = prod_q (1 + (-1)^(bit q of i) Z_q) / 2.
    """
    subsets = np.arange(2**n_qubits)
    labels = [format(s, f"0{n_qubits}b").replace("0", "I").replace("1", "Z") for s in subsets]
    projectors = []
    for state in range(n_states):
        signs = (-1.0) ** np.array([int(s & state).bit_count() for s in subsets.tolist()])
        projectors.append(
            SparsePauliOp.from_list(list(zip(labels, signs / 2**n_qubits, strict=True)))
        )
    return projectors


def expert_projectors(n_qubits: int, n_experts: int) -> list[SparsePauliOp]:
    """Return the projector on the basis states of every expert: state i is of expert i modulo E.

    Every bit string that can be measured then chooses an expert, and the projectors sum to 1. If E
    is 2^m, the first m qubits choose.

    >>> [observable.to_list() for observable in expert_projectors(2, 2)]
    [[('II', (0.5+0j)), ('IZ', (0.5+0j))], [('II', (0.5+0j)), ('IZ', (-0.5+0j))]]
    """
    chosen_S = np.arange(2**n_qubits) % n_experts
    return [_diagonal(n_qubits, chosen_S == expert) for expert in range(n_experts)]


def _diagonal(n_qubits: int, values_S: NDArray[Any]) -> SparsePauliOp:
    """Return the operator with these values on the basis states, as a sum of Z strings."""
    terms = values_S.astype(np.float64).reshape([2] * n_qubits)
    for axis in range(n_qubits):  # the Walsh-Hadamard transform
        zero, one = np.take(terms, 0, axis), np.take(terms, 1, axis)
        terms = np.stack([zero + one, zero - one], axis) / 2
    flat_S = terms.ravel()
    labels = {s: format(s, f"0{n_qubits}b") for s in np.flatnonzero(flat_S).tolist()}
    return SparsePauliOp.from_list(
        [(text.replace("0", "I").replace("1", "Z"), flat_S[s]) for s, text in labels.items()]
    )
