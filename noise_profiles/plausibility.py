"""What is odd about a calibration that can be simulated: numbers no device has, unusable gates."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from qmoe_qiskit.noise_profiles.calibration import Repair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qmoe_qiskit.noise_profiles.calibration import GateCalibration, QubitCalibration
    from qmoe_qiskit.noise_profiles.profile import NoiseProfile

# What IBM's devices have, from the first to today's, with room; in s. A number outside may be in
# another unit than its source says.
PLAUSIBLE_S = {
    "dt": (1e-11, 1e-8),
    "1-qubit gate": (1e-9, 5e-7),
    "2-qubit gate": (1e-8, 4e-6),
    "readout duration": (1e-7, 2e-5),
    "T1": (1e-7, 1e-2),
    "T2": (1e-7, 2e-2),
}
# Gates of which it is known, without Qiskit and Aer, that they can be simulated.
_ONE_QUBIT = frozenset({"id", "rx", "rz", "sx", "u1", "u2", "u3", "x"})
_TWO_QUBITS = frozenset({"cx", "cz", "ecr", "rzz"})
_NOTHING = "an error of 0, which nothing that takes time has"
_ALWAYS = "an error of 1, which means that it does not work"


def implausible(
    dt: float | None, qubits: Sequence[QubitCalibration], gates: Sequence[GateCalibration]
) -> Iterator[Repair]:
    """Yield the numbers that no device of IBM has; they are kept as they are."""
    yield from _times("dt", "dt", (), dt)
    for gate in gates:
        kind = f"{len(gate.qubits)}-qubit gate"
        if kind in PLAUSIBLE_S and gate.name != "reset":
            yield from _times(f"{gate.name} duration", kind, gate.qubits, gate.duration)
            takes_time = bool(gate.duration) or len(gate.qubits) > 1
            yield from _errors(f"{gate.name} error", gate.qubits, gate.error, takes_time=takes_time)
    for qubit in qubits:
        place = (qubit.qubit,)
        for item, time in (
            ("T1", qubit.t1),
            ("T2", qubit.t2),
            ("readout duration", qubit.readout_length),
        ):
            yield from _times(item, item, place, time)
        yield from _errors("readout error", place, qubit.readout_error, takes_time=True)


def notes_on(profile: NoiseProfile) -> list[str]:
    """Return sentences on what is implausible in a profile, and on gates that are not used."""
    groups: dict[tuple[str, str], list[Repair]] = defaultdict(list)
    for doubt in implausible(profile.dt, profile.qubits, profile.gates):
        groups[doubt.item, doubt.reason].append(doubt)
    notes = []
    for (item, reason), (first, *others) in groups.items():
        places = f" on qubit{'s' * (len(first.qubits) > 1)} {' '.join(map(str, first.qubits))}"
        more = f" and {len(others)} other place{'s' * (len(others) > 1)}" if others else ""
        notes.append(f"{item} {first.found:g}{places if first.qubits else ''}{more}: {reason}")
    return notes + [f"{name} is not used: {why}" for name, why in _unusable(profile)]


def _unusable(profile: NoiseProfile) -> Iterator[tuple[str, str]]:
    known = {(name, 1) for name in _ONE_QUBIT} | {(name, 2) for name in _TWO_QUBITS}
    for name in profile.basis_gates:
        there = {(name, len(gate.qubits)) for gate in profile.gates if gate.name == name}
        if there and there <= known:
            continue
        from qmoe_qiskit.noise_profiles.simulated import why_unusable

        if (why := why_unusable(profile, name)) is not None:
            yield name, why


def _times(item: str, kind: str, qubits: tuple[int, ...], value: float | None) -> Iterator[Repair]:
    least, most = PLAUSIBLE_S[kind]
    if value and not least <= value <= most:
        yield _doubt(item, qubits, value, f"devices have {least:g} to {most:g} s")


def _errors(
    item: str, qubits: tuple[int, ...], value: float | None, *, takes_time: bool
) -> Iterator[Repair]:
    if value is not None and (value >= 1 or (value == 0 and takes_time)):
        yield _doubt(item, qubits, value, _ALWAYS if value else _NOTHING)


def _doubt(item: str, qubits: tuple[int, ...], value: float, why: str) -> Repair:
    reason = f"implausible: {why}; kept as it is"
    return Repair(action="assumed", item=item, qubits=qubits, found=float(value), reason=reason)
