"""A full record of where a model's circuit ran: backend, calibration, shots, qubits."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qmoe_qiskit.hardware.options import RuntimeOptions
    from qmoe_qiskit.noise_profiles import NoiseProfile
    from qmoe_qiskit.train import QMoEClassifier


@dataclass(frozen=True, kw_only=True)
class CalibrationRecord:
    """The identity of a noise profile; attributes are those of `NoiseProfile`.

    Attributes:
        device: Name of the device.
        family: Processor family, or None if it is unknown.
        captured_at: Time of the calibration, UTC, ISO 8601.
        content_hash: SHA-256, in hex, of the profile.
        history: Changes to the calibration since then.
    """

    device: str
    family: str | None
    captured_at: str
    content_hash: str
    history: tuple[str, ...]

    @classmethod
    def of(cls, profile: NoiseProfile) -> CalibrationRecord:
        """Return the record of a profile."""
        return cls(
            device=profile.device,
            family=profile.family,
            captured_at=profile.captured_at.isoformat().replace("+00:00", "Z"),
            content_hash=profile.content_hash,
            history=profile.history,
        )

    def __str__(self) -> str:
        date, _, time = self.captured_at.rstrip("Z").partition("T")
        return "; ".join(
            [f"calibration of {date} {time[:5]} UTC, hash {self.content_hash[:12]}", *self.history]
        )


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Where a model's circuit ran.

    Attributes:
        backend: Name of the backend.
        calibration: Record of its device's calibration, or None.
        shots: Number of shots per row; None for exact values.
        mitigation: Name of the error mitigation, such as "readout" or "TREX", or "none".
        physical_qubits: The device qubit that held each of the router's qubits.
        seed: Seed of shots and of Qiskit's routing.
        simulated: Whether a device of IBM's runtime was a fake on this machine; None for the
            other backends, all of which are simulations.
        instance: Instance of the account that paid; None on this machine.
        primitive: "estimator" or "sampler" of IBM's runtime; None for the other backends.
        resilience_level: Resilience level of the estimator; None for the sampler and the other
            backends.
        options: Settings of IBM's primitives that differ from the defaults; None for the other
            backends.
        slots: Number of slots, if several rows were evaluated at once; `physical_qubits` lists
            their qubits slot after slot.
    """

    backend: str
    calibration: CalibrationRecord | None
    shots: int | None
    mitigation: str
    physical_qubits: tuple[int, ...]
    seed: int | None
    simulated: bool | None = None
    instance: str | None = None
    primitive: str | None = None
    resilience_level: int | None = None
    options: dict[str, Any] | None = None
    slots: int | None = None

    def __repr__(self) -> str:
        return f"<Execution on {self}>"

    def __str__(self) -> str:
        parts = [f"backend {self.backend!r}"]
        if self.instance is not None:
            parts[0] += f" of instance {self.instance!r}"
        if self.simulated:
            parts[0] = f"fake {parts[0]}, simulated on this machine"
        if self.calibration is not None:
            parts[0] += f" ({self.calibration})"
            qubits = f"qubits {' '.join(map(str, self.physical_qubits))}"
            parts.append(qubits if self.slots is None else f"{self.slots} slots on {qubits}")
        if self.shots is not None:
            parts.append(f"{self.shots} shots")
        elif self.backend != "statevector":
            parts.append("exact")
        if self.primitive is not None:
            parts.append(self.primitive)
            if self.resilience_level is not None:
                parts[-1] += f" at resilience level {self.resilience_level}"
        if self.mitigation != "none" or self.primitive is not None:
            parts.append(f"mitigation {self.mitigation!r}")
        said = {"primitive", "resilience_level"}
        others = {k: v for k, v in (self.options or {}).items() if k not in said}
        if others:
            parts.append(f"options {json.dumps(others)}")
        return ", ".join(parts)


def stated(options: RuntimeOptions) -> dict[str, Any]:
    """Return the fields of an execution that the options of IBM's primitives decide."""
    estimates = options.primitive == "estimator"
    return {
        "primitive": options.primitive,
        "resilience_level": options.resilience_level if estimates else None,
        "mitigation": options.mitigation,
        "options": options.model_dump(mode="json", exclude_defaults=True),
    }


def described(router: str, execution: Execution | None, n_votes: int | None = None) -> str:
    """Return the description of router, execution and votes per row that a metric carries."""
    votes = "" if n_votes is None else f", {n_votes} vote{'s' * (n_votes > 1)} per row"
    return f"router {router!r}" + ("" if execution is None else f", {execution}") + votes


def execution_of(classifier: QMoEClassifier) -> Execution | None:
    """Return where a fitted classifier's circuit runs, or None if its router is classical."""
    from qmoe_qiskit.backends.runtime.compiled_router import RuntimeRouter
    from qmoe_qiskit.backends.surrogate import FourierSurrogate
    from qmoe_qiskit.train.execution import label_of, profile_of

    compiled, backend = classifier.compiled_router, classifier.backend_
    if compiled is None:
        return None
    profile = profile_of(backend)
    if isinstance(compiled, FourierSurrogate):
        record = compiled.record
        return Execution(
            backend=compiled.backend_name,
            calibration=None
            if record.calibration is None
            else CalibrationRecord(**asdict(record.calibration)),
            shots=compiled.shots,
            mitigation=record.mitigation,
            physical_qubits=compiled.physical_qubits,
            seed=None,
            slots=record.slots,
        )
    if isinstance(compiled, RuntimeRouter):
        backend, profile = compiled.backend, compiled.profile
    facts: dict[str, Any] = {
        "calibration": None if profile is None else CalibrationRecord.of(profile),
        "shots": getattr(backend, "shots", None),
        "physical_qubits": compiled.physical_qubits,
        "seed": getattr(backend, "seed", None),
        "slots": getattr(compiled, "n_slots", None),
    }
    if not isinstance(compiled, RuntimeRouter):
        mitigation = getattr(backend, "mitigation", "none")
        return Execution(backend=label_of(backend), mitigation=mitigation, **facts)
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice

    device = compiled.backend.device
    return Execution(
        # The device's own name, even if the least busy device was requested.
        backend=f"runtime:{device.name}",
        simulated=device.is_local,
        instance=device.client.instance if isinstance(device, IBMDevice) else None,
        **facts,
        **stated(compiled.backend.options),
    )
