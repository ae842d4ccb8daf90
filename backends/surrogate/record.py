"""Where and how the values of a surrogate were measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qmoe_qiskit.backends.protocols import CompiledRouter


@dataclass(frozen=True, kw_only=True)
class MeasurementRecord:
    """The origin of a surrogate's values.

    Attributes:
        backend: Name of the backend.
        calibration_hash: Hash of the calibration of its device; None without one.
        physical_qubits: The device qubit that held each of the router's qubits.
        expected_error: See `CompiledRouter.expected_error`.
        n_measured: Number of measured points, those of the check included.
        shots: Shots per point; None for exact values.
    """

    backend: str
    calibration_hash: str | None
    physical_qubits: tuple[int, ...]
    expected_error: float | None
    n_measured: int
    shots: int | None

    @classmethod
    def of(
        cls, compiled: CompiledRouter | None, n_measured: int, shots: int | None
    ) -> MeasurementRecord:
        """Return the record of a measurement with a compiled router."""
        given: Any = compiled
        profile = getattr(given, "profile", None)
        return cls(
            backend=str(getattr(given, "backend_name", "unknown")),
            calibration_hash=getattr(profile, "content_hash", None),
            physical_qubits=() if compiled is None else tuple(map(int, given.physical_qubits)),
            expected_error=None if compiled is None else given.expected_error,
            n_measured=n_measured,
            shots=shots,
        )

    @property
    def executions(self) -> int | None:
        """Number of shots of all points; None for exact values."""
        return None if self.shots is None else self.n_measured * self.shots
