"""Amplified noise by gate folding: what zero-noise extrapolation measures on a device.

Every two-qubit gate G of the circuit as submitted is replaced by G (G^-1 G)^k: the same gate, with
the noise of f = 2k + 1 of them. One-qubit gates and readout stay as they are. This is the amplifier
of IBM's estimator too (T. Giurgica-Tiron et al., arXiv:2005.10921).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from qiskit import QuantumCircuit
from qiskit.transpiler import PassManager, Target
from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDelay, TimeUnitConversion

from qmoe_qiskit.backends import CompiledRouter
from qmoe_qiskit.backends.noisy.channels import NoiseChannels
from qmoe_qiskit.backends.noisy.circuit import NoisyCircuit
from qmoe_qiskit.backends.statevector import BatchedRouter
from qmoe_qiskit.backends.transpile.device import fit_to_device, without_measurements
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import NoiseProfile
from qmoe_qiskit.simulation import DensityProgram
from qmoe_qiskit.simulation.lowering import lower_circuit
from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class FoldedBackend:
    """A device on which every two-qubit gate is executed several times; evaluated exactly.

    Attributes:
        profile: Its calibration.
        factor: How many times: 1, 3, 5, ...
        seed: Of Qiskit's routing.

    Raises:
        InputError: If the factor is not odd.
    """

    profile: NoiseProfile
    factor: int = 1
    seed: int | None = None

    def __post_init__(self) -> None:
        check_factor(self.factor)

    @property
    def name(self) -> str:
        """What runs where."""
        return f"noisy:{self.profile.device}, folded {self.factor} times"

    def compile(self, router: RouterCircuit) -> CompiledRouter:
        """Place a circuit as without folding, fold it, and schedule it anew.

        Raises:
            InputError: If the device cannot run the circuit.
        """
        placed = fit_to_device(router, self.profile, seed=self.seed)
        active = self.profile.subset(placed.active)
        circuit = folded(placed.compact, self.factor, active.to_target())
        model = active.to_noise_model()
        noisy = NoisyCircuit(
            router=router,
            circuit=without_measurements(circuit),
            channels=NoiseChannels(model),
            noise_model=model,
            measured=placed.measured,
            assignment=assignment_of(active, placed.measured),
            full=circuit,
            physical_qubits=placed.physical_qubits,
        )
        gates, table = lower_circuit(
            noisy.circuit, list(router.inputs), list(router.weights), noise=noisy.channels
        )
        program = DensityProgram(
            gates, table, circuit.num_qubits, noisy.observables_of_states(mitigated=False)
        )
        return BatchedRouter(
            router=router,
            program=program,
            isa_circuit=circuit,
            physical_qubits=placed.physical_qubits,
        )


def check_factor(factor: int) -> None:
    """Refuse a factor by which gates cannot be folded.

    Raises:
        InputError: If it is not odd.
    """
    if factor < 1 or factor % 2 == 0:
        raise InputError(f"gates are folded 1, 3, 5, ... times, got {factor}")


def folded(circuit: QuantumCircuit, factor: int, target: Target) -> QuantumCircuit:
    """Return a circuit with every two-qubit gate executed `factor` times, scheduled.

    Args:
        circuit: On a device's gates; its delays are left out and determined anew.
        factor: Odd.
        target: The device.
    """
    new = circuit.copy_empty_like()
    for step in circuit.data:
        if step.operation.name == "delay":
            continue
        new.append(step)
        if step.operation.name != "barrier" and len(step.qubits) == 2:
            inverse = step.operation.inverse()
            assert inverse.name == step.operation.name, "the two-qubit gates are their own inverses"
            for _ in range(factor - 1):
                new.append(step)
    passes = [
        TimeUnitConversion(target=target),
        ALAPScheduleAnalysis(target=target),
        PadDelay(target=target),
    ]
    scheduled: QuantumCircuit = PassManager(passes).run(new)
    return scheduled


def assignment_of(profile: NoiseProfile, qubits: Sequence[int]) -> tuple[FloatArray, ...]:
    """Return A[measured, true] of each qubit, (2, 2); what was not reported counts as 0."""
    matrices = []
    for qubit in qubits:
        calibration = profile.qubits[qubit]
        up, down = calibration.p_meas1_prep0 or 0.0, calibration.p_meas0_prep1 or 0.0
        matrices.append(np.array([[1 - up, down], [up, 1 - down]]))
    return tuple(matrices)


def extrapolation(factors: Sequence[int], degree: int) -> FloatArray:
    """Return the weights whose sum over measured values is a polynomial's value at zero noise.

    The polynomial in the factor is the least-squares one; with as many factors as coefficients it
    goes through all values (Richardson's extrapolation). Shot noise grows by the norm of the
    weights.

    Args:
        factors: Noise factors, at least degree + 1 of them.
        degree: Of the polynomial.
    """
    powers_FD = np.vander(np.asarray(factors, dtype=np.float64), degree + 1, increasing=True)
    weights_F: FloatArray = np.linalg.pinv(powers_FD)[0]
    return weights_F
