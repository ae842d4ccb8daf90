"""Circuits of early devices, whose one-qubit gates are u1, u2 and u3, in the pulses they stand for.

IBM's primitives turn a qubit by rz, and cannot take a parameter of u1, u2 or u3. These are defined
by rz, which takes no time, and sx, which is one pulse: u1 has none, u2 one and u3 two.
"""

from dataclasses import replace

import numpy as np
from qiskit import QuantumCircuit

from qmoe_qiskit.noise_profiles import NoiseProfile

U_GATES = frozenset({"u1", "u2", "u3"})
# Which gate has the error and the duration of what stands in the circuit instead.
_CALIBRATED_AS = {"u1": "rz", "u2": "sx", "u3": "x"}


def has_u_gates(profile: NoiseProfile) -> bool:
    """Whether a device has u1, u2 and u3 instead of rz and sx."""
    return set(profile.basis_gates).issuperset(U_GATES) and "rz" not in profile.basis_gates


def pulses_of(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit in which rz and sx replace u1, u2 and u3; the same up to a phase."""
    new: QuantumCircuit = circuit.copy_empty_like()
    for step in circuit.data:
        gate = step.operation
        if gate.name not in U_GATES:
            new.append(step)
            continue
        *others, last = gate.params
        (qubit,) = step.qubits
        if gate.name == "u1":
            new.rz(last, qubit)
        elif gate.name == "u2":
            new.rz(last - np.pi / 2, qubit)
            new.sx(qubit)
            new.rz(others[0] + np.pi / 2, qubit)
        else:
            new.rz(last, qubit)
            new.sx(qubit)
            new.rz(others[0] + np.pi, qubit)
            new.sx(qubit)
            new.rz(others[1] + np.pi, qubit)
    return new


def with_pulses(profile: NoiseProfile) -> NoiseProfile:
    """Return a profile that has rz, sx and x besides u1, u2 and u3, with their calibration."""
    gates = [
        replace(gate, name=_CALIBRATED_AS[gate.name])
        for gate in profile.gates
        if gate.name in _CALIBRATED_AS
    ]
    return replace(
        profile,
        basis_gates=(*profile.basis_gates, *_CALIBRATED_AS.values()),
        gates=(*profile.gates, *gates),
    )
