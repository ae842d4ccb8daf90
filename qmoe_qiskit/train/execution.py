"""What is recorded about the backend of a classifier: its name, calibration and options."""

from typing import Any

from qmoe_qiskit.backends import Backend
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile

# The setting `backend`: a specification, the calibration of a device, or an open backend.
Where = str | NoiseProfile | Backend


def profile_of(backend: Where) -> NoiseProfile | None:
    """Return the calibration of a backend's device, or None without a device."""
    if isinstance(backend, NoiseProfile):
        return backend
    noise = getattr(backend, "noise", None)
    return noise if isinstance(noise, NoiseProfile) else None


def options_of(backend: Where) -> dict[str, Any] | None:
    """Return the settings of IBM's primitives that differ from the defaults, as JSON types."""
    options = getattr(backend, "options", None)
    return None if options is None else options.model_dump(mode="json", exclude_defaults=True)


def label_of(backend: Where) -> str:
    """Return a backend's name for records: a calibration's device, not its file's path.

    Raises:
        ProfileError: If the named file cannot be used.
    """
    if isinstance(backend, str):
        kind, _, rest = backend.partition(":")
        if kind != "noisy" or not rest.endswith(".json"):
            return backend
        backend = load_profile(rest)
    profile = profile_of(backend)
    if profile is not None:
        return f"noisy:{profile.device}"
    assert not isinstance(backend, NoiseProfile)
    return backend.name
