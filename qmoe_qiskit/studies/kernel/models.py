"""The mixtures of the study `kernel`, and the points that their routers see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.studies.training.train_task import SCALINGS, classifier
from qmoe_qiskit.train import FeatureMap
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from torch import nn

    from qmoe_qiskit.data import Split
    from qmoe_qiskit.studies.training.train_task import TrainTask
    from qmoe_qiskit.train import QMoEClassifier


def mixture(training: TrainTask, split: Split, uploads: int) -> QMoEClassifier:
    """Return a task's untrained classifier, whose circuit uploads the data several times."""
    model = classifier(training, split, training.learning_rates[0])
    model.set_params(reuploads=uploads)
    return model


def untrained(training: TrainTask, split: Split, uploads: int) -> QMoEClassifier:
    """Return a classifier with its initial weights, whose `module_` and `feature_map_` exist."""
    from qmoe_qiskit.train.classifier import DEFAULT_MAX_QUBITS

    model = mixture(training, split, uploads)
    features_NF = split.train.features_NF
    model.classes_ = np.unique(split.train.labels_N)
    model.feature_map_ = FeatureMap.fit(
        features_NF,
        n_router_inputs=min(features_NF.shape[1], DEFAULT_MAX_QUBITS),
        feature_range=SCALINGS[training.scaling],
    )
    model.rebuild(training.seed)
    return model


def router_of(model: QMoEClassifier) -> nn.Module:
    """Return a classifier's router without the projection before it."""
    router = model.module_.router
    inner: nn.Module = getattr(router, "router", router)
    return inner


def seen(model: QMoEClassifier, features_NF: FloatArray) -> FloatArray:
    """Return the coordinates that a classifier's router sees for raw features, (N, K)."""
    features = model.feature_map_
    return features.scale(features_NF) @ features.matrix_FK + features.offset_K
