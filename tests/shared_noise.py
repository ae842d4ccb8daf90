"""Noise models that tests share: equal calibrations have equal models, which take long to build."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qiskit_aer.noise import NoiseModel

    from qmoe_qiskit.noise_profiles import NoiseProfile

# By the hash of the profile.
_MODELS: dict[str, NoiseModel] = {}
# What follows each instruction, by the identity of the model, which stays.
_CHANNELS: dict[int, dict[Any, Any]] = {}


@contextmanager
def shared_noise() -> Iterator[None]:
    """Build the noise model of a profile, and the matrices of its errors, once for all tests."""
    from qmoe_qiskit.backends.noisy.device import NoiseChannels
    from qmoe_qiskit.noise_profiles import NoiseProfile

    build, begin = NoiseProfile.to_noise_model, NoiseChannels.__init__

    def to_noise_model(profile: NoiseProfile) -> NoiseModel:
        key = profile.content_hash
        if key not in _MODELS:
            _MODELS[key] = build(profile)
        return _MODELS[key]

    def init(channels: NoiseChannels, model: NoiseModel) -> None:
        begin(channels, model)
        if any(model is known for known in _MODELS.values()):
            channels._known = _CHANNELS.setdefault(id(model), channels._known)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NoiseProfile, "to_noise_model", to_noise_model)
        patch.setattr(NoiseChannels, "__init__", init)
        yield
