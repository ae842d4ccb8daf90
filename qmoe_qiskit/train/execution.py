"""Where a classifier's circuit runs: from its settings to an open backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qmoe_qiskit.backends import Backend, open_backend
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile

# What the setting `backend` may be: a specification, a calibration, or an open backend.
Where = str | NoiseProfile | Backend


def open_for(
    backend: Where,
    *,
    shots: int | None = None,
    mitigation: str = "none",
    device_qubits: Sequence[int] | None = None,
    seed: int | None = None,
) -> Backend:
    """Open the backend that settings describe; one that is open already stays as it is.

    Args:
        backend: Specification for `open_backend`, noise profile of a device, or open backend.
        shots: See `open_backend`.
        mitigation: See `open_backend`.
        device_qubits: See `open_backend`, where they are called qubits.
        seed: See `open_backend`.

    Raises:
        InputError: If a setting is not accepted, or the backend is open and has its own.
    """
    qubits = None if device_qubits is None else tuple(int(q) for q in device_qubits)
    if isinstance(backend, NoiseProfile):
        from qmoe_qiskit.backends.noisy.backend import NoisyBackend

        return NoisyBackend(
            name=label_of(backend),
            noise=backend,
            shots=shots,
            seed=seed,
            qubits=qubits,
            mitigation=mitigation,
        )
    if isinstance(backend, str):
        return open_backend(backend, shots=shots, seed=seed, qubits=qubits, mitigation=mitigation)
    if shots is not None or qubits is not None or mitigation != "none":
        raise InputError(
            f"backend {backend.name!r} is open already: shots, mitigation and device_qubits are "
            "set where it is opened, with open_backend"
        )
    return backend


def profile_of(backend: Where) -> NoiseProfile | None:
    """Return the calibration behind a backend that has a device, else None."""
    if isinstance(backend, NoiseProfile):
        return backend
    noise = getattr(backend, "noise", None)
    return noise if isinstance(noise, NoiseProfile) else None


def options_of(backend: Where) -> dict[str, Any] | None:
    """Return the settings of IBM's primitives that differ from the defaults, as JSON types."""
    options = getattr(backend, "options", None)
    return None if options is None else options.model_dump(mode="json", exclude_defaults=True)


def label_of(backend: Where) -> str:
    """Return a backend's name for records: of a calibration the device, not the file's path.

    Raises:
        ProfileError: If a file that is named cannot be used.
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
