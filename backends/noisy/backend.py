"""The noisy backend: a device's calibration, evaluated exactly or by Aer's shots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit_aer import AerSimulator
from qiskit_aer.noise import QuantumError

from qmoe_qiskit.backends.aer_reference import unfolded
from qmoe_qiskit.backends.mitigation.readout import apply_readout_error
from qmoe_qiskit.backends.noisy.channels import NoiseChannels
from qmoe_qiskit.backends.noisy.circuit import NoisyCircuit
from qmoe_qiskit.backends.noisy.depolarizing import MAX_PROBABILITY, with_depolarizing
from qmoe_qiskit.backends.noisy.sampling import SampledRouter
from qmoe_qiskit.backends.noisy.synthetic import synthetic_profile
from qmoe_qiskit.backends.protocols import CompiledRouter
from qmoe_qiskit.backends.statevector import PROBE_TOLERANCE, BatchedRouter, check_probe
from qmoe_qiskit.backends.transpile.device import fit_to_device, without_measurements
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.simulation import DensityProgram
from qmoe_qiskit.simulation.lowering import Channel, lower, lower_circuit
from qmoe_qiskit.simulation.representation import transfer_matrix

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles import NoiseProfile, QubitCalibration

MITIGATIONS = ("none", "readout")
# A density matrix of 10 qubits takes 8 MiB, and one is kept per step on the way back.
MAX_EXACT_QUBITS = 10
# The observables of all 2^20 bit strings of 20 qubits take 160 MiB.
MAX_SAMPLED_QUBITS = 20


# Aer leaves out the terms of an error that have a probability below 1e-10. The error of a two-qubit
# gate, depolarizing times relaxation on both qubits, has up to 144 terms.
AER_TRUNCATION = 144e-10


@dataclass(frozen=True, kw_only=True)
class Depolarizing:
    """Depolarizing noise on an ideal device; see `with_depolarizing`.

    Raises:
        InputError: If the probability is not between 0 and 3/4.
    """

    probability: float
    every_gate: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= MAX_PROBABILITY:
            raise InputError(
                f"depolarizing probability must lie between 0 and {MAX_PROBABILITY}, got "
                f"{self.probability}"
            )


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """A device with every pair of qubits coupled; see `synthetic_profile`."""

    t1_s: float = math.inf
    t2_s: float = math.inf
    readout_error: float = 0.0

    def __post_init__(self) -> None:
        self.profile(1)  # refuses impossible numbers when the backend is opened

    def profile(self, n_qubits: int) -> NoiseProfile:
        """Return the device with as many qubits."""
        return synthetic_profile(
            n_qubits, t1_s=self.t1_s, t2_s=self.t2_s, readout_error=self.readout_error
        )


@dataclass(frozen=True, kw_only=True)
class NoisyBackend:
    """Router circuits under noise.

    Attributes:
        name: The specification that opens this backend again.
        noise: A device's calibration, one of a synthetic device, or depolarizing noise without a
            device.
        shots: Shots per sample by AerSimulator, or None for exact values and derivatives.
        seed: Of shots and of Qiskit's routing.
        qubits: Device qubits to use; by default those with the smallest expected error.
        mitigation: "none", or "readout": measured values are corrected by the invert_readout_error
            assignment matrices of the profile.

    Raises:
        InputError: If a setting is not accepted.
    """

    name: str
    noise: NoiseProfile | Synthetic | Depolarizing
    shots: int | None = None
    seed: int | None = None
    qubits: tuple[int, ...] | None = None
    mitigation: str = "none"

    def __post_init__(self) -> None:
        if self.shots is not None:
            require_positive("shots", self.shots)
        if self.mitigation not in MITIGATIONS:
            raise unknown_name("mitigation", self.mitigation, MITIGATIONS)
        if self.qubits is not None and isinstance(self.noise, Depolarizing | Synthetic):
            raise InputError(f"backend {self.name!r} has no device qubits to choose: omit qubits")

    def compile(self, router: RouterCircuit) -> CompiledRouter:
        """Transpile and place a circuit; compare a probe point with Aer's density matrix.

        Raises:
            InputError: If the device cannot run the circuit.
            EngineMismatchError: If the probe differs from Aer's value.
        """
        lower(router)  # refuses what cannot be evaluated, before the transpiler meets it
        self._check_width(router.n_qubits)
        if isinstance(self.noise, Depolarizing):
            noisy = _depolarized(router, self.noise)
        else:
            profile = (
                self.noise.profile(router.n_qubits)
                if isinstance(self.noise, Synthetic)
                else self.noise
            )
            noisy = _on_device(router, profile, qubits=self.qubits, seed=self.seed)
        mitigated = self.mitigation == "readout"
        if self.shots is not None:
            return SampledRouter(noisy, shots=self.shots, mitigated=mitigated, seed=self.seed)
        width = noisy.circuit.num_qubits
        self._check_width(width)
        gates, table = lower_circuit(
            noisy.circuit, list(router.inputs), list(router.weights), noise=noisy.channels
        )
        program = DensityProgram(
            gates, table, width, noisy.observables_of_states(mitigated=mitigated)
        )
        compiled = BatchedRouter(
            router=router,
            program=program,
            isa_circuit=noisy.full,
            physical_qubits=noisy.physical_qubits,
        )
        check_probe(
            compiled,
            lambda inputs, weights: _by_aer(noisy, inputs, weights, mitigated=mitigated),
            np.random.default_rng(self.seed),
            remedy="a number of shots",
            tolerance=PROBE_TOLERANCE + AER_TRUNCATION * len(noisy.circuit.data),
        )
        return compiled

    def _check_width(self, n_qubits: int) -> None:
        exact = self.shots is None
        most = MAX_EXACT_QUBITS if exact else MAX_SAMPLED_QUBITS
        if n_qubits > most:
            raise InputError(
                f"the router takes {n_qubits} qubits: noisy evaluation takes at most {most} "
                + ("without shots; set shots, or use a smaller router" if exact else "with shots")
            )


def _on_device(
    router: RouterCircuit, profile: NoiseProfile, *, qubits: Sequence[int] | None, seed: int | None
) -> NoisyCircuit:
    # Exact or sampled, the circuit is the same.
    most = MAX_EXACT_QUBITS if router.n_qubits <= MAX_EXACT_QUBITS else None
    placed = fit_to_device(router, profile, qubits=qubits, most_qubits=most, seed=seed)
    active = profile.subset(placed.active)
    model = active.to_noise_model()
    return NoisyCircuit(
        router=router,
        circuit=without_measurements(placed.compact),
        channels=NoiseChannels(model),
        noise_model=model,
        measured=placed.measured,
        assignment=tuple(_assignment(active.qubits[q]) for q in placed.measured),
        full=placed.full,
        physical_qubits=placed.physical_qubits,
    )


def _assignment(qubit: QubitCalibration) -> np.ndarray:
    """Return A[measured, true]; a probability that was not reported counts as 0."""
    up, down = qubit.p_meas1_prep0 or 0.0, qubit.p_meas0_prep1 or 0.0
    return np.array([[1 - up, down], [up, 1 - down]])


def _depolarized(router: RouterCircuit, noise: Depolarizing) -> NoisyCircuit:
    circuit = unfolded(router.circuit, "density_matrix")
    circuit = with_depolarizing(router, circuit, noise.probability, every_gate=noise.every_gate)
    return NoisyCircuit(
        router=router,
        circuit=circuit,
        channels=_own_channel,
        noise_model=None,
        measured=tuple(range(router.n_qubits)),
        assignment=(np.eye(2),) * router.n_qubits,
        full=router.circuit,
        physical_qubits=tuple(range(router.n_qubits)),
    )


def _own_channel(operation: Any, qubits: tuple[int, ...]) -> list[Channel]:  # noqa: ANN401
    """Return the channel that an Aer error instruction in the circuit itself stands for."""
    if operation.name != "quantum_channel":
        return []
    error: QuantumError = operation._quantum_error  # noqa: SLF001
    return [Channel(matrix=transfer_matrix(error), qubits=qubits)]


def _by_aer(
    noisy: NoisyCircuit,
    inputs_F: np.ndarray,
    weights_W: np.ndarray,
    *,
    mitigated: bool,
) -> np.ndarray:
    """Evaluate one point by Aer's density matrix, followed by the readout assignment: (O,)."""
    router = noisy.router
    values = dict(zip([*router.inputs, *router.weights], [*inputs_F, *weights_W], strict=True))
    used = set(noisy.circuit.parameters)
    bound = noisy.circuit.assign_parameters({p: float(v) for p, v in values.items() if p in used})
    bound.save_probabilities(list(noisy.measured))
    simulator = AerSimulator(method="density_matrix", noise_model=noisy.noise_model)
    probabilities_S = simulator.run(bound, shots=1).result().data()["probabilities"]
    observables_OD = apply_readout_error(
        noisy.observables_of_strings(mitigated=mitigated), noisy.assignment
    )
    by_aer: np.ndarray = observables_OD @ probabilities_S
    return by_aer
