"""Gate errors split as Aer splits them: relaxation during the gate, and depolarization.

Aer's device noise is a depolarizing channel followed by the relaxation of every qubit during the
gate, together with the average infidelity that was measured. With F the average fidelity of the
relaxation alone and d the dimension, a depolarizing probability p gives the infidelity
1 - F + p (d F - 1) / d. A gate whose measured error is below 1 - F has p = 0.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qmoe_qiskit.noise_profiles.calibration import GateCalibration, QubitCalibration
    from qmoe_qiskit.noise_profiles.profile import NoiseProfile

# Below this, d F - 1 is rounding: relaxation has left nothing that could depolarize.
NOTHING_LEFT = 1e-9


class Relaxing(Protocol):
    """What relaxes: a qubit's calibration here, or its properties in Qiskit."""

    @property
    def t1(self) -> float | None:
        """T1 in s; None for none."""

    @property
    def t2(self) -> float | None:
        """T2 in s; None for 2 T1."""


def relaxation_fidelity(qubits: Sequence[Relaxing], duration: float | None) -> float:
    """Return the average fidelity with the identity of relaxation to the ground state.

    Args:
        qubits: The qubits that relax, at the same time and independently.
        duration: Duration in s; None for no time.
    """
    process = 1.0
    for qubit in qubits:
        t1 = math.inf if qubit.t1 is None else qubit.t1
        t2 = 2 * t1 if qubit.t2 is None else qubit.t2
        time = duration or 0.0
        process *= (1 + math.exp(-time / t1) + 2 * math.exp(-time / t2)) / 4
    dimension = 1 << len(qubits)
    return (dimension * process + 1) / (dimension + 1)


def depolarizing_probability(gate: GateCalibration, qubits: Sequence[QubitCalibration]) -> float:
    """Return the depolarizing probability that a gate's error amounts to beyond relaxation.

    Args:
        gate: The gate; without a measured error its probability is 0.
        qubits: Calibration of the qubits that it acts on.

    Returns:
        A number from 0 to 4^n / (4^n - 1), the greatest for which n qubits' depolarization is a
        physical channel; at 1 the state is completely mixed.
    """
    fidelity = relaxation_fidelity(qubits, gate.duration)
    dimension = 1 << len(qubits)
    room = dimension * fidelity - 1
    if gate.error is None or gate.error <= 1 - fidelity or room < NOTHING_LEFT:
        return 0.0
    error = min(gate.error, dimension / (dimension + 1))  # what any channel can have, as Aer does
    greatest = dimension**2 / (dimension**2 - 1)
    return min(dimension * (error - 1 + fidelity) / room, greatest)


def modelled_error(gate: GateCalibration, qubits: Sequence[QubitCalibration]) -> float | None:
    """Return a gate's error, kept below the limit of relaxation where that has left nothing.

    There Aer divides by d F - 1, which is zero. It takes a smaller error for relaxation alone.
    """
    if gate.error is None:
        return None
    fidelity = relaxation_fidelity(qubits, gate.duration)
    if (1 << len(qubits)) * fidelity - 1 < NOTHING_LEFT:
        return min(gate.error, (1 - NOTHING_LEFT) * (1 - fidelity))
    return gate.error


def changed_gates(
    profile: NoiseProfile,
    qubits: Sequence[QubitCalibration],
    factor: Callable[[GateCalibration], float],
) -> tuple[GateCalibration, ...]:
    """Return a profile's gates after its qubits' relaxation changes and depolarization scales.

    Args:
        profile: The profile as calibrated.
        qubits: The new calibration of all its qubits.
        factor: Takes a gate to the factor of its depolarizing probability; the product saturates
            at 1.
    """
    return tuple(
        replace(gate, error=_changed_error(gate, profile.qubits, qubits, factor(gate)))
        for gate in profile.gates
    )


def _changed_error(
    gate: GateCalibration,
    all_before: Sequence[QubitCalibration],
    all_after: Sequence[QubitCalibration],
    factor: float,
) -> float | None:
    if gate.error is None:
        return None
    before, after = ([qubits[q] for q in gate.qubits] for qubits in (all_before, all_after))
    limit_before = 1 - relaxation_fidelity(before, gate.duration)
    fidelity = relaxation_fidelity(after, gate.duration)
    probability = depolarizing_probability(gate, before)
    if probability == 0:
        # Measured at or below the limit of relaxation: it stays in proportion to that limit.
        share = min(gate.error / limit_before, 1.0) if limit_before > 0 else 0.0
        return share * (1 - fidelity)
    dimension = 1 << len(after)
    room = max(dimension * fidelity - 1, 0.0)
    probability = min(probability * factor, max(probability, 1.0))
    return 1 - fidelity + probability * room / dimension
