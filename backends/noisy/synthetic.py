"""Devices that do not exist: every pair of qubits coupled, one kind of noise or none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import permutations

from qmoe_qiskit.backends.noisy.circuit import NoisyCircuit
from qmoe_qiskit.backends.noisy.device import on_device
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import GateCalibration, NoiseProfile, QubitCalibration

# Gate and readout times of a Heron processor (ibm_kingston, April 2026), in s.
DT_S = 4e-9
DURATION_S = {"rz": 0.0, "sx": 32e-9, "x": 32e-9, "cz": 68e-9}
READOUT_S = 2.28e-6


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """A device with every pair of qubits coupled; see `synthetic_profile`.

    Attributes:
        t1_s: T1 of every qubit in s; infinite for no relaxation.
        t2_s: T2 of every qubit in s, at most 2 T1.
        readout_error: The probability of a wrong outcome, the same for both outcomes.

    Raises:
        InputError: If a number is impossible.
    """

    t1_s: float = math.inf
    t2_s: float = math.inf
    readout_error: float = 0.0

    def __post_init__(self) -> None:
        self.profile(1)

    def profile(self, n_qubits: int) -> NoiseProfile:
        """Return the calibration of the device with this number of qubits."""
        return synthetic_profile(
            n_qubits, t1_s=self.t1_s, t2_s=self.t2_s, readout_error=self.readout_error
        )

    def add_to(
        self, router: RouterCircuit, *, noise_factors: Sequence[int], seed: int | None
    ) -> list[NoisyCircuit]:
        """See `NoiseSource.add_to`."""
        profile = self.profile(router.n_qubits)
        return on_device(router, profile, seed=seed, noise_factors=noise_factors)


def synthetic_profile(
    n_qubits: int,
    *,
    t1_s: float = math.inf,
    t2_s: float = math.inf,
    readout_error: float = 0.0,
) -> NoiseProfile:
    """Return the profile of a device without gate errors beyond relaxation.

    Args:
        n_qubits: The number of qubits.
        t1_s: T1 of every qubit in s; infinite for no relaxation.
        t2_s: T2 of every qubit in s, at most 2 T1.
        readout_error: The probability of a wrong outcome, the same for both outcomes.

    Raises:
        InputError: If a number is impossible.
    """
    if not (t1_s > 0 and t2_s > 0 and t2_s <= 2 * t1_s):
        raise InputError(
            f"thermal noise needs T1 > 0 and 0 < T2 <= 2 T1, got T1 = {1e6 * t1_s:g} us and "
            f"T2 = {1e6 * t2_s:g} us"
        )
    if not 0 <= readout_error <= 1:
        raise InputError(f"the readout error must lie between 0 and 1, got {readout_error}")
    qubits = tuple(
        QubitCalibration(
            qubit=q,
            t1=t1_s if math.isfinite(t1_s) else None,
            t2=t2_s if math.isfinite(t2_s) else None,
            p_meas1_prep0=readout_error,
            p_meas0_prep1=readout_error,
            readout_length=READOUT_S,
        )
        for q in range(n_qubits)
    )
    gates = []
    for name, duration in DURATION_S.items():
        for place in permutations(range(n_qubits), 2 if name == "cz" else 1):
            error = 1 - _relaxation_fidelity(duration, t1_s, t2_s, len(place))
            gates.append(GateCalibration(name=name, qubits=place, error=error, duration=duration))
    return NoiseProfile(
        device="synthetic",
        captured_at=datetime(2026, 1, 1, tzinfo=UTC),
        source="synthetic: every pair of qubits coupled, gate times of a Heron processor",
        dt=DT_S,
        basis_gates=tuple(DURATION_S),
        qubits=qubits,
        gates=tuple(gates),
        physical_qubits=tuple(range(n_qubits)),
    )


def _relaxation_fidelity(duration: float, t1_s: float, t2_s: float, n_qubits: int) -> float:
    """Average fidelity of relaxation on each of some qubits: the gate errors that add nothing.

    A channel's average fidelity is (d F + 1) / (d + 1) with F its process fidelity, and process
    fidelities multiply; relaxation has F = (1 + exp(-t/T1) + 2 exp(-t/T2)) / 4.
    """
    one = (1 + math.exp(-duration / t1_s) + 2 * math.exp(-duration / t2_s)) / 4
    d = math.pow(2, n_qubits)
    return (d * math.pow(one, n_qubits) + 1) / (d + 1)
