"""Fractional gates of Heron devices: rx, and rzz, whose angle must be from 0 to pi/2.

Qiskit brings a fixed angle of rzz into that range. A free angle takes its value when the circuit
runs, so that nothing can be said of its range: gates with one are made of cz, cx or ecr instead.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from qmoe_qiskit.circuits.angles import has_parameters

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qmoe_qiskit.noise_profiles import NoiseProfile

BOUNDED = "rzz"
# Rounding of an angle that Qiskit has brought into the range.
_ROUNDING = 1e-12


def offers_bounded(profile: NoiseProfile) -> bool:
    """Whether a device offers rzz."""
    return BOUNDED in profile.basis_gates


def without_bounded(profile: NoiseProfile) -> NoiseProfile:
    """Return a device that does not offer rzz."""
    gates = tuple(name for name in profile.basis_gates if name != BOUNDED)
    return replace(profile, basis_gates=gates)


def free_pairs_decomposed(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit whose gates on several qubits have no free angles.

    Each gate that has one is replaced by its definition, down to cx and rotations of single qubits.
    """
    new: QuantumCircuit = circuit.copy_empty_like()
    for step in circuit.data:
        if len(step.qubits) > 1 and has_parameters(step.operation):
            parts = free_pairs_decomposed(step.operation.definition)
            new.compose(parts, step.qubits, inplace=True)
        else:
            new.append(step)
    return new


def in_range(circuit: QuantumCircuit) -> bool:
    """Whether every rzz of a circuit has a fixed angle that devices accept."""
    angles = [step.operation.params[0] for step in circuit.data if step.operation.name == BOUNDED]
    return all(
        isinstance(angle, int | float) and -_ROUNDING <= angle <= math.pi / 2 + _ROUNDING
        for angle in angles
    )
