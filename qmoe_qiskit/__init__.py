"""Mixture-of-experts models whose router is a quantum circuit, from Qiskit circuit to hardware.

The public names are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qmoe_qiskit.backends import open_backend
    from qmoe_qiskit.circuits import RouterCircuit, angle_router
    from qmoe_qiskit.errors import QMoEError
    from qmoe_qiskit.moe import MixtureOfExperts, QuantumRouter
    from qmoe_qiskit.noise_profiles import NoiseProfile, list_profiles, load_profile
    from qmoe_qiskit.train import QMoEClassifier

__all__ = [
    "MixtureOfExperts",
    "NoiseProfile",
    "QMoEClassifier",
    "QMoEError",
    "QuantumRouter",
    "RouterCircuit",
    "angle_router",
    "list_profiles",
    "load_profile",
    "open_backend",
]

_HOME = {
    "MixtureOfExperts": "qmoe_qiskit.moe",
    "NoiseProfile": "qmoe_qiskit.noise_profiles",
    "QMoEClassifier": "qmoe_qiskit.train",
    "QMoEError": "qmoe_qiskit.errors",
    "QuantumRouter": "qmoe_qiskit.moe",
    "RouterCircuit": "qmoe_qiskit.circuits",
    "angle_router": "qmoe_qiskit.circuits",
    "list_profiles": "qmoe_qiskit.noise_profiles",
    "load_profile": "qmoe_qiskit.noise_profiles",
    "open_backend": "qmoe_qiskit.backends",
}

# In a checkout, backends/ and noise_profiles/ lie beside this folder; once installed, inside it.
if not Path(__file__).with_name("backends").is_dir():
    __path__.append(str(Path(__file__).parents[1]))


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
