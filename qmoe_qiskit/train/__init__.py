"""Training: the scikit-learn estimator and what it is made of.

Names of arrays end in their shape. Shapes: N rows, B batch, F features, K router coordinates,
W circuit weights, E experts, C classes.
"""

from qmoe_qiskit.train.classifier import QMoEClassifier
from qmoe_qiskit.train.features import FeatureMap
from qmoe_qiskit.train.state import ModelState, model_state, restore_model

__all__ = ["FeatureMap", "ModelState", "QMoEClassifier", "model_state", "restore_model"]
