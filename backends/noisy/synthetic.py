"""Devices that do not exist: every pair of qubits coupled, one kind of noise or none."""

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
from qmoe_qiskit.noise_profiles.thermal import relaxation_fidelity

# Gate and readout times of a Heron processor (ibm_kingston, April 2026), in s.
DT_S = 4e-9
DURATION_S = {"rz": 0.0, "sx": 32e-9, "x": 32e-9, "cz": 68e-9}
READOUT_S = 2.28e-6


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """A device with every pair of qubits coupled, without gate errors beyond relaxation.

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
        if not (self.t1_s > 0 and self.t2_s > 0 and self.t2_s <= 2 * self.t1_s):
            raise InputError(
                f"thermal noise needs T1 > 0 and 0 < T2 <= 2 T1, got T1 = {1e6 * self.t1_s:g} us "
                f"and T2 = {1e6 * self.t2_s:g} us"
            )
        if not 0 <= self.readout_error <= 1:
            raise InputError(
                f"the readout error must lie between 0 and 1, got {self.readout_error}"
            )

    def profile(self, n_qubits: int) -> NoiseProfile:
        """Return the calibration of the device with this number of qubits."""
        qubits = tuple(
            QubitCalibration(
                qubit=q,
                t1=self.t1_s if math.isfinite(self.t1_s) else None,
                t2=self.t2_s if math.isfinite(self.t2_s) else None,
                p_meas1_prep0=self.readout_error,
                p_meas0_prep1=self.readout_error,
                readout_length=READOUT_S,
            )
            for q in range(n_qubits)
        )
        gates = [
            GateCalibration(
                name=name,
                qubits=place,
                error=1 - relaxation_fidelity([qubits[q] for q in place], duration),
                duration=duration,
            )
            for name, duration in DURATION_S.items()
            for place in permutations(range(n_qubits), 2 if name == "cz" else 1)
        ]
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

    def add_to(
        self, router: RouterCircuit, *, noise_factors: Sequence[int], seed: int | None
    ) -> list[NoisyCircuit]:
        """See `NoiseSource.add_to`."""
        profile = self.profile(router.n_qubits)
        return on_device(router, profile, seed=seed, noise_factors=noise_factors)
