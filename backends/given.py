"""What Qiskit's users hold in their hands in place of a name, and the backend that it means."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Union, cast

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import NoiseProfile, capture

if TYPE_CHECKING:
    from qiskit.providers import BackendV2
    from qiskit.transpiler import Target
    from qiskit_aer import AerSimulator
    from qiskit_aer.noise import NoiseModel

    from qmoe_qiskit.backends.noisy.circuit import NoiseSource

# What `open_backend` accepts besides a specification.
Given = Union[NoiseProfile, "BackendV2", "Target", "NoiseModel", "AerSimulator"]

# The date of the calibration of a target, which has none: equal targets are equal calibrations.
_UNDATED = datetime(1970, 1, 1, tzinfo=UTC)

_KINDS = (
    "a backend is opened by a name, such as 'noisy:ibm_torino', or from a NoiseProfile, a fake or "
    "another BackendV2 of Qiskit, a Target with errors, a NoiseModel of Aer, or an AerSimulator"
)


def is_given(backend: object) -> bool:
    """Whether `open_backend` takes an object; an account's device is taken only to say why not."""
    if isinstance(backend, NoiseProfile):
        return True
    from qiskit.providers import BackendV2
    from qiskit.transpiler import Target
    from qiskit_aer.noise import NoiseModel

    return isinstance(backend, BackendV2 | Target | NoiseModel)


def meaning_of(given: object) -> tuple[str, NoiseProfile | NoiseSource | BackendV2]:
    """Return the name of the backend that an object means, and what it runs.

    A name that opens nothing says so: it is in angle brackets.

    Returns:
        For a `BackendV2` that is no AerSimulator, a name "runtime:..." and the object itself, to be
        run by IBM's primitives. Otherwise a name "noisy:..." and the noise.

    Raises:
        InputError: If the object is of no accepted kind, or has no noise to simulate.
    """
    if isinstance(given, NoiseProfile):
        return spec_of(given), given
    if not is_given(given):
        raise InputError(f"{_refused(given)}; {_KINDS}")
    from qiskit.providers import BackendV2
    from qiskit_aer import AerSimulator
    from qiskit_aer.noise import NoiseModel
    from qiskit_ibm_runtime import IBMBackend

    if isinstance(given, IBMBackend):
        raise InputError(
            f"{given.name} is opened by its name, with the account that qiskit-ibm-runtime has "
            f"stored: use 'runtime:{given.name}'; NoiseProfile.from_backend takes its calibration"
        )
    if isinstance(given, AerSimulator):
        given = given.options.noise_model or NoiseModel()
    if isinstance(given, NoiseModel):
        from qmoe_qiskit.backends.noisy.aer_model import AerNoise

        noise = AerNoise(model=deepcopy(given))  # Aer's users change models in place
        return noise.spec, noise
    if isinstance(given, BackendV2):
        from qmoe_qiskit.hardware.devices.fake import is_fake

        return (f"runtime:{given.name}" if is_fake(given) else f"runtime:<{given.name}>"), given
    profile = capture(cast("Target", given), at=_UNDATED)
    if not any(gate.error for gate in profile.gates):
        raise InputError(
            "the target states no gate errors, so that there is no noise to simulate: use "
            "'noisy:ideal' or 'statevector', or a target with InstructionProperties(error=...)"
        )
    return spec_of(profile), profile


def spec_of(profile: NoiseProfile) -> str:
    """Return the name of a noise profile's backend: of the bundled profile, or one that says which.

    >>> from qmoe_qiskit import load_profile
    >>> spec_of(load_profile("ibm_torino"))
    'noisy:ibm_torino'
    >>> spec_of(load_profile("ibm_torino").scale(2))
    'noisy:<ibm_torino of 2025-02-26, hash 5b6405b18946>'
    """
    from qmoe_qiskit.noise_profiles import list_profiles, load_profile

    device = profile.device
    if device in list_profiles():
        bundled = load_profile(device)
        if bundled is profile or bundled.content_hash == profile.content_hash:
            return f"noisy:{device}"
    date = "" if profile.captured_at == _UNDATED else f" of {profile.captured_at:%Y-%m-%d}"
    return f"noisy:<{device}{date}, hash {profile.content_hash[:12]}>"


def refuse_description(spec: str) -> None:
    """Raise InputError if a name is one of those that say what ran, and open nothing."""
    kind, _, rest = spec.partition(":")
    if rest.startswith("<") and rest.endswith(">"):
        raise InputError(
            f"backend {spec!r} names what was given as an object or a file: give it again, "
            + (
                "such as 'noisy:FILE.json'; a run keeps the calibration that it was trained on in "
                "its profile.json"
                if kind == "noisy"
                else "as the backend that was run"
            )
        )


def _refused(given: object) -> str:
    if isinstance(given, type):
        return f"{given.__name__} is a class: give an object of it, such as {given.__name__}()"
    if hasattr(given, "compile"):
        return f"backend {getattr(given, 'name', given)!r} is open already: use it as it is"
    return f"{type(given).__name__} is no backend"
