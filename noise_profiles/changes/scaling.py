"""Weaker and stronger noise than was measured, see `NoiseProfile.scale`."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles.thermal import changed_gates

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles.calibration import QubitCalibration
    from qmoe_qiskit.noise_profiles.profile import NoiseProfile


def scaled(
    profile: NoiseProfile,
    factor: float | None,
    *,
    gates: float | None,
    relaxation: float | None,
    readout: float | None,
) -> NoiseProfile:
    """Return the profile with every mechanism scaled, see `NoiseProfile.scale`."""
    given = {"gates": gates, "relaxation": relaxation, "readout": readout}
    if factor is None and set(given.values()) == {None}:
        raise InputError("scale needs a factor: for all mechanisms, or for gates=, relaxation= ...")
    for name, value in {"factor": factor, **given}.items():
        if value is not None and not 0 <= value < math.inf:
            raise InputError(
                f"{name} of scale is {value!r}: it must be a number of at least 0; 0 is ideal, "
                "1 as measured"
            )
    rest = 1.0 if factor is None else float(factor)
    factors = {name: rest if value is None else float(value) for name, value in given.items()}
    if set(factors.values()) == {1.0}:
        return profile
    qubits = tuple(
        _scaled_qubit(qubit, factors["relaxation"], factors["readout"]) for qubit in profile.qubits
    )
    changed = profile.gates
    if factors["gates"] != 1 or factors["relaxation"] != 1:
        changed = changed_gates(profile, qubits, lambda _: factors["gates"])
    note = "scaled: " + ", ".join(f"{name} {value!r}" for name, value in factors.items())
    return replace(profile, qubits=qubits, gates=changed, history=(*profile.history, note))


def scaled_probability(probability: float | None, factor: float) -> float | None:
    """Return a probability of a wrong outcome, times a factor, at most 1/2 or as it was."""
    if probability is None:
        return None
    return min(probability * factor, max(probability, 0.5))


def _scaled_qubit(qubit: QubitCalibration, relaxation: float, readout: float) -> QubitCalibration:
    t1, t2 = _shortened(qubit.t1, relaxation), _shortened(qubit.t2, relaxation)
    if t1 is None and qubit.t1 is not None:
        t2 = None  # no rate is left
    return replace(
        qubit,
        t1=t1,
        t2=t2,
        p_meas1_prep0=scaled_probability(qubit.p_meas1_prep0, readout),
        p_meas0_prep1=scaled_probability(qubit.p_meas0_prep1, readout),
    )


def _shortened(time: float | None, factor: float) -> float | None:
    """Return a time whose rate is multiplied, or None where no rate is left.

    It is kept among the times that a profile may have, which is no noise for any circuit.
    """
    if time is None or factor == 0 or time / factor == math.inf:
        return None
    return max(min(time / factor, limits.RELAXATION_S), sys.float_info.min)
