"""Amplified noise by gate folding, and the extrapolation from it to zero noise.

Every two-qubit gate G of the circuit as submitted is replaced by G (G^-1 G)^k: the same gate, with
the noise of f = 2k + 1 of them. One-qubit gates and readout stay as they are. This is the amplifier
of IBM's estimator too (T. Giurgica-Tiron et al., arXiv:2005.10921).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from qiskit import QuantumCircuit

from qmoe_qiskit.backends.transpile.isa_circuit import DeviceCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles.scheduling import scheduled
from qmoe_qiskit.typing import FloatArray


def check_factor(factor: int) -> None:
    """Raise InputError if gates cannot be folded by a factor: if it is not odd."""
    if factor < 1 or factor % 2 == 0:
        raise InputError(f"gates are folded 1, 3, 5, ... times, got {factor}")


def folded_on_device(placed: DeviceCircuit, factor: int) -> DeviceCircuit:
    """Return a circuit of a device's gates with every two-qubit gate executed `factor` times.

    The factor is odd. Delays are left out and determined anew.

    Raises:
        InputError: If a gate is not its own inverse.
    """
    if factor == 1:
        return placed
    assert placed.compact is not None
    assert placed.target is not None
    compact = _folded(placed.compact, factor)
    return replace(
        placed,
        gates=_folded(placed.gates, factor),
        compact=scheduled(compact, placed.target) if placed.takes_time else compact,
    )


def _folded(circuit: QuantumCircuit, factor: int) -> QuantumCircuit:
    new: QuantumCircuit = circuit.copy_empty_like()
    for step in circuit.data:
        gate = step.operation
        if gate.name == "delay":
            continue
        new.append(step)
        if gate.name != "barrier" and len(step.qubits) == 2:
            if gate.inverse() != gate:
                raise InputError(
                    f"gate {gate.name!r} is not its own inverse: zero-noise extrapolation repeats "
                    "two-qubit gates that are, such as cx, cz and ecr"
                )
            for _ in range(factor - 1):
                new.append(step)
    return new


def extrapolation(factors: Sequence[int], degree: int) -> FloatArray:
    """Return the weights whose sum over measured values is a polynomial's value at zero noise.

    The polynomial in the factor is the least-squares one; with as many factors as coefficients it
    goes through all values (Richardson's extrapolation). Shot noise grows by the norm of the
    weights.

    Args:
        factors: The noise factors, at least degree + 1 of them.
        degree: The degree of the polynomial.

    >>> extrapolation([1, 3], degree=1).round(6).tolist()
    [1.5, -0.5]
    """
    powers_KD = np.vander(np.asarray(factors, dtype=np.float64), degree + 1, increasing=True)
    weights_K: FloatArray = np.linalg.pinv(powers_KD)[0]
    return weights_K
