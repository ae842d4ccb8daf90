"""A fitted estimator as one file: weights in safetensors, its circuit in QPY, settings in JSON."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.io.checked_tensors import read_tensors, write_tensors
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.train.execution import Where
from qmoe_qiskit.train.settings import plain
from qmoe_qiskit.train.stored.state import ModelState, model_state, restored_as

if TYPE_CHECKING:
    from qmoe_qiskit.train.estimator import MixtureEstimator

ModelT = TypeVar("ModelT", bound="MixtureEstimator")

# The kinds of file, by the task of the estimator, and what saved it.
_KINDS = {"classification": "qmoe-classifier", "regression": "qmoe-regressor"}
_NAMES = {"qmoe-classifier": "QMoEClassifier", "qmoe-regressor": "QMoERegressor"}
# Bytes of other formats, stored as tensors of bytes.
_DOCUMENTS = ("circuit", "noise_profile")
# Settings that do not decide what a model is: a `ModelState` does without them.
_OF_THE_ESTIMATOR = ("random_state", "verbose", "warm_start")


def save_model(estimator: "MixtureEstimator", path: str | Path, *, overwrite: bool) -> None:
    """Write a fitted estimator; see `QMoEClassifier.save`."""
    path, state = _path(path), model_state(estimator)
    if not overwrite and os.path.lexists(path):
        raise RunError(f"{str(path)!r} exists: choose another path, or set overwrite=True")
    documents = {name: getattr(state, name) for name in _DOCUMENTS}
    tensors = {
        name: torch.from_numpy(np.frombuffer(content, np.uint8).copy())
        for name, content in documents.items()
        if content is not None
    }
    settings = {name: plain(getattr(estimator, name)) for name in _OF_THE_ESTIMATOR}
    if type(settings["random_state"]) is not int:  # a generator is no setting to be stored
        settings["random_state"] = None
    content = {"kind": _KINDS[estimator.task.name], "model": state.config, "estimator": settings}
    try:
        write_tensors(path, content, {**state.tensors, **tensors})
    except OSError as error:
        raise RunError(f"{str(path)!r} cannot be written: {reason_of(error)}") from error


def load_model(kind: type[ModelT], path: str | Path, *, backend: Where | None) -> ModelT:
    """Read an estimator; see `QMoEClassifier.load`."""
    path, file_kind = _path(path), _KINDS[kind.task.name]
    if path.is_dir():
        raise RunError(
            f"{str(path)!r} is a folder, and a saved {_noun(file_kind)} is a file: "
            "read the folder of a run with qmoe_qiskit.runs.load_run"
        )
    content, tensors = _read(path, file_kind)
    documents = {
        name: tensors.pop(name).numpy().tobytes() for name in _DOCUMENTS if name in tensors
    }
    state = ModelState(
        config=content["model"],
        tensors=tensors,
        circuit=documents.get("circuit"),
        noise_profile=documents.get("noise_profile"),
    )
    where = None if backend is None else state.backend_spec().replaced(backend=backend)
    estimator = restored_as(kind, state, where)
    return estimator.set_params(**{name: content["estimator"][name] for name in _OF_THE_ESTIMATOR})


def _noun(kind: str) -> str:
    return kind.removeprefix("qmoe-")


def _path(path: object) -> Path:
    if not isinstance(path, str | os.PathLike) or "\0" in str(path):
        raise InputError(f"path must be the path of a file, got {path!r}")
    return Path(path)


def _read(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    quoted, noun = repr(str(path)), _noun(kind)
    try:
        content, tensors = read_tensors(path, f"the {noun} in {quoted}", limits.WEIGHTS_BYTES)
        if content.get("kind") == kind and {"model", "estimator"} <= content.keys():
            return content, tensors
        other = _NAMES.get(str(content.get("kind")))
        reason = f"{other} wrote it" if other else "it is another kind of file"
    except FileNotFoundError as error:
        raise RunError(f"there is no file {quoted}: check the path") from error
    except OSError as error:
        raise RunError(f"{quoted} cannot be read: {reason_of(error)}") from error
    except RunError:
        raise
    except ValueError as error:
        reason = str(error)
    raise RunError(
        f"{quoted} is no {noun} that {_NAMES[kind]}.save wrote, or it is damaged "
        f"({reason}): save the {noun} again"
    )
