"""What is asked for when a router is compared under noise."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.runs.relative_paths import WithPaths, with_file
from qmoe_qiskit.runs.request import TrainingRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.backends import BackendSpec
    from qmoe_qiskit.noise_profiles import NoiseProfile


@dataclass(frozen=True, kw_only=True, repr=False)
class NoiseRequest(WithPaths):
    """All that decides the result of a comparison.

    Attributes:
        device: Name of a noise profile, or path of a .json file that holds one.
        training: Settings of the quantum router's training, whose backend is not used.
        shots: Number of shots per row of the evaluations under noise, or None for exact values.
            Trainings are exact.
        mitigation: Mitigation of trainings and evaluations under noise, see `open_backend`.
        device_qubits: Device qubits to run on, see `open_backend`, where they are called qubits.
        later: Name or file of the later calibration; None for a drift of the device's calibration.
        drift_hours: Time between the calibration and the later one, in hours.
        drift_seed: Seed of the drift.
    """

    device: str
    training: TrainingRequest = field(default_factory=TrainingRequest)
    shots: int | None = None
    mitigation: str = "none"
    device_qubits: tuple[int, ...] | None = None
    later: str | None = None
    drift_hours: float = 24.0
    drift_seed: int = 0

    @property
    def ideal(self) -> TrainingRequest:
        """The training without noise."""
        return replace(
            self.training,
            router="quantum",
            control=None,
            backend="statevector",
            shots=None,
            mitigation="none",
            device_qubits=None,
        )

    @property
    def noisy(self) -> TrainingRequest:
        """The training under noise."""
        return replace(
            self.ideal,
            backend=f"noisy:{self.device}",
            mitigation=self.mitigation,
            device_qubits=self.device_qubits,
        )

    def profile(self) -> NoiseProfile:
        """Load the device's calibration.

        Raises:
            ProfileError: If no profile has that name, or the file cannot be used.
        """
        from qmoe_qiskit.noise_profiles import load_profile

        return load_profile(self.device)

    def evaluated_on(self, profile: NoiseProfile, qubits: tuple[int, ...] | None) -> BackendSpec:
        """Return the choice of a calibration for the evaluations."""
        from qmoe_qiskit.backends import BackendSpec

        return BackendSpec(
            backend=profile, shots=self.shots, mitigation=self.mitigation, device_qubits=qubits
        )

    def later_profile(self) -> NoiseProfile:
        """Load the later calibration, or draw it.

        Raises:
            InputError: If the profile cannot be used, or a setting of the drift is not accepted.
        """
        from qmoe_qiskit.noise_profiles import load_profile

        profile = self.profile()
        if self.later is not None:
            return load_profile(self.later)
        if self.drift_seed < 0:
            raise InputError(f"the seed of the drift must be at least 0, got {self.drift_seed}")
        return profile.drift(self.drift_seed, hours=self.drift_hours)

    def with_paths(self, change: Callable[[str], str]) -> Self:
        """Return the request with every path of a file changed."""

        def changed(name: str) -> str:
            return with_file(f"noisy:{name}", change).removeprefix("noisy:")

        return replace(
            self,
            training=self.training.with_paths(change),
            device=changed(self.device),
            later=None if self.later is None else changed(self.later),
        )
