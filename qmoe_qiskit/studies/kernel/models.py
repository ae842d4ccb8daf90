"""The mixtures of the study `kernel`, and the points that their routers see."""

from __future__ import annotations

from torch import nn

from qmoe_qiskit.data import Split
from qmoe_qiskit.studies.training.train_task import TrainTask, classifier
from qmoe_qiskit.train import QMoEClassifier
from qmoe_qiskit.typing import FloatArray


def mixture(training: TrainTask, split: Split, uploads: int) -> QMoEClassifier:
    """Return a task's untrained classifier, whose circuit uploads the data several times."""
    model = classifier(training, split, training.learning_rates[0])
    model.set_params(reuploads=uploads)
    return model


def router_of(model: QMoEClassifier) -> nn.Module:
    """Return a classifier's router without the projection before it."""
    router = model.module_.router
    inner: nn.Module = getattr(router, "router", router)
    return inner


def router_inputs(model: QMoEClassifier, features_NF: FloatArray) -> FloatArray:
    """Return the coordinates that a classifier's router sees for raw features, (N, K)."""
    features = model.feature_map_
    inputs_NK: FloatArray = features.scale(features_NF) @ features.matrix_FK + features.offset_K
    return inputs_NK
