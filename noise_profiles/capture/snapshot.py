"""Asking a backend for its description of itself at one moment: target and properties."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from qiskit.providers import BackendV2
from qiskit.transpiler import Target
from qiskit_ibm_runtime import IBMBackend, fake_provider
from qiskit_ibm_runtime.fake_provider.fake_backend import FakeBackendV2
from qiskit_ibm_runtime.models import BackendConfiguration, BackendProperties

from qmoe_qiskit.errors import InputError, ProfileError, unknown_name
from qmoe_qiskit.noise_profiles.capture.csv_file import device_and_time, properties_of_csv
from qmoe_qiskit.noise_profiles.capture.properties import checked, properties_of_json, target_of
from qmoe_qiskit.noise_profiles.capture.reading import Reading
from qmoe_qiskit.noise_profiles.files.json_file import read_file

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles.profile import NoiseProfile

# What the name of a file ends with; the name of a fake does not.
FILES = (".json", ".csv")


def profile_of(
    kind: type[NoiseProfile],
    source: str | Path | BackendV2 | Target | BackendProperties,
    *,
    name: str | None,
    at: datetime | None,
) -> NoiseProfile:
    """Ask a source for its calibration and return the profile of a class, see `capture`."""
    if isinstance(source, Path) or (isinstance(source, str) and source.endswith(FILES)):
        source, origin = _properties_of_file(Path(source), at)
        return _profile_of_properties(kind, source, origin, name)
    if isinstance(source, BackendProperties):
        _refuse_time(source.backend_name, at)
        return _profile_of_properties(kind, checked(source), "from its properties", name)
    if isinstance(source, str):
        if at is None:
            return _profile_of_fake(kind, source, name)  # type: ignore[arg-type] # has a hash
        source = _fake_backend(source)
    if isinstance(source, FakeBackendV2):
        _refuse_time(source.name, at)
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
            "a noise profile is captured from a Qiskit backend or target, the name of a fake "
            "backend such as 'fake_torino', or the properties of a device or a file of them, "
            f"got {type(source).__name__}"
        )
    calibration = f"IBM Quantum calibration of {device}, version {properties.backend_version}"
    return Reading(kind=kind, target=target, properties=properties).profile(
        device=name or device,
        family=_family(source.configuration()),
        captured_at=properties.last_update_date,
        source=calibration + origin,
    )


@lru_cache(maxsize=16)
def _profile_of_fake(kind: type[NoiseProfile], fake: str, name: str | None) -> NoiseProfile:
    """Return the profile of a fake, kept, for its file takes up to a second to read."""
    return profile_of(kind, _fake_backend(fake), name=name, at=None)


def _properties_of_file(path: Path, at: datetime | None) -> tuple[BackendProperties, str]:
    """Return what a file says about a device, and how it came from there."""
    text, _ = read_file(path)
    name = f"calibration {str(path)!r}"
    if path.suffix == ".csv":
        device, when = device_and_time(path.stem)
        if when is not None:
            _refuse_time(path.name, at)
        # A table does not say when: without a better answer, it was when the file was written.
        when = at or when or datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
        properties = properties_of_csv(text, name, device=device, at=when)
        return properties, "from a table of IBM Quantum Platform"
    if path.suffix != ".json":
        raise InputError(f"{name} must be a .json file of properties or a .csv file of IBM's table")
    _refuse_time(path.name, at)
    return properties_of_json(text, name), "from a file of its properties"


def _profile_of_properties(
    kind: type[NoiseProfile], properties: BackendProperties, origin: str, name: str | None
) -> NoiseProfile:
    device, version = properties.backend_name, properties.backend_version
    return Reading(kind=kind, target=target_of(properties), properties=properties).profile(
        device=name or device,
        family=None,
        captured_at=properties.last_update_date,
        source=f"IBM Quantum calibration of {device}, version {version}, {origin}, and repaired "
        "as listed here",
    )


def _refuse_time(what: str, at: datetime | None) -> None:
    if at is not None:
        raise InputError(f"{what} is one calibration, of its own date: leave out the time")


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
