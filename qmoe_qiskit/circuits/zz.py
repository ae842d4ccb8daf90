"""The ZZ feature map, with trainable layers after every upload."""

import math
from itertools import pairwise

from qiskit import QuantumCircuit
from qiskit.circuit import ParameterExpression, ParameterVector

from qmoe_qiskit import limits
from qmoe_qiskit.circuits.angle import z_observables
from qmoe_qiskit.circuits.layers import Entanglement, WeightLayout, append_layers, layer_weights
from qmoe_qiskit.circuits.router import RouterCircuit
from qmoe_qiskit.errors import require_positive


def zz_router(
    n_features: int,
    n_layers: int,
    *,
    reuploads: int = 1,
    entanglement: Entanglement = "strong",
    input_scaling: bool = False,
    mirrored: bool = False,
) -> RouterCircuit:
    """Build a router whose features enter by the ZZ feature map of Havlicek et al. (2019).

    An upload is a Hadamard gate and P(2 x_i) on every qubit, then P(2 (pi - x_i) (pi - x_j))
    between CNOT gates for neighbours i, j = i + 1: one repetition of Qiskit's
    `zz_feature_map(..., entanglement="linear")`. The layers of `angle_router` follow.

    Args:
        n_features: Number of features and of qubits.
        n_layers: Number of layers after each upload.
        reuploads: Number of times that feature map and layers are repeated.
        entanglement: Entangler of the layers, as in `angle_router`.
        input_scaling: Whether every upload of a feature is multiplied by a weight of its own, as in
            `angle_router`.
        mirrored: As in `angle_router`.

    Returns:
        A router with weights as in `angle_router`, and one output <Z_i> per qubit.

    Raises:
        InputError: As `angle_router` does.

    >>> router = zz_router(3, 2)
    >>> router.n_inputs, router.n_weights, router.n_outputs
    (3, 18, 3)
    """
    n = require_positive("n_features", n_features, at_most=limits.QUBITS)
    weights = layer_weights(n, n_layers, reuploads, mirrored=mirrored)
    inputs = ParameterVector("x", n)
    scalings = ParameterVector("s", reuploads * n if input_scaling else 0)
    circuit = QuantumCircuit(n, name=f"zz_router_{n}x{n_layers}")
    angle, scaling = iter(weights), iter(scalings)
    for block in range(reuploads):
        if block:
            circuit.barrier()
        seen = [next(scaling) * x if input_scaling else x for x in inputs]
        _append_feature_map(circuit, seen)
        append_layers(circuit, angle, n_layers, entanglement, mirrored=mirrored)
    return RouterCircuit(
        circuit=circuit,
        inputs=inputs,
        weights=[*weights, *scalings],
        observables=tuple(z_observables(n)),
        layout=WeightLayout(
            n_layers=n_layers * reuploads,
            n_qubits=n,
            n_scalings=len(scalings),
            mirrored=mirrored,
        ),
    )


def _append_feature_map(circuit: QuantumCircuit, inputs: list[ParameterExpression]) -> None:
    for qubit, x in enumerate(inputs):
        circuit.h(qubit)
        circuit.p(2 * x, qubit)
    for qubit, (x, y) in enumerate(pairwise(inputs)):
        circuit.cx(qubit, qubit + 1)
        circuit.p(2 * (math.pi - x) * (math.pi - y), qubit + 1)
        circuit.cx(qubit, qubit + 1)
