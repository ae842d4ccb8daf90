"""The settings and data that decide a training's result: a resumed training has the same ones."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.backends import Backend
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import RunError
from qmoe_qiskit.train.execution import label_of, options_of, profile_of
from qmoe_qiskit.train.settings import plain
from qmoe_qiskit.typing import FloatArray

# Settings that may differ between an interrupted training and its continuation.
MAY_CHANGE = {"checkpoint", "max_epochs", "verbose"}
# A version without these settings trained with these values.
ADDED = {"shots": None, "mitigation": "none", "device_qubits": None}
_ADDED_LATER = {**ADDED, "balance_weight": 0.0}
# The same settings as attributes of an open backend.
_OF_OPEN_BACKEND = {"shots": "shots", "mitigation": "mitigation", "device_qubits": "qubits"}


def settings_for_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a classifier that decide a training's result, in JSON types."""
    kept = {k: plain(v) for k, v in settings.items() if k not in {*MAY_CHANGE, "random_state"}}
    if isinstance(kept["router"], RouterCircuit):
        kept["router"] = f"circuit {kept['router'].content_hash}"
    backend = kept["backend"]
    kept["backend"] = label_of(backend)
    if hasattr(backend, "compile"):  # open already
        for name, attribute in _OF_OPEN_BACKEND.items():
            kept[name] = getattr(backend, attribute, ADDED[name])
    if kept["device_qubits"] is not None:
        kept["device_qubits"] = [int(qubit) for qubit in kept["device_qubits"]]
    kept["feature_range"] = [float(end) for end in kept["feature_range"]]
    return kept


def training_identity(
    settings: Mapping[str, Any],
    *,
    backend: Backend,
    seed: int,
    features_NF: FloatArray,
    codes_N: NDArray[np.intp],
    classes_C: NDArray[Any],
) -> dict[str, Any]:
    """Return all that must be the same when a training is resumed.

    The settings are those of `settings_for_json`; `codes_N` are the positions of the rows' labels
    in `classes_C`.
    """
    data = hashlib.sha256(features_NF.tobytes())
    data.update(codes_N.astype("<i8").tobytes())
    data.update(repr(classes_C.tolist()).encode())
    profile = profile_of(backend)
    return {
        "seed": seed,
        "data": data.hexdigest(),
        "settings": dict(settings),
        "noise_profile": None if profile is None else profile.content_hash,
        "runtime_options": options_of(backend),
    }


def check_identity(saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Compare the identity in a checkpoint with that of the training that is resumed.

    Raises:
        RunError: If they differ; the message names the first difference.
    """
    if saved["data"] != now["data"]:
        raise RunError(
            "the checkpoint belongs to other training data: resume with the data that the training "
            "began with, or train anew"
        )
    before, after = {**_ADDED_LATER, **saved["settings"]}, dict(now["settings"])
    if (
        saved.get("noise_profile") is not None
    ):  # compared below; earlier versions named it otherwise
        before["backend"] = after["backend"]
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            raise RunError(
                f"the checkpoint was made with {name}={before.get(name)!r}, not "
                f"{after.get(name)!r}: resume with the same settings, or train anew"
            )
    if saved.get("runtime_options") != now["runtime_options"]:
        raise RunError(
            f"the checkpoint was made with runtime options {saved.get('runtime_options')!r}, not "
            f"{now['runtime_options']!r}: resume with the same, or train anew"
        )
    if saved.get("noise_profile") != now["noise_profile"]:
        raise RunError(
            f"the checkpoint was made with another calibration of {after['backend']!r}: resume "
            f"with the noise profile whose content hash is {saved.get('noise_profile')!r}, or "
            "train anew"
        )
