"""Where a circuit runs and how its values are measured there: one object instead of four."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from qmoe_qiskit import limits
from qmoe_qiskit.backends.given import Given, is_given
from qmoe_qiskit.backends.mitigation.registry import MITIGATIONS
from qmoe_qiskit.backends.open import open_backend
from qmoe_qiskit.backends.protocols import Backend
from qmoe_qiskit.backends.slots.request import slot_request
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.noise_profiles import NoiseProfile

if TYPE_CHECKING:
    from qmoe_qiskit.hardware.options import RuntimeOptions


@dataclass(frozen=True, kw_only=True)
class BackendSpec:
    """The choice of a backend, before it is opened.

    Attributes:
        backend: A specification or another object for `open_backend`, such as a `NoiseProfile`
            or a fake; or an open backend, whose other settings were made when it was opened.
        shots: The number of shots per sample, or None for exact values.
        mitigation: The name of an entry of `MITIGATIONS`.
        device_qubits: The device qubits to run on, or None for those with the smallest expected
            error.
        options: Settings of IBM's primitives, for the runtime backends only.
        slots: How many samples to evaluate at once, see `open_backend`; None for one at a time.
        spacing: The number of idle qubits between slots, or None for the default.

    Raises:
        InputError: If a setting has a wrong type or value. Whether the backend exists, and accepts
            the settings, is found by `open`.

    >>> BackendSpec(backend="noisy:ideal").open(seed=1).name
    'noisy:ideal'
    """

    backend: str | Given | Backend = "statevector"
    shots: int | None = None
    mitigation: str = "none"
    device_qubits: tuple[int, ...] | None = None
    options: RuntimeOptions | Mapping[str, Any] | None = None
    slots: str | int | None = None
    spacing: int | None = None

    def __post_init__(self) -> None:
        backend, qubits = self.backend, cast("Any", self.device_qubits)
        if not (isinstance(backend, str) or hasattr(backend, "compile") or is_given(backend)):
            raise InputError(
                "backend must be a name, such as 'statevector', a noise profile, another object "
                f"that open_backend takes, or an open backend, got {backend!r}"
            )
        if self.shots is not None:
            require_positive("shots", self.shots, at_most=limits.SHOTS)
        MITIGATIONS.get(self.mitigation)
        slot_request(self.slots, self.spacing)
        if qubits is None:
            return
        if (
            isinstance(qubits, str)
            or not hasattr(qubits, "__iter__")
            or not list(qubits)
            or not all(hasattr(q, "__index__") and not isinstance(q, bool) for q in qubits)
        ):
            raise InputError(
                f"device_qubits must be None or numbers of qubits, such as [3, 4], got {qubits!r}"
            )
        object.__setattr__(self, "device_qubits", tuple(int(q) for q in qubits))

    def replaced(
        self,
        *,
        backend: str | Given | Backend | None = None,
        shots: int | None = None,
        mitigation: str | None = None,
        device_qubits: Sequence[int] | None = None,
        slots: str | int | None = None,
        spacing: int | None = None,
    ) -> BackendSpec:
        """Return the choice with what is given in place of what it had; None is not given.

        Another backend has none of the old settings: what is not given is then the default.
        """
        given = {
            "backend": backend,
            "shots": shots,
            "mitigation": mitigation,
            "device_qubits": device_qubits,
            "slots": slots,
            "spacing": spacing,
        }
        changed: dict[str, Any] = {k: value for k, value in given.items() if value is not None}
        return replace(self, **changed) if backend is None else BackendSpec(**changed)

    def open(self, *, seed: int | None = None) -> Backend:
        """Open the backend; one that is open already stays as it is.

        Args:
            seed: The seed of shots and routing, see `open_backend`.

        Raises:
            InputError: If the backend does not accept a setting, or is open and has its own.
        """
        settings: dict[str, Any] = {
            "shots": self.shots,
            "seed": seed,
            "qubits": self.device_qubits,
            "mitigation": self.mitigation,
            "slots": self.slots,
            "spacing": self.spacing,
        }
        if isinstance(self.backend, NoiseProfile) and self.options is not None:
            raise InputError(
                "a noise profile has no options: they are for the runtime backends, such as "
                "'runtime:ibm_fez'"
            )
        if isinstance(self.backend, str) or is_given(self.backend):
            return open_backend(cast("Any", self.backend), **settings, options=self.options)
        opened = cast("Backend", self.backend)
        if self != BackendSpec(backend=opened):
            raise InputError(
                f"backend {opened.name!r} is open already: shots, mitigation, "
                "device_qubits and slots are set where it is opened, with open_backend"
            )
        return opened
