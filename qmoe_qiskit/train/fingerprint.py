"""The settings and data that decide a training's result: a resumed training has the same ones."""

import hashlib
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from qmoe_qiskit.backends import Backend
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import RunError
from qmoe_qiskit.train.execution import label_of, options_of, profile_of
from qmoe_qiskit.train.loop.optimization import name_of
from qmoe_qiskit.train.on_device.settings import HardwareTraining
from qmoe_qiskit.train.settings import json_value, plain
from qmoe_qiskit.typing import FloatArray

# Settings that may differ between an interrupted training and its continuation.
MAY_CHANGE = {"checkpoint", "max_epochs", "verbose", "warm_start"}
# A version without these settings trained with these values.
ADDED = {"shots": None, "mitigation": "none", "device_qubits": None}
_ADDED_LATER = {**ADDED, "balance_weight": 0.0}
# Settings that records hold only where they differ from these: earlier versions read the others.
_RECORDED_IF_SET = {
    "optimizer": "Adam",
    "criterion": "CrossEntropyLoss",
    "class_weight": None,
    "circuit": "angle",
    "input_scaling": False,
    "initialization": "uniform",
    "routing": "weighted",
    "n_votes": 1,
    "projection": "auto",
    "expert": "linear",
    "top_k": None,
    "capacity_factor": None,
    "router_noise": 0.0,
    "balance": "switch",
    "bias_rate": 0.0,
    "hardware_training": None,
    "slots": None,
}
# What stands for experts of the user's: a record holds no code.
OWN_EXPERTS = "modules of the user's"
# The same settings as attributes of an open backend.
_OF_OPEN_BACKEND = {"shots": "shots", "mitigation": "mitigation", "device_qubits": "qubits"}


def settings_for_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of an estimator that decide a training's result, in JSON types.

    Callbacks are code, which no record holds.
    """
    kept = {
        name: plain(value)
        for name, value in settings.items()
        if name not in {*MAY_CHANGE, "random_state"} and not name.startswith("callbacks")
    }
    if isinstance(kept["router"], RouterCircuit):
        kept["router"] = f"circuit {kept['router'].content_hash}"
    if not isinstance(kept["expert"], str):
        kept["expert"] = OWN_EXPERTS
    backend = kept["backend"]
    kept["backend"] = label_of(backend)
    if hasattr(backend, "compile"):  # open already
        for name, attribute in _OF_OPEN_BACKEND.items():
            kept[name] = getattr(backend, attribute, ADDED[name])
        packed = getattr(backend, "slots", None)
        kept["slots"] = None if packed is None else packed.argument
    if kept["device_qubits"] is not None:
        kept["device_qubits"] = [int(qubit) for qubit in kept["device_qubits"]]
    kept["feature_range"] = [float(end) for end in kept["feature_range"]]
    for name in ("optimizer", "criterion"):
        kept[name] = name_of(kept[name])
    if isinstance(kept.get("class_weight"), Mapping):
        kept["class_weight"] = [
            [plain(label), float(weight)] for label, weight in kept["class_weight"].items()
        ]
    if kept["hardware_training"] is not None:
        kept["hardware_training"] = hardware_settings(kept["hardware_training"])
    kept |= {name: json_value(value) for name, value in kept.items() if "__" in name}
    return {k: v for k, v in kept.items() if k not in _RECORDED_IF_SET or v != _RECORDED_IF_SET[k]}


def settings_from_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as an estimator takes them, from what `settings_for_json` returned."""
    known = dict(settings)
    known["feature_range"] = tuple(known["feature_range"])
    if isinstance(known.get("class_weight"), list):
        known["class_weight"] = dict(known["class_weight"])
    return known


def hardware_settings(given: object) -> dict[str, Any] | None:
    """Return the settings of a training on a device that decide its result, in JSON types."""
    chosen = HardwareTraining.of(given)
    return None if chosen is None else chosen.document()


def training_identity(
    settings: Mapping[str, Any],
    *,
    backend: Backend,
    seed: int,
    features_NF: FloatArray,
    targets_N: NDArray[Any],
    classes: list[Any] | None,
    weights_N: FloatArray | None = None,
) -> dict[str, Any]:
    """Return all that must be the same when a training is resumed.

    The settings are those of `settings_for_json`; `targets_N` are the positions of the rows' labels
    in `classes`, or numbers, and `weights_N` their weights, or None if all weigh the same.
    """
    data = hashlib.sha256(features_NF.tobytes())
    if classes is None:
        data.update(targets_N.astype("<f8").tobytes())
    else:
        data.update(targets_N.astype("<i8").tobytes())
        data.update(repr(classes).encode())
    if weights_N is not None:
        data.update(weights_N.tobytes())
    profile, packed = profile_of(backend), getattr(backend, "slots", None)
    return {
        "seed": seed,
        "data": data.hexdigest(),
        "settings": dict(settings),
        "noise_profile": None if profile is None else profile.content_hash,
        "runtime_options": options_of(backend),
        "slots": None if packed is None else packed.key_settings,
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
    added = {**_ADDED_LATER, **_RECORDED_IF_SET}
    before, after = {**added, **saved["settings"]}, {**_RECORDED_IF_SET, **now["settings"]}
    if saved.get("noise_profile") is not None:
        before["backend"] = after["backend"]  # compared below; earlier versions named it otherwise
    if "slots" not in saved:  # earlier versions knew no slots of an open backend
        before["slots"] = after["slots"]
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
    if "slots" in saved and saved["slots"] != now["slots"]:
        raise RunError(
            f"the checkpoint was made with slots {saved['slots']!r}, not {now['slots']!r}: resume "
            "with the same, or train anew"
        )
    if saved.get("noise_profile") != now["noise_profile"]:
        raise RunError(
            f"the checkpoint was made with another calibration of {after['backend']!r}: resume "
            f"with the noise profile whose content hash is {saved.get('noise_profile')!r}, or "
            "train anew"
        )
