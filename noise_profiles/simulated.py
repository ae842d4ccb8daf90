"""What a simulation takes of a calibration: gates that Aer knows, and a duration of everything."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from qiskit_aer import AerSimulator

from qmoe_qiskit.noise_profiles.standard_gates import standard_gates

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles.profile import NoiseProfile

# How circuits are simulated: exactly or on few qubits, and with one trajectory per shot.
_METHODS = ("density_matrix", "statevector")
_FINE_DT_S = 1e-15


@cache
def unknown_to_aer() -> frozenset[str]:
    """Return the names of Qiskit's standard gates that Aer cannot simulate, such as iswap."""
    known = (set(AerSimulator(method=m).configuration().basis_gates) for m in _METHODS)
    return frozenset(standard_gates()).difference(set.intersection(*known))


def why_unusable(profile: NoiseProfile, name: str) -> str | None:
    """Return why a simulation cannot use a gate that a profile offers, or None if it can."""
    gate = standard_gates().get(name)
    widths = {len(row.qubits) for row in profile.gates if row.name == name}
    if gate is None:
        return "not one of Qiskit's standard gates"
    if name in unknown_to_aer():
        return "not a gate that Aer can simulate"
    if not widths <= {gate.num_qubits}:
        return f"in Qiskit it acts on {gate.num_qubits}, here on {max(widths)} at once"
    return None


def simulated(profile: NoiseProfile) -> NoiseProfile:
    """Return a profile with the same noise that can be scheduled and simulated.

    What has no duration takes no time, so that it can be scheduled: without a duration there is no
    relaxation either. Where the time resolution is unknown, it is a femtosecond, to which Qiskit
    rounds in silence: it cannot schedule every circuit in seconds. Gates that Qiskit or Aer does
    not know are not offered.
    """
    return replace(
        profile,
        dt=profile.dt or _FINE_DT_S,
        basis_gates=tuple(g for g in profile.basis_gates if why_unusable(profile, g) is None),
        qubits=tuple(
            qubit if qubit.readout_length is not None else replace(qubit, readout_length=0.0)
            for qubit in profile.qubits
        ),
        gates=tuple(
            gate if gate.duration is not None else replace(gate, duration=0.0)
            for gate in profile.gates
        ),
    )
