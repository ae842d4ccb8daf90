"""The scikit-learn regressor: a mixture of experts that predicts numbers."""

from typing import Any, Self

import torch
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.figures.methods import LossPlot
from qmoe_qiskit.train.estimator import MixtureEstimator, with_shared_settings
from qmoe_qiskit.train.tasks.regression import REGRESSION
from qmoe_qiskit.typing import FloatArray


class QMoERegressor(RegressorMixin, LossPlot, MixtureEstimator):  # type: ignore[misc]
    """Mixture of experts that predicts one number per row, or several.

    It is `QMoEClassifier` for numbers: features, router, backend and training are the same, and so
    are the settings that are not described here. Targets are standardised for training, by mean and
    standard deviation of the training rows, and predictions come back in their units. `score` is
    R2, as of scikit-learn's regressors.

    Routing "sampled" is refused: the likelihood of an expert that is drawn needs a density of
    numbers, which the experts do not give. There are no classes, and so no `class_weight`.

    Args:
        router: As in `QMoEClassifier`.
        criterion: Loss of standardised predictions and targets, both (B, T): "MSELoss", "L1Loss",
            "HuberLoss" or "SmoothL1Loss" of `torch.nn`, or a class. Further arguments such as
            `criterion__delta=0.5` go to it.
        settings: The other settings of `QMoEClassifier`, but n_votes and class_weight.

    Attributes:
        target_mean_: Mean of the training targets, in their units: shape () or (T,).
        target_scale_: Standard deviation of the training targets, in their units, likewise.

    The other attributes are those of `QMoEClassifier`; losses in `history_` are those of
    standardised targets.

    >>> import numpy as np
    >>> x_NF = np.linspace(0, 1, 40)[:, None]
    >>> model = QMoERegressor("linear", max_epochs=3, random_state=0)
    >>> model.fit(x_NF, 100 + 5 * x_NF[:, 0]).predict([[0.5], [0.7]]).shape
    (2,)
    """

    task = REGRESSION
    target_mean_: FloatArray
    target_scale_: FloatArray

    @with_shared_settings
    def __init__(
        self,
        router: str | RouterCircuit = "quantum",
        *,
        criterion: str | type[torch.nn.Module] = "MSELoss",
        **settings: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(router, criterion=criterion, **settings)

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for one epoch on rows of which there may be more; arguments as for `fit`.

        The first call of a regressor that is not fitted scales features and targets by its own
        rows. Later calls go on with that scaling, the weights, and the state of the optimizer.
        `early_stopping` holds no rows out. If a call fails, the model stays as it was before.

        Raises:
            InputError: As for `fit`.
            ValueError: If scikit-learn refuses the data.
        """
        from qmoe_qiskit.train.fit import Fit

        return Fit(self, X, y, sample_weight, incremental=True).run()

    def predict(self, X: ArrayLike) -> FloatArray:
        """Return predictions in units of the targets, shape (N,) or (N, T) as y in `fit`."""
        return self.predict_routed(X)[0]

    def predict_routed(self, X: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return predictions, (N,) or (N, T), and the weight of every expert, (N, E).

        Both come from one evaluation of the circuit: they belong together even with shots.
        """
        outputs_NT, weights_NE = self._outputs(X)
        mean_T, scale_T = self.target_mean_, self.target_scale_
        scaled: FloatArray = outputs_NT.numpy().reshape(-1, *mean_T.shape)
        return scaled * scale_T + mean_T, weights_NE.numpy()

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn is untyped
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags
