"""Which settings the estimator accepts."""

import math
import os
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from qmoe_qiskit import limits
from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.circuits.angle import ENTANGLEMENTS, ROTATIONS
from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.moe import READOUTS
from qmoe_qiskit.train.features import scaled_range

# The counts among the settings, with their largest values.
_COUNTS = {
    "n_experts": limits.EXPERTS,
    "n_layers": limits.ANGLES,
    "reuploads": limits.ANGLES,
    "max_epochs": limits.COUNT,
    "batch_size": limits.COUNT,
    "patience": limits.COUNT,
}
# The settings that choose a backend.
BACKEND_SETTINGS = ("backend", "shots", "mitigation", "device_qubits")
_NAMES = {"rotation": ROTATIONS, "entanglement": ENTANGLEMENTS, "readout": READOUTS}


def check_settings(settings: Mapping[str, Any]) -> None:
    """Check all that needs neither data nor an open backend; routers check their own names.

    Raises:
        InputError: If a setting is not accepted; the message names it and quotes its value.
    """
    for name, at_most in _COUNTS.items():
        require_positive(name, settings[name], at_most=at_most)
    if settings["n_qubits"] is not None:
        require_positive("n_qubits", settings["n_qubits"])
    for name, known in _NAMES.items():
        if settings[name] not in known:
            raise unknown_name(name, settings[name], known)
    rate = settings["learning_rate"]
    if not (_is_number(rate) and math.isfinite(rate) and rate > 0):
        raise InputError(f"learning_rate must be a positive number, got {rate!r}")
    weight = settings["balance_weight"]
    if not (_is_number(weight) and math.isfinite(weight) and weight >= 0):
        raise InputError(f"balance_weight must be a number of at least 0, got {weight!r}")
    fraction = settings["validation_fraction"]
    if not (_is_number(fraction) and 0 < fraction < 1):
        raise InputError(f"validation_fraction must lie between 0 and 1, got {fraction!r}")
    if not isinstance(settings["early_stopping"], bool | np.bool_):
        raise InputError(
            f"early_stopping must be True or False, got {settings['early_stopping']!r}"
        )
    scaled_range(settings["feature_range"])
    backend_spec_of(settings)
    checkpoint = settings["checkpoint"]
    if checkpoint is not None and not isinstance(checkpoint, str | os.PathLike):
        raise InputError(f"checkpoint must be a file's path or None, got {checkpoint!r}")


def backend_spec_of(settings: Mapping[str, Any]) -> BackendSpec:
    """Return the choice of a backend that settings of a classifier make.

    Raises:
        InputError: If a setting has a wrong type or value.
    """
    return BackendSpec(**{name: plain(settings[name]) for name in BACKEND_SETTINGS})


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return a NumPy scalar as a Python number, for JSON; any other value as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
