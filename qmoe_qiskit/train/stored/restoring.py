"""A fitted estimator from plain data, whatever it predicts."""

from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.train.classifier import QMoEClassifier
from qmoe_qiskit.train.estimator import MixtureEstimator
from qmoe_qiskit.train.regressor import QMoERegressor
from qmoe_qiskit.train.stored.state import ModelState, restored_as

_ESTIMATORS: dict[str, type[MixtureEstimator]] = {
    one.task.name: one for one in (QMoEClassifier, QMoERegressor)
}


def restore_model(state: ModelState, where: BackendSpec | None = None) -> MixtureEstimator:
    """Rebuild the estimator that `model_state` was given, see `restored_as`.

    Raises:
        RunError: If the parts do not fit together.
    """
    return restored_as(_ESTIMATORS.get(state.task, QMoEClassifier), state, where)
