"""What is recorded about the backend of a classifier: its name, calibration and options."""

from typing import Any

from qmoe_qiskit.backends import Backend
from qmoe_qiskit.backends.given import Given, is_given, meaning_of, spec_of
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile

# The setting `backend`: a specification, another object for `open_backend`, or an open backend.
Where = str | Given | Backend


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
    """Return a backend's name for records: one that opens the same backend on any machine.

    Without such a name, it says which calibration ran, in angle brackets. The path of a file would
    be no such name: another file may be there, or none.

    Raises:
        ProfileError: If the named file cannot be used.
    """
    if is_given(backend):
        return meaning_of(backend)[0]
    name = backend if isinstance(backend, str) else backend.name  # type: ignore[union-attr]
    kind, _, rest = name.partition(":")
    profile = profile_of(backend)
    if kind == "surrogate":
        return "surrogate"
    if kind == "noisy" and not rest.endswith(".json"):
        return name
    if isinstance(backend, str) and kind == "noisy":
        profile = load_profile(rest)
    return name if profile is None else spec_of(profile)
