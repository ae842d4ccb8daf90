"""One noise factor by itself: what a study of extrapolation evaluates."""

from __future__ import annotations

from dataclasses import dataclass

from qmoe_qiskit.backends.mitigation.folding import check_factor
from qmoe_qiskit.backends.noisy.device import on_device
from qmoe_qiskit.backends.noisy.exact import exact_router
from qmoe_qiskit.backends.protocols import CompiledRouter
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.noise_profiles import NoiseProfile
from qmoe_qiskit.simulation import diagonals


@dataclass(frozen=True, kw_only=True)
class FoldedBackend:
    """A device on which every two-qubit gate is executed several times; evaluated exactly.

    Attributes:
        profile: The calibration of the device.
        factor: How many times each two-qubit gate is executed: 1, 3, 5, ...
        seed: The seed of Qiskit's routing.

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
        factors = (self.factor,)
        (noisy,) = on_device(router, self.profile, seed=self.seed, noise_factors=factors)
        return exact_router(noisy, diagonals(router.observables))
