"""A part of a device, see `NoiseProfile.subset`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmoe_qiskit.noise_profiles.profile import NoiseProfile


def part(profile: NoiseProfile, qubits: Sequence[int]) -> NoiseProfile:
    """Return the profile of some qubits only, see `NoiseProfile.subset`."""
    known = range(profile.n_qubits)
    strange = [q for q in qubits if not hasattr(q, "__index__") or int(q) not in known]
    if strange or not len(qubits):
        what = f"qubit {strange[0]!r} does not exist" if strange else "no qubits were given"
        raise ProfileError(f"{what}: {profile.device} has qubits 0 to {profile.n_qubits - 1}")
    new = {int(old): number for number, old in enumerate(qubits)}
    if len(new) < len(qubits):
        raise ProfileError(f"a qubit is given twice in {[int(q) for q in qubits]}")

    def renumbered(old: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(new[q] for q in old)

    return replace(
        profile,
        qubits=tuple(replace(profile.qubits[old], qubit=number) for old, number in new.items()),
        gates=tuple(
            replace(gate, qubits=renumbered(gate.qubits))
            for gate in profile.gates
            if new.keys() >= set(gate.qubits)
        ),
        repairs=tuple(
            replace(repair, qubits=renumbered(repair.qubits))
            for repair in profile.repairs
            if new.keys() >= set(repair.qubits)
        ),
        physical_qubits=tuple(profile.physical_qubits[old] for old in new),
    )
