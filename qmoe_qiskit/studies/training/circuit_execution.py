"""How a router's circuit is executed: backend, shots, mitigation, changes of a calibration."""

from dataclasses import dataclass
from functools import lru_cache

from qmoe_qiskit.backends import BackendSpec, open_backend
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import NoiseProfile
from qmoe_qiskit.train.execution import profile_of


@dataclass(frozen=True, kw_only=True)
class CircuitExecution:
    """A backend with shots and mitigation, whose stored calibration may be changed first.

    Attributes:
        backend: Specification of a simulator for `open_backend`.
        shots: Number of shots per sample; None for exact values.
        mitigation: "none" or "readout".
        gates: Factor on the calibration's gate errors, see `NoiseProfile.scale`.
        relaxation: Factor on the calibration's relaxation.
        readout: Factor on the calibration's readout errors.
        drift_hours: Time since the calibration in hours; 0 is the calibration itself.
    """

    backend: str = "statevector"
    shots: int | None = None
    mitigation: str = "none"
    gates: float = 1.0
    relaxation: float = 1.0
    readout: float = 1.0
    drift_hours: float = 0.0

    @property
    def is_exact(self) -> bool:
        """Whether the execution has neither noise nor shots."""
        return self == EXACT

    def check(self) -> None:
        """Refuse an execution whose backend cannot be opened.

        Raises:
            InputError: If the backend is unknown, is no simulator, or has no such settings.
        """
        _check(self)

    def resolve_backend(self, seed: int) -> str | NoiseProfile:
        """Return the backend as a classifier takes it: a specification or a noise profile.

        Args:
            seed: Seed of the drift of the device.
        """
        profile = _profile(self.backend)
        if profile is None:
            return self.backend
        scaled = profile.scale(gates=self.gates, relaxation=self.relaxation, readout=self.readout)
        return scaled.drift(seed, hours=self.drift_hours) if self.drift_hours else scaled

    def profiles(self) -> dict[str, str]:
        """Return the content hash of the stored calibration that it uses, if any, by backend."""
        profile = _profile(self.backend)
        return {} if profile is None else {self.backend: profile.content_hash}


EXACT = CircuitExecution()


@lru_cache
def _profile(backend: str) -> NoiseProfile | None:
    """Return the stored calibration that a specification names, or None."""
    return profile_of(open_backend(backend)) if backend.startswith("noisy:") else None


@lru_cache
def _check(setting: CircuitExecution) -> None:
    if setting.backend.startswith("runtime:"):
        raise InputError(
            f"backend {setting.backend!r} is no simulator of this project: a study takes "
            "'statevector' or the noisy backends, such as 'noisy:ibm_torino'"
        )
    changed = setting != CircuitExecution(
        backend=setting.backend, shots=setting.shots, mitigation=setting.mitigation
    )
    if changed and _profile(setting.backend) is None:
        raise InputError(
            f"backend {setting.backend!r} has no calibration that factors or drift could change: "
            "they are for stored ones, such as 'noisy:ibm_torino'"
        )
    BackendSpec(
        backend=setting.resolve_backend(0), shots=setting.shots, mitigation=setting.mitigation
    ).open()
