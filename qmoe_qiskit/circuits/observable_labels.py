"""Short names of observables, for tables and figures."""

from collections.abc import Sequence

import numpy as np
from qiskit.quantum_info import SparsePauliOp

_MOST_TERMS = 3


def observable_labels(observables: Sequence[SparsePauliOp]) -> tuple[str, ...]:
    """Return a short, unique name for each observable, qubit numbers after the Pauli letters.

    A projector onto a basis state has the name of its probability, with qubit 0 on the right. An
    observable of many terms has its number.

    >>> from qmoe_qiskit.circuits.angle import basis_projectors
    >>> sums = [SparsePauliOp(["IZ"]), SparsePauliOp(["ZX", "II"], [0.5, -1])]
    >>> observable_labels([*sums, *basis_projectors(2, 2)])
    ('Z0', '0.5 X0 Z1 - 1', 'P(00)', 'P(01)')
    """
    labels = [
        _projector(observable) or _sum(observable) or f"output {k}"
        for k, observable in enumerate(observables)
    ]
    counts = {label: labels.count(label) for label in labels}
    return tuple(
        label if counts[label] == 1 else f"{label} (output {k})" for k, label in enumerate(labels)
    )


def _sum(observable: SparsePauliOp) -> str | None:
    """Return the name of a sum of few terms; None for more."""
    if len(observable) > _MOST_TERMS:
        return None
    text = ""
    for letters, coefficient in observable.to_list():
        term = " ".join(f"{p}{q}" for q, p in enumerate(reversed(letters)) if p != "I")
        size = abs(coefficient.real)
        factor = "" if size == 1 and term else f"{size:.3g}"
        sign = "-" if coefficient.real < 0 else "+"
        text += f" {sign} {' '.join(filter(None, (factor, term)))}"
    text = text.removeprefix(" + ")
    return "-" + text.removeprefix(" - ") if text.startswith(" - ") else text


def _projector(observable: SparsePauliOp) -> str | None:
    """Return the name of a projector onto a basis state; None for another observable."""
    n_qubits = observable.num_qubits
    z_TN, coefficients = observable.paulis.z, observable.coeffs.real
    if len(observable) != 2**n_qubits or observable.paulis.x.any():
        return None
    if not np.allclose(np.abs(coefficients), 2.0**-n_qubits, rtol=1e-12, atol=0):
        return None
    # prod_q (1 + (-1)^bit Z_q) / 2: the terms of a single Z have the signs of the bits.
    bits_N = np.zeros(n_qubits, dtype=int)
    for z_N, coefficient in zip(z_TN, coefficients, strict=True):
        if z_N.sum() == 1:
            bits_N[z_N] = coefficient < 0
    expected_T = 2.0**-n_qubits * (-1.0) ** (z_TN @ bits_N)
    distinct = len(np.unique(z_TN, axis=0)) == len(z_TN)
    if not (distinct and np.allclose(coefficients, expected_T, rtol=1e-12, atol=0)):
        return None
    return f"P({''.join(map(str, reversed(bits_N.tolist())))})"
