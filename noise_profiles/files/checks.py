"""What a profile must satisfy; every profile is checked when it is made."""

from __future__ import annotations

import math
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from qmoe_qiskit import limits
from qmoe_qiskit.errors import ProfileError, quoted

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from qmoe_qiskit.noise_profiles.calibration import GateCalibration, QubitCalibration
    from qmoe_qiskit.noise_profiles.profile import NoiseProfile

_RELAXATION = f"above 0 and at most {limits.RELAXATION_S}, in seconds"


def check_profile(profile: NoiseProfile) -> None:
    """Raise ProfileError, with field and value, if a number is impossible or a qubit unknown."""
    if profile.captured_at.utcoffset() != timedelta(0):
        raise ProfileError(
            f"captured_at is {profile.captured_at.isoformat()!r}: it must be in UTC, such as "
            "'2025-02-26T20:26:08Z'"
        )
    for name in ("device", "source"):
        if not getattr(profile, name).strip():
            raise ProfileError(f"{name} is empty: it must say where the calibration comes from")
    if not _is_positive(profile.dt):
        raise _outside("dt", profile.dt, "above 0, in seconds")
    _check_unique("basis_gates", profile.basis_gates)
    n_qubits = len(profile.qubits)
    if not n_qubits:
        raise ProfileError("qubits is empty: a profile needs at least one qubit")
    if n_qubits > limits.QUBITS:
        raise ProfileError(f"qubits has {n_qubits} entries: at most {limits.QUBITS} are accepted")
    numbers = [qubit.qubit for qubit in profile.qubits]  # sorted
    _check_unique("qubits", numbers)
    if numbers[0] != 0 or numbers[-1] != n_qubits - 1:
        strange = next(q for position, q in enumerate(numbers) if q != position)
        raise ProfileError(
            f"qubits has number {quoted(strange)}, and it has {n_qubits} entries: they must be "
            f"numbered from 0 to {n_qubits - 1}"
        )
    for qubit in profile.qubits:
        _check_qubit(qubit)
        name = f"qubits[{qubit.qubit}].readout_length"
        _check_ticks(name, qubit.readout_length, profile.dt)
    _check_unique("gates", [(gate.name, gate.qubits) for gate in profile.gates])
    for gate in profile.gates:
        _check_gate(gate, n_qubits)
        name = f"gates.{gate.name}{list(gate.qubits)}.duration"
        _check_ticks(name, gate.duration, profile.dt)
    _check_unique("physical_qubits", profile.physical_qubits)
    if len(profile.physical_qubits) != n_qubits or min(profile.physical_qubits) < 0:
        raise ProfileError(
            f"physical_qubits is {quoted(list(profile.physical_qubits))}: it must hold {n_qubits} "
            "numbers from 0, one for each qubit"
        )
    for number, repair in enumerate(profile.repairs):
        _check_known(f"repairs[{number}].qubits", repair.qubits, n_qubits)


def _check_qubit(qubit: QubitCalibration) -> None:
    for name, is_possible, accepted in (
        ("t1", _is_relaxation, _RELAXATION),
        ("t2", _is_relaxation, _RELAXATION),
        ("frequency", _is_positive, "above 0, in hertz"),
        ("p_meas1_prep0", _is_probability, "from 0 to 1"),
        ("p_meas0_prep1", _is_probability, "from 0 to 1"),
        ("readout_length", _is_duration, "at least 0, in seconds"),
    ):
        value = getattr(qubit, name)
        if not is_possible(value):
            raise _outside(f"qubits[{qubit.qubit}].{name}", value, accepted)
    if qubit.t1 is not None and qubit.t2 is not None and qubit.t2 > 2 * qubit.t1:
        accepted = f"at most twice t1, which is {qubit.t1!r}"
        raise _outside(f"qubits[{qubit.qubit}].t2", qubit.t2, accepted)


def _check_gate(gate: GateCalibration, n_qubits: int) -> None:
    name = f"gates.{gate.name}"
    if not gate.qubits or len(set(gate.qubits)) < len(gate.qubits):
        raise _outside(name, list(gate.qubits), "on different qubits")
    if min(gate.qubits) < 0 or max(gate.qubits) >= n_qubits:
        _check_known(f"{name}{quoted(list(gate.qubits))}", gate.qubits, n_qubits)
    if not _is_probability(gate.error):
        raise _outside(f"{name}{list(gate.qubits)}.error", gate.error, "from 0 to 1")
    if not _is_duration(gate.duration):
        where = f"{name}{list(gate.qubits)}.duration"
        raise _outside(where, gate.duration, "at least 0, in seconds")


def _check_ticks(field: str, duration: float | None, dt: float | None) -> None:
    """Refuse a duration that a schedule, which counts in dt, could not hold."""
    longest = min(limits.TICKS * (1e-9 if dt is None else dt), limits.RELAXATION_S)
    if duration is not None and duration > longest:
        raise _outside(field, duration, f"at most {longest:g}, in seconds")


def _check_known(field: str, qubits: Iterable[int], n_qubits: int) -> None:
    for qubit in qubits:
        if not 0 <= qubit < n_qubits:
            raise ProfileError(
                f"{field}: qubit {quoted(qubit)} does not exist: the profile has qubits 0 to "
                f"{n_qubits - 1}"
            )


def _check_unique(field: str, values: Sequence[Hashable]) -> None:
    if len(set(values)) < len(values):
        twice, _ = Counter(values).most_common(1)[0]
        raise ProfileError(f"{field} lists {quoted(twice)} more than once")


# A comparison with NaN is false: these refuse it along with infinity.
def _is_positive(value: float | None) -> bool:
    return value is None or 0 < value < math.inf


def _is_relaxation(value: float | None) -> bool:
    return value is None or 0 < value <= limits.RELAXATION_S


def _is_duration(value: float | None) -> bool:
    return value is None or 0 <= value < math.inf


def _is_probability(value: float | None) -> bool:
    return value is None or 0 <= value <= 1


def _outside(field: str, value: object, accepted: str) -> ProfileError:
    return ProfileError(f"{field} is {quoted(value)}: it must be {accepted}")
