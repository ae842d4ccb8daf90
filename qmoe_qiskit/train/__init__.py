"""Training: the scikit-learn estimator and what it is made of.

Names of arrays end in their shape. Shapes: N rows, B batch, F features, K router coordinates,
W circuit weights, E experts, C classes, T targets.

The public names are loaded when first used; a model predicts without what trains it.
"""

from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.train.classifier import QMoEClassifier
    from qmoe_qiskit.train.features import FeatureMap
    from qmoe_qiskit.train.loop.net import StopTraining
    from qmoe_qiskit.train.loop.routing_load import RoutingLoad
    from qmoe_qiskit.train.on_device.settings import HardwareTraining
    from qmoe_qiskit.train.regressor import QMoERegressor
    from qmoe_qiskit.train.stored.restoring import restore_model
    from qmoe_qiskit.train.stored.state import ModelState, model_state

__all__ = [
    "FeatureMap",
    "HardwareTraining",
    "ModelState",
    "QMoEClassifier",
    "QMoERegressor",
    "RoutingLoad",
    "StopTraining",
    "model_state",
    "restore_model",
]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.train",
    {
        ".classifier": ["QMoEClassifier"],
        ".features": ["FeatureMap"],
        ".loop.net": ["StopTraining"],
        ".loop.routing_load": ["RoutingLoad"],
        ".on_device.settings": ["HardwareTraining"],
        ".regressor": ["QMoERegressor"],
        ".stored.restoring": ["restore_model"],
        ".stored.state": ["ModelState", "model_state"],
    },
)
