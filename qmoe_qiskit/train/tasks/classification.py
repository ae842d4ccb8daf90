"""Targets that are labels: every expert has one output per class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.moe import ROUTINGS
from qmoe_qiskit.train.loop.optimization import CRITERIA
from qmoe_qiskit.train.rows import checked_rows, codes_of
from qmoe_qiskit.train.weights import row_weights
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.train.classifier import QMoEClassifier

# The fitted attribute is `classes_`, as scikit-learn names it: (C,), sorted.


class Classification:
    """Labels; see `Task`."""

    name: str = "classification"
    criteria: Mapping[str, type[torch.nn.Module]] = CRITERIA
    routings: tuple[str, ...] = ROUTINGS

    def read_rows(
        self, model: QMoEClassifier, X: ArrayLike, y: ArrayLike, *, reset: bool
    ) -> tuple[FloatArray, NDArray[Any]]:
        """Return features and labels (N,)."""
        features_NF, y_N = checked_rows(model, X, y, reset=reset)
        check_classification_targets(y_N)
        return features_NF, y_N

    def learn(
        self,
        model: QMoEClassifier,
        y: NDArray[Any],
        classes: ArrayLike | None,
        *,
        goes_on: bool,
        incremental: bool,
    ) -> NDArray[np.intp]:
        """Return labels as positions in the sorted classes, (N,)."""
        if goes_on:
            given_C = model.classes_ if classes is None else np.unique(classes)
            if not np.array_equal(given_C, model.classes_):
                raise InputError(
                    f"classes {given_C.tolist()} are not those that training began with, "
                    f"{model.classes_.tolist()}: leave them out, or train anew with fit"
                )
            return codes_of(y, model.classes_)
        if incremental:
            if classes is None:
                raise InputError("classes must be given in the first call of partial_fit")
            known_C = np.unique(classes)
            codes_N = codes_of(y, known_C)
        else:
            known_C, codes_N = np.unique(y, return_inverse=True)
        if len(known_C) < 2:
            raise InputError(
                f"training needs rows of at least two classes, got one class, {known_C[0]}"
            )
        if len(known_C) > limits.CLASSES:
            raise InputError(
                f"the labels are of {len(known_C)} classes, at most {limits.CLASSES} are accepted: "
                "name another target"
            )
        model.classes_ = known_C
        return codes_N

    def row_weights(
        self,
        model: QMoEClassifier,
        features_NF: FloatArray,
        targets_N: NDArray[Any],
        sample_weight: ArrayLike | None,
        *,
        of_targets: bool,
    ) -> FloatArray | None:
        """Return the weights of the rows, times those of their classes."""
        return row_weights(
            features_NF,
            targets_N,
            model.classes_,
            sample_weight=sample_weight,
            class_weight=model.class_weight if of_targets else None,
        )

    def check_remaining(self, model: QMoEClassifier, targets_N: NDArray[Any]) -> None:
        """Check that at least two classes are left."""
        left_C = np.unique(targets_N)
        if len(left_C) < 2:
            raise InputError(
                "training needs rows of at least two classes, and those that weigh more than "
                f"zero are of one class, {model.classes_[left_C[0]]}"
            )

    def hold_out(
        self, targets_N: NDArray[Any], fraction: float, *, seed: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return training and validation rows, stratified by class."""
        from qmoe_qiskit.train.loop.early_stopping import hold_out

        return hold_out(targets_N, fraction, seed=seed)

    def fit_scale(self, model: QMoEClassifier, rows: object) -> None:
        """Do nothing: labels are not scaled."""

    def tensor(self, model: QMoEClassifier, targets_N: NDArray[Any]) -> torch.Tensor:  # noqa: ARG002
        """Return codes of labels, (N,)."""
        return torch.from_numpy(targets_N.astype(np.int64))

    def example(self, n_outputs: int) -> torch.Tensor:
        """Return labels of one row more than classes, so that they cannot be broadcast."""
        return torch.arange(n_outputs + 1) % n_outputs

    def n_outputs(self, model: QMoEClassifier) -> int:
        """Return the number of classes."""
        return len(model.classes_)

    def document(self, model: QMoEClassifier) -> dict[str, Any]:
        """Return the classes and their type."""
        classes = model.classes_
        text = classes.dtype.kind in "OUS"
        return {"classes": classes.tolist(), "label_kind": "text" if text else str(classes.dtype)}

    def restore(self, model: QMoEClassifier, config: Mapping[str, Any]) -> None:
        """Set the classes."""
        model.classes_ = _labels(config["classes"], config["label_kind"])


def _labels(classes: list[Any], kind: str) -> np.ndarray:
    """Return the labels as a sorted array of the type that they had in training."""
    if len(classes) > limits.CLASSES:
        raise RunError(
            f"the stored model has {len(classes)} classes: at most {limits.CLASSES} are accepted"
        )
    text = kind == "text"
    labels_C = np.array(classes, dtype=object if text else kind)
    if text != all(isinstance(one, str) for one in classes):
        raise ValueError(f"labels {classes} are not of type {kind}")
    if not np.array_equal(labels_C, np.unique(labels_C)):
        raise ValueError(f"labels {classes} are not a sorted list of different ones")
    return labels_C


CLASSIFICATION = Classification()
