"""Where and how the values of a surrogate were measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.backends.protocols import CompiledRouter

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles import NoiseProfile


@dataclass(frozen=True, kw_only=True)
class MeasuredCalibration:
    """The calibration of the device at the time; attributes are those of `NoiseProfile`."""

    device: str
    family: str | None
    captured_at: str
    content_hash: str
    history: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class MeasurementRecord:
    """The origin of a surrogate's values.

    Attributes:
        backend: Name of the backend.
        calibration: Calibration of its device; None without one, or if it is unknown.
        physical_qubits: The device qubit that held each of the router's qubits.
        expected_error: See `CompiledRouter.expected_error`.
        n_measured: Number of measured points, those of the check included.
        shots: Shots per point; None for exact values.
        mitigation: Name of the error mitigation, or "none".
        jobs: Ids of the service's jobs; empty on this machine.
        slots: Number of slots over which each value is a mean; None for one place.
    """

    backend: str
    calibration: MeasuredCalibration | None
    physical_qubits: tuple[int, ...]
    expected_error: float | None
    n_measured: int
    shots: int | None
    mitigation: str = "none"
    jobs: tuple[str, ...] = ()
    slots: int | None = None

    @classmethod
    def of(
        cls,
        compiled: CompiledRouter | None,
        n_measured: int,
        shots: int | None,
        profile: NoiseProfile | None = None,
    ) -> MeasurementRecord:
        """Return the record of a measurement with a compiled router, under a calibration."""
        given: Any = compiled
        profile = profile or getattr(given, "profile", None)
        return cls(
            backend=str(getattr(given, "backend_name", "unknown")),
            calibration=None
            if profile is None
            else MeasuredCalibration(
                device=profile.device,
                family=profile.family,
                captured_at=profile.captured_at.isoformat().replace("+00:00", "Z"),
                content_hash=profile.content_hash,
                history=profile.history,
            ),
            physical_qubits=() if compiled is None else tuple(map(int, given.physical_qubits)),
            expected_error=None if compiled is None else given.expected_error,
            n_measured=n_measured,
            shots=shots,
            slots=getattr(given, "n_slots", None),
        )

    @property
    def executions(self) -> int | None:
        """Number of executions, in all slots at once; None for exact values."""
        return None if self.shots is None else self.n_measured * self.shots // (self.slots or 1)
