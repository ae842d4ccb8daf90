"""How calibrations change with time, and a plausible later one, see `NoiseProfile.drift`.

The sizes below were measured on the calibrations that successive releases of qiskit-ibm-runtime
hold of the same device: fifteen pairs, 14 to 899 days apart, of twelve devices with 27 to 156
qubits (auckland, brisbane, cairo, cusco, fez, hanoi, kawasaki, kyiv, marrakesh, quebec, sherbrooke,
torino). For each pair and parameter: the standard deviation over the qubits or gates of the
logarithm of the ratio, estimated by 1.4826 times the median absolute deviation; then the median
over the pairs. Correlations are taken from ranks. Between pairs the sizes vary by about a half.

The pairs two weeks apart (hanoi) and five weeks apart (fez, marrakesh) have changed as much in T1
as those years apart: the fluctuation is bounded and forgets where it was. It is modelled as
stationary, with a memory of one day, the usual interval between calibrations. A drift of a drift
would be a walk that goes anywhere: a sequence of calibrations is made by `NoiseProfile.stream`.

Not modelled: qubits and couplers that fail or come back, and changes of the whole device at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Self

import numpy as np

from qmoe_qiskit.errors import DriftWarning, InputError, warn_user
from qmoe_qiskit.noise_profiles.changes.scaling import scaled_probability
from qmoe_qiskit.noise_profiles.thermal import changed_gates

if TYPE_CHECKING:
    from collections.abc import Iterator

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

# How a line of a profile's history begins.
_NOTE = "drifted:"


def drifted(
    profile: NoiseProfile, rng: np.random.Generator | int, *, hours: float, strength: float
) -> NoiseProfile:
    """Return a plausible later calibration, see `NoiseProfile.drift`.

    The gates on the same qubits, in either order, share one factor: their errors are measured
    together. It multiplies their depolarizing probability; the part of their error that is
    relaxation follows T1 and T2.
    """
    _check(hours=hours, strength=strength)
    if hours and any(note.startswith(_NOTE) for note in profile.history):
        warn_user(
            f"the calibration of {profile.device} has drifted already, and a drift of a drift "
            "changes too much: use stream of the first one for calibrations day by day",
            DriftWarning,
        )
    spread = strength * math.sqrt(-math.expm1(-hours / MEMORY_HOURS))
    deviations = None if spread == 0 else _Deviations.draw(profile, np.random.default_rng(rng))
    return _changed(profile, deviations, spread, hours=hours, strength=strength)


def stream(
    profile: NoiseProfile,
    rng: np.random.Generator | int,
    *,
    days: float,
    every_hours: float,
    strength: float,
) -> Iterator[NoiseProfile]:
    """Return the calibrations of the days to come, see `NoiseProfile.stream`.

    The logarithm of each parameter is a stationary process of first order around a mean that is not
    known: today's value is one draw of it. The ratio of any two calibrations of the stream, and of
    one to today's, has the spread that `drifted` has for the time between them.
    """
    _check(days=days, strength=strength)
    if not 0 < every_hours < math.inf:
        raise InputError(
            f"every_hours of a stream is {every_hours!r}: it must be a number above 0, in hours"
        )
    return _days_to_come(
        profile,
        np.random.default_rng(rng),
        n_steps=int(24 * days / every_hours + 1e-9),
        every_hours=every_hours,
        strength=strength,
    )


def _days_to_come(
    profile: NoiseProfile,
    generator: np.random.Generator,
    *,
    n_steps: int,
    every_hours: float,
    strength: float,
) -> Iterator[NoiseProfile]:
    kept = math.exp(-every_hours / MEMORY_HOURS)
    today = now = _Deviations.draw(profile, generator)
    # Of a stationary process the ratio of two values varies twice as much as a value.
    spread = strength / math.sqrt(2)
    for step in range(1, n_steps + 1):
        fresh = _Deviations.draw(profile, generator)
        now = now.plus(fresh, kept, math.sqrt(1 - kept**2))
        since_today = now.plus(today, 1.0, -1.0)
        hours = step * every_hours
        yield _changed(profile, since_today, spread, hours=hours, strength=strength)


@dataclass(frozen=True)
class _Deviations:
    """Standard normal deviations of the logarithms of a profile's parameters.

    Attributes:
        of_qubits_Q4: Of T1, T2 and the two probabilities of a wrong outcome.
        of_places_P: Of the errors of the gates on the same qubits.
    """

    of_qubits_Q4: FloatArray
    of_places_P: FloatArray

    @classmethod
    def draw(cls, profile: NoiseProfile, generator: np.random.Generator) -> Self:
        """Draw independent deviations; `_drifted_qubit` correlates them."""
        of_qubits_Q4 = generator.standard_normal((profile.n_qubits, 4))
        return cls(of_qubits_Q4, generator.standard_normal(len(_places(profile))))

    def plus(self, other: Self, factor: float, factor_of_other: float) -> Self:
        """Return a linear combination with others."""
        return type(self)(
            factor * self.of_qubits_Q4 + factor_of_other * other.of_qubits_Q4,
            factor * self.of_places_P + factor_of_other * other.of_places_P,
        )


def _check(**values: float) -> None:
    for name, value in values.items():
        if not 0 <= value < math.inf:
            raise InputError(f"{name} of drift is {value!r}: it must be a number of at least 0")


def _places(profile: NoiseProfile) -> list[tuple[int, ...]]:
    return sorted({tuple(sorted(gate.qubits)) for gate in profile.gates})


def _changed(
    profile: NoiseProfile,
    deviations: _Deviations | None,
    spread: float,
    *,
    hours: float,
    strength: float,
) -> NoiseProfile:
    """Return the profile at a later time, its parameters changed by deviations times a spread."""
    try:
        later = profile.captured_at + timedelta(hours=float(hours))
    except OverflowError as error:
        raise InputError(f"hours of drift is {hours!r}: too many for a date") from error
    note = f"{_NOTE} hours {float(hours)!r}, strength {float(strength)!r}"
    history = (*profile.history, note)
    if deviations is None:
        return replace(profile, captured_at=later, history=history)
    pairs = zip(profile.qubits, deviations.of_qubits_Q4, strict=True)
    qubits = tuple(_drifted_qubit(qubit, normal_4, spread) for qubit, normal_4 in pairs)
    factors = {}
    for place, normal in zip(_places(profile), deviations.of_places_P, strict=True):
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
