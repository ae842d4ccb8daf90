"""Asking a backend for its description of itself at one moment: target and properties."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from qiskit.providers import BackendV2
from qiskit.transpiler import Target
from qiskit_ibm_runtime import IBMBackend, fake_provider
from qiskit_ibm_runtime.fake_provider.fake_backend import FakeBackendV2
from qiskit_ibm_runtime.models import BackendConfiguration

from qmoe_qiskit.errors import InputError, ProfileError, unknown_name
from qmoe_qiskit.noise_profiles.capture.reading import Reading

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles.profile import NoiseProfile


def profile_of(
    kind: type[NoiseProfile],
    source: str | BackendV2 | Target,
    *,
    name: str | None,
    at: datetime | None,
) -> NoiseProfile:
    """Ask a source for its calibration and return the profile of a class, see `capture`."""
    if isinstance(source, str):
        source = _fake_backend(source)
    if isinstance(source, FakeBackendV2):
        if at is not None:
            raise InputError(
                f"{source.name} is one calibration, of its own date: leave out the time"
            )
        properties, target = source.properties(), source.target
        device = properties.backend_name
        release = ".".join(version("qiskit-ibm-runtime").split(".")[:2])
        origin = (
            f": {type(source).__name__} of qiskit-ibm-runtime {release} (Copyright IBM, Apache "
            "License 2.0), converted, and repaired as listed here"
        )
    elif isinstance(source, IBMBackend):
        # The backend caches what `target` gives; a moment makes it ask the service.
        moment = at or datetime.now(UTC)
        properties = source.properties(datetime=moment)
        if properties is None:
            raise ProfileError(f"{source.name} has no calibration at {moment.isoformat()}")
        device, target = source.name, source.target_history(datetime=moment)
        origin = ", captured from the service, and repaired as listed here"
    elif isinstance(source, BackendV2 | Target):
        target = source if isinstance(source, Target) else source.target
        device = name or getattr(source, "name", None) or target.description or "target"
        return Reading(kind=kind, target=target, properties=None).profile(
            device=device,
            family=None,
            captured_at=at or datetime.now(UTC),
            source=f"Qiskit {'target' if source is target else 'backend'} {device!r}",
        )
    else:
        raise InputError(
            f"a noise profile is captured from a Qiskit backend or target, or from the name of a "
            f"fake backend such as 'fake_torino', got {type(source).__name__}"
        )
    calibration = f"IBM Quantum calibration of {device}, version {properties.backend_version}"
    return Reading(kind=kind, target=target, properties=properties).profile(
        device=name or device,
        family=_family(source.configuration()),
        captured_at=properties.last_update_date,
        source=calibration + origin,
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
