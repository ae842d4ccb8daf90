"""How the errors of a circuit's outputs are correlated that come from the same shots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.backends.statevector import StatevectorBackend
from qmoe_qiskit.circuits.observables import is_diagonal, measurement_bases
from qmoe_qiskit.simulation.readout import diagonals, walsh_hadamard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.typing import FloatArray

# Above this number of products of terms, two observables are multiplied by their diagonals.
_MOST_PRODUCTS = 4096
# Entries of diagonals that are evaluated at once, 128 MiB.
_ROOM = 2**24
# A variance below this share of the observable's range squared is rounding.
_ROUNDING = 1e-12


def shot_correlations(
    router: RouterCircuit, inputs_BF: FloatArray, weights_W: FloatArray
) -> FloatArray:
    """Return the correlations of the outputs' errors, (B, O, O), in the circuit without noise.

    One shot of a basis measures all observables that the basis holds; bases have independent shots.
    An output whose shots all agree is correlated with no other one.

    Args:
        router: The circuit with its O observables.
        inputs_BF: Inputs in radians.
        weights_W: Weights in radians.
    """
    n_outputs = router.n_outputs
    covariances_BOO = np.zeros((len(inputs_BF), n_outputs, n_outputs))
    for basis in measurement_bases(router.observables):
        measured = router if is_diagonal(router.observables) else router.in_basis(basis)
        covariances_BOO += _covariances(measured, basis.observables, inputs_BF, weights_W)
    range_O = np.array([np.abs(o.coeffs).sum() for o in router.observables])
    variances_BO = np.diagonal(covariances_BOO, axis1=1, axis2=2)
    known_BO = variances_BO > _ROUNDING * range_O**2
    scale_BO = np.where(known_BO, 1 / np.sqrt(np.where(known_BO, variances_BO, 1.0)), 0.0)
    correlations_BOO = covariances_BOO * scale_BO[:, :, None] * scale_BO[:, None, :]
    correlations_BOO = np.clip(correlations_BOO, -1.0, 1.0)
    correlations_BOO[:, range(n_outputs), range(n_outputs)] = 1.0
    return correlations_BOO


def _covariances(
    router: RouterCircuit,
    observables: Sequence[SparsePauliOp],
    inputs_BF: FloatArray,
    weights_W: FloatArray,
) -> FloatArray:
    """Return the covariances of one shot of observables that are diagonal, (B, O, O)."""
    n_outputs = len(observables)
    pairs = [(i, j) for i in range(n_outputs) for j in range(i, n_outputs)]
    products = [_product(observables[i], observables[j]) for i, j in pairs]
    means_BO = _values(router, observables, inputs_BF, weights_W)
    second_BK = _values(router, products, inputs_BF, weights_W)
    covariances_BOO = np.zeros((len(inputs_BF), n_outputs, n_outputs))
    for k, (i, j) in enumerate(pairs):
        covariances_BOO[:, i, j] = covariances_BOO[:, j, i] = (
            second_BK[:, k] - means_BO[:, i] * means_BO[:, j]
        )
    return covariances_BOO


def _values(
    router: RouterCircuit,
    observables: Sequence[SparsePauliOp],
    inputs_BF: FloatArray,
    weights_W: FloatArray,
) -> FloatArray:
    at_once = max(1, _ROOM // 2**router.n_qubits)
    parts = []
    for start in range(0, len(observables), at_once):
        several = router.with_observables(list(observables[start : start + at_once]))
        compiled = StatevectorBackend().compile(several)
        parts.append(compiled.expectations(inputs_BF, weights_W).values)
    return np.concatenate(parts, axis=1)


def _product(first: SparsePauliOp, second: SparsePauliOp) -> SparsePauliOp:
    """Return the product of two diagonal observables."""
    if len(first) * len(second) <= _MOST_PRODUCTS:
        product = (first @ second).simplify()
        return SparsePauliOp(product.paulis, product.coeffs.real)
    first_D, second_D = diagonals([first, second])
    coefficients_D = walsh_hadamard(first_D * second_D) / len(first_D)
    kept = np.flatnonzero(np.abs(coefficients_D) > _ROUNDING * np.abs(coefficients_D).max())
    n_qubits = first.num_qubits
    labels = [format(k, f"0{n_qubits}b").replace("0", "I").replace("1", "Z") for k in kept]
    return SparsePauliOp.from_list(list(zip(labels, coefficients_D[kept], strict=True)))
