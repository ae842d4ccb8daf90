"""How calibrations change with time, and a plausible later one, see `NoiseProfile.drift`.

The sizes below were measured on the calibrations that successive releases of qiskit-ibm-runtime
hold of the same device: fifteen pairs, 14 to 899 days apart, of twelve devices with 27 to 156
qubits (auckland, brisbane, cairo, cusco, fez, hanoi, kawasaki, kyiv, marrakesh, quebec, sherbrooke,
torino). For each pair and parameter: the standard deviation over the qubits or gates of the
logarithm of the ratio, estimated by 1.4826 times the median absolute deviation; then the median
over the pairs. Correlations are taken from ranks. Between pairs the sizes vary by about a half.

The pairs two weeks apart (hanoi) and five weeks apart (fez, marrakesh) have changed as much in T1
as those years apart: the fluctuation is bounded and forgets where it was. It is modelled as
stationary, with a memory of one day, the usual interval between calibrations.

Not modelled: qubits and couplers that fail or come back, and changes of the whole device at once.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles.changes.scaling import scaled_probability
from qmoe_qiskit.noise_profiles.thermal import changed_gates

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles.calibration import QubitCalibration
    from qmoe_qiskit.noise_profiles.profile import NoiseProfile
    from qmoe_qiskit.typing import FloatArray

# Standard deviations of the logarithm after a long time.
T1_SPREAD = 0.35
T2_SPREAD = 0.41
P_MEAS1_PREP0_SPREAD = 0.77
P_MEAS0_PREP1_SPREAD = 0.61
ONE_QUBIT_GATE_SPREAD = 0.58
TWO_QUBIT_GATE_SPREAD = 0.43
T1_T2_CORRELATION = 0.3
READOUT_CORRELATION = 0.46
MEMORY_HOURS = 24.0


def drifted(
    profile: NoiseProfile, rng: np.random.Generator | int, *, hours: float, strength: float
) -> NoiseProfile:
    """Return a plausible later calibration, see `NoiseProfile.drift`.

    The gates on the same qubits, in either order, share one factor: their errors are measured
    together. It multiplies their depolarizing probability; the part of their error that is
    relaxation follows T1 and T2.
    """
    for name, value in (("hours", hours), ("strength", strength)):
        if not 0 <= value < math.inf:
            raise InputError(f"{name} of drift is {value!r}: it must be a number of at least 0")
    try:
        later = profile.captured_at + timedelta(hours=float(hours))
    except OverflowError as error:
        raise InputError(f"hours of drift is {hours!r}: too many for a date") from error
    note = f"drifted: hours {float(hours)!r}, strength {float(strength)!r}"
    history = (*profile.history, note)
    spread = strength * math.sqrt(-math.expm1(-hours / MEMORY_HOURS))
    if spread == 0:
        return replace(profile, captured_at=later, history=history)
    generator = np.random.default_rng(rng)
    # One row per qubit: T1, T2 and the two probabilities of a wrong outcome.
    normal_Q4 = generator.standard_normal((profile.n_qubits, 4))
    pairs = zip(profile.qubits, normal_Q4, strict=True)
    qubits = tuple(_drifted_qubit(qubit, normal_4, spread) for qubit, normal_4 in pairs)
    places = sorted({tuple(sorted(gate.qubits)) for gate in profile.gates})
    factors = {}
    for place, normal in zip(places, generator.standard_normal(len(places)), strict=True):
        size = ONE_QUBIT_GATE_SPREAD if len(place) == 1 else TWO_QUBIT_GATE_SPREAD
        factors[place] = _factor(spread * size, normal)
    gates = changed_gates(profile, qubits, lambda gate: factors[tuple(sorted(gate.qubits))])
    return replace(profile, captured_at=later, qubits=qubits, gates=gates, history=history)


def _drifted_qubit(
    qubit: QubitCalibration, normal_4: FloatArray, spread: float
) -> QubitCalibration:
    for_t1, for_t2, for_prep0, for_prep1 = map(float, normal_4)
    for_t2 = _correlated(for_t1, for_t2, T1_T2_CORRELATION)
    for_prep1 = _correlated(for_prep0, for_prep1, READOUT_CORRELATION)
    t1, t2 = qubit.t1, qubit.t2
    if t1 is not None:
        t1 *= _factor(spread * T1_SPREAD, for_t1)
    if t2 is not None:
        t2 *= _factor(spread * T2_SPREAD, for_t2)
    if t1 is not None and t2 is not None:
        t2 = min(t2, 2 * t1)
    return replace(
        qubit,
        t1=t1,
        t2=t2,
        p_meas1_prep0=scaled_probability(
            qubit.p_meas1_prep0, _factor(spread * P_MEAS1_PREP0_SPREAD, for_prep0)
        ),
        p_meas0_prep1=scaled_probability(
            qubit.p_meas0_prep1, _factor(spread * P_MEAS0_PREP1_SPREAD, for_prep1)
        ),
    )


def _correlated(first: float, second: float, correlation: float) -> float:
    return correlation * first + math.sqrt(1 - correlation**2) * second


def _factor(spread: float, normal: float) -> float:
    """Return a log-normal factor of median 1; kept within e^±20 so that nothing overflows."""
    return math.exp(min(max(spread * normal, -20.0), 20.0))
