"""The noisy backend: a device's calibration, evaluated exactly or by Aer's shots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit import limits
from qmoe_qiskit.backends.mitigation.folding import check_factor
from qmoe_qiskit.backends.mitigation.registry import MITIGATIONS, Mitigation
from qmoe_qiskit.backends.noisy.circuit import NoiseSource, NoisyCircuit
from qmoe_qiskit.backends.noisy.combined import NoisyRouter, combined
from qmoe_qiskit.backends.noisy.device import on_device, slot_finder, under_noise
from qmoe_qiskit.backends.noisy.exact import MAX_EXACT_QUBITS, exact_router
from qmoe_qiskit.backends.noisy.sampling import SampledRouter
from qmoe_qiskit.backends.protocols import CompiledRouter, check_router
from qmoe_qiskit.backends.slots.noisy import PackedNoisyRouter
from qmoe_qiskit.backends.slots.request import SlotRequest
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.noise_profiles import NoiseProfile
from qmoe_qiskit.simulation import diagonals
from qmoe_qiskit.simulation.lowering import check_angles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmoe_qiskit.typing import FloatArray

# The observables of all 2^20 bit strings of 20 qubits take 160 MiB.
MAX_SAMPLED_QUBITS = 20


@dataclass(frozen=True, kw_only=True)
class NoisyBackend:
    """Router circuits under noise.

    Attributes:
        name: The specification that opens this backend again.
        noise: The calibration of a device, or noise without one, such as `Depolarizing`.
        shots: The number of Aer's shots per sample and noise factor, or None for exact values and
            derivatives.
        seed: The seed of shots and of Qiskit's routing.
        qubits: The device qubits to use; None for those with the smallest expected error.
        mitigation: The name of an entry of `MITIGATIONS`.
        noise_factor: How many times each two-qubit gate is executed: 1, or 3, 5, ... to amplify
            the noise.
        slots: The regions of the device that are to evaluate samples at once; None for one.

    Raises:
        InputError: If a setting is not accepted.
    """

    name: str
    noise: NoiseProfile | NoiseSource
    shots: int | None = None
    seed: int | None = None
    qubits: tuple[int, ...] | None = None
    mitigation: str = "none"
    noise_factor: int = 1
    slots: SlotRequest | None = None

    def __post_init__(self) -> None:
        if self.shots is not None:
            require_positive("shots", self.shots, at_most=limits.SHOTS)
        MITIGATIONS.get(self.mitigation)
        check_factor(self.noise_factor)
        if isinstance(self.noise, NoiseProfile):
            return
        if self.qubits is not None:
            raise InputError(f"backend {self.name!r} has no device qubits to choose: omit qubits")
        if self.slots is not None:
            raise InputError(
                f"backend {self.name!r} has no device qubits to pack slots on: omit slots, or name "
                "a device, such as 'noisy:ibm_torino'"
            )

    def compile(self, router: RouterCircuit) -> CompiledRouter:
        """Transpile and place a circuit; compare a probe point with Aer's density matrix.

        Raises:
            InputError: If the device cannot run the circuit, or its errors cannot be mitigated.
            EngineMismatchError: If the probe differs from Aer's value.
        """
        check_router(router)
        check_angles(router)  # before the transpiler meets what cannot be evaluated
        self._check_width(router.n_qubits)
        mitigation = MITIGATIONS.get(self.mitigation)
        factors = [self.noise_factor * factor for factor in mitigation.noise_factors]
        settings: dict[str, Any] = {"noise_factors": factors, "seed": self.seed}
        rng = np.random.default_rng(self.seed)
        if not isinstance(self.noise, NoiseProfile):
            return self._combined(router, self.noise.add_to(router, **settings), mitigation, rng)
        if self.slots is None:
            circuits = on_device(router, self.noise, qubits=self.qubits, **settings)
            return self._combined(router, circuits, mitigation, rng)
        finder = slot_finder(router, self.noise, qubits=self.qubits, **settings)
        found = finder.find(self.slots)
        noisy = [
            under_noise(router, finder.profile, slot.circuit, noise_factors=factors)
            for slot in found.slots
        ]

        def compile_slots(shots: int | None) -> list[NoisyRouter]:
            backend, rng = replace(self, shots=shots), np.random.default_rng(self.seed)
            return [backend._combined(router, each, mitigation, rng) for each in noisy]  # noqa: SLF001

        return PackedNoisyRouter(
            router,
            found.slots,
            compile_slots,
            request=self.slots,
            shots=self.shots,
            seed=self.seed,
            backend_name=self.name,
        )

    def _combined(
        self,
        router: RouterCircuit,
        circuits: Sequence[NoisyCircuit],
        mitigation: Mitigation,
        rng: np.random.Generator,
    ) -> NoisyRouter:
        """Return a router from its circuits: all noise factors of a basis come together."""
        size = len(mitigation.noise_factors)
        groups = [circuits[k : k + size] for k in range(0, len(circuits), size)]
        parts = [self._evaluated(group, mitigation, rng) for group in groups]
        return parts[0] if len(parts) == 1 else combined(router, parts, np.ones(len(parts)))

    def _evaluated(
        self, circuits: Sequence[NoisyCircuit], mitigation: Mitigation, rng: np.random.Generator
    ) -> NoisyRouter:
        """Return one basis of a router, from its circuits with each noise factor."""
        router = circuits[0].router
        plain_OD = diagonals(router.observables)
        observables_OD = mitigation.correct(plain_OD, circuits[0].assignment)
        parts = [self._evaluator(noisy, observables_OD, rng) for noisy in circuits]
        if len(parts) == 1:
            return parts[0]
        return combined(router, parts, mitigation.weights(mitigation.noise_factors))

    def _evaluator(
        self, noisy: NoisyCircuit, observables_OD: FloatArray, rng: np.random.Generator
    ) -> NoisyRouter:
        if self.shots is not None:
            return SampledRouter(noisy, observables_OD, self.shots, rng, backend_name=self.name)
        self._check_width(noisy.circuit.num_qubits)
        return exact_router(noisy, observables_OD, rng, backend_name=self.name)

    def _check_width(self, n_qubits: int) -> None:
        exact = self.shots is None
        most = MAX_EXACT_QUBITS if exact else MAX_SAMPLED_QUBITS
        if n_qubits > most:
            raise InputError(
                f"the router takes {n_qubits} qubits: noisy evaluation takes at most {most} "
                + ("without shots; set shots, or use a smaller router" if exact else "with shots")
            )
