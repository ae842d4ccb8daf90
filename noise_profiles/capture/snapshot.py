"""How a backend describes itself at one moment: by its target, and properties if it has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from qiskit.providers import BackendV2
from qiskit.transpiler import Target
from qiskit_ibm_runtime import IBMBackend, fake_provider
from qiskit_ibm_runtime.fake_provider.fake_backend import FakeBackendV2

from qmoe_qiskit.errors import InputError, ProfileError, unknown_name
from qmoe_qiskit.noise_profiles.capture.reading import Reading, read_gates, read_qubits
from qmoe_qiskit.noise_profiles.profile import NoiseProfile

if TYPE_CHECKING:
    from qiskit_ibm_runtime.models import BackendConfiguration, BackendProperties


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A device's description of itself.

    Attributes:
        device: Name of the device.
        family: Processor family, or None if it is unknown.
        captured_at: The time when the calibration was current.
        source: Attribution of the data.
        target: What the device offers, with errors and durations.
        properties: What a target cannot hold, for IBM's devices; else None.
    """

    device: str
    family: str | None
    captured_at: datetime
    source: str
    target: Target
    properties: BackendProperties | None

    def to_profile(self) -> NoiseProfile:
        """Return the profile, with all repairs.

        Raises:
            ProfileError: If the device has no calibrated qubits and gates.
        """
        if not self.target.num_qubits:
            raise ProfileError(f"{self.device} has no fixed qubits, so it has no calibration")
        reading = Reading(target=self.target, properties=self.properties)
        gates, basis_gates = read_gates(reading)
        qubits = read_qubits(reading)  # second: dead gates make unusable qubits
        usable = {qubit.qubit for qubit in qubits if qubit.operational}
        for gate in gates:
            if len(gate.qubits) > 1 and not usable.issuperset(gate.qubits):
                reading.log.note(
                    "dropped", gate.name, gate.qubits, gate.error, "on an unusable qubit"
                )
        return NoiseProfile(
            device=self.device,
            family=self.family,
            captured_at=self.captured_at.astimezone(UTC),
            source=self.source,
            dt=self.target.dt,
            basis_gates=basis_gates,
            qubits=qubits,
            gates=tuple(gate for gate in gates if usable.issuperset(gate.qubits)),
            physical_qubits=tuple(range(self.target.num_qubits)),
            repairs=tuple(reading.log.repairs),
        )


def take_snapshot(
    source: str | BackendV2 | Target, *, name: str | None, at: datetime | None
) -> Snapshot:
    """Ask a source for its calibration, see `capture`."""
    if isinstance(source, str):
        source = _fake_backend(source)
    if isinstance(source, FakeBackendV2):
        return _of_fake(source, name, at)
    if isinstance(source, IBMBackend):
        return _of_device(source, name, at)
    if not isinstance(source, BackendV2 | Target):
        raise InputError(
            f"a noise profile is captured from a Qiskit backend or target, or from the name of a "
            f"fake backend such as 'fake_torino', got {type(source).__name__}"
        )
    target = source if isinstance(source, Target) else source.target
    device = name or getattr(source, "name", None) or target.description or "target"
    return Snapshot(
        device=device,
        family=None,
        captured_at=at or datetime.now(UTC),
        source=f"Qiskit {'target' if source is target else 'backend'} {device!r}",
        target=target,
        properties=None,
    )


def _of_fake(backend: FakeBackendV2, name: str | None, at: datetime | None) -> Snapshot:
    if at is not None:
        raise InputError(f"{backend.name} is one calibration, of its own date: leave out the time")
    properties = backend.properties()
    release = ".".join(version("qiskit-ibm-runtime").split(".")[:2])
    return Snapshot(
        device=name or properties.backend_name,
        family=_family(backend.configuration()),
        captured_at=properties.last_update_date,
        source=(
            f"IBM Quantum calibration of {properties.backend_name}, version "
            f"{properties.backend_version}: {type(backend).__name__} of qiskit-ibm-runtime "
            f"{release} (Copyright IBM, Apache License 2.0), converted, and repaired as listed here"
        ),
        target=backend.target,
        properties=properties,
    )


def _of_device(backend: IBMBackend, name: str | None, at: datetime | None) -> Snapshot:
    # The backend caches what `target` gives; a moment makes it ask the service.
    moment = at or datetime.now(UTC)
    properties = backend.properties(datetime=moment)
    if properties is None:
        raise ProfileError(f"{backend.name} has no calibration at {moment.isoformat()}")
    return Snapshot(
        device=name or backend.name,
        family=_family(backend.configuration()),
        captured_at=properties.last_update_date,
        source=(
            f"IBM Quantum calibration of {backend.name}, version {properties.backend_version}, "
            "captured from the service, and repaired as listed here"
        ),
        target=backend.target_history(datetime=moment),
        properties=properties,
    )


def _fake_backend(name: str) -> FakeBackendV2:
    kinds = (kind for kind in vars(fake_provider).values() if isinstance(kind, type))
    fakes = {
        str(vars(kind)["backend_name"]): kind
        for kind in kinds
        if issubclass(kind, FakeBackendV2) and "backend_name" in vars(kind)
    }
    if name not in fakes:
        raise unknown_name("fake backend", name, fakes)
    return fakes[name]()


def _family(configuration: BackendConfiguration) -> str | None:
    """Return the processor's family, revision and segment as IBM writes them: "Falcon r5.11L"."""
    kind = getattr(configuration, "processor_type", None)
    if not kind or "family" not in kind:
        return None
    revision = f" r{kind['revision']}" if "revision" in kind else ""
    return f"{kind['family']}{revision}{kind.get('segment', '')}"
