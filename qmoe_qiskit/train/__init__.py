"""Training: the scikit-learn estimator and what it is made of."""

from __future__ import annotations

from qmoe_qiskit.train.classifier import QMoEClassifier
from qmoe_qiskit.train.features import FeatureMap
from qmoe_qiskit.train.model import ROUTERS
from qmoe_qiskit.train.state import ModelState, model_state, restore_model

__all__ = [
    "ROUTERS",
    "FeatureMap",
    "ModelState",
    "QMoEClassifier",
    "model_state",
    "restore_model",
]
