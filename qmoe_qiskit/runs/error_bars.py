"""Error bars of predictions: from the shots of the circuit, through routing weights and experts."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.func import jacrev, vmap

from qmoe_qiskit.backends.surrogate import FourierSurrogate
from qmoe_qiskit.errors import NO_NAMES, OutOfRangeWarning
from qmoe_qiskit.moe import QuantumRouter
from qmoe_qiskit.runs.shot_correlations import shot_correlations
from qmoe_qiskit.stats.intervals import Z_95

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qmoe_qiskit.backends import Expectations
    from qmoe_qiskit.train import QMoEClassifier
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class ErrorBars:
    """Standard errors of a model's predictions that its circuit's shots cause.

    They are NaN where the circuit's outputs have no standard error, as after an extrapolation
    through few shots, and of a model with `top_k`, whose choice of experts has no derivative.

    Attributes:
        probability_errors_NC: Standard error of the probability of each label.
        weight_errors_NE: Standard error of the routing weight of each expert.
        label_errors_N: Of a regression, standard error of the predicted number; otherwise 0.
        margins_N: How far the decision is from the nearest other label: the difference of the two
            logits over its standard error; infinite where the values are exact.
    """

    probability_errors_NC: FloatArray
    weight_errors_NE: FloatArray
    margins_N: FloatArray
    label_errors_N: FloatArray

    @property
    def uncertain_N(self) -> NDArray[np.bool_]:
        """Whether the decision is less than 1.96 standard errors from another label."""
        uncertain: NDArray[np.bool_] = self.margins_N < Z_95
        return uncertain


def error_bars(
    classifier: QMoEClassifier,
    features_NF: FloatArray,
    outputs: Expectations | None,
    weights_NE: FloatArray | None = None,
) -> ErrorBars:
    """Propagate the standard errors of a circuit's outputs to first order (the delta method).

    The outputs of a row come from the same shots. Their correlations are taken from the circuit
    without noise, see `shot_correlations`, since devices state standard errors only.

    Args:
        classifier: The model that was evaluated.
        features_NF: Features of the rows in raw units.
        outputs: The circuit's outputs on these rows; None for a classical router, whose predictions
            are exact.
        weights_NE: Weights of the experts. If the model draws votes, these are the shares of the
            votes, whose standard errors are those of draws; of a single vote they are NaN.
    """
    is_regression = classifier.task.name == "regression"
    n_rows, n_classes = len(features_NF), 0 if is_regression else len(classifier.classes_)
    n_experts = len(classifier.module_.experts)
    if classifier.drawn_votes is not None and weights_NE is not None and n_rows:
        return _of_votes(classifier, features_NF, weights_NE, classifier.drawn_votes)
    if outputs is None or outputs.shots is None or not n_rows:
        return ErrorBars(
            probability_errors_NC=np.zeros((n_rows, n_classes)),
            weight_errors_NE=np.zeros((n_rows, n_experts)),
            margins_N=np.full(n_rows, np.inf),
            label_errors_N=np.zeros(n_rows),
        )
    if classifier.top_k is not None:  # a choice of experts jumps, and has no derivative
        return ErrorBars(
            probability_errors_NC=np.full((n_rows, n_classes), np.nan),
            weight_errors_NE=np.full((n_rows, n_experts), np.nan),
            margins_N=np.full(n_rows, np.nan),
            label_errors_N=np.full(n_rows, np.nan),
        )
    by_probabilities_NCO, by_weights_NEO, by_logits_NCO, logits_NC = _slopes(
        classifier, features_NF, outputs.values
    )
    covariances_NOO = _covariances(classifier, features_NF, outputs)
    weight_errors_NE = _errors(by_weights_NEO, covariances_NOO)
    if is_regression:
        scaled_N = _errors(by_logits_NCO, covariances_NOO)[:, 0]
        return ErrorBars(
            probability_errors_NC=np.empty((n_rows, 0)),
            weight_errors_NE=weight_errors_NE,
            margins_N=np.full(n_rows, np.inf),
            label_errors_N=scaled_N * classifier.target_scale_,
        )
    return ErrorBars(
        probability_errors_NC=_errors(by_probabilities_NCO, covariances_NOO),
        weight_errors_NE=weight_errors_NE,
        margins_N=_margins(logits_NC, by_logits_NCO, covariances_NOO),
        label_errors_N=np.zeros(n_rows),
    )


def _slopes(
    classifier: QMoEClassifier, features_NF: FloatArray, values_NO: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Differentiate probabilities, weights and logits by the outputs; also return the logits."""
    router = classifier.module_.router
    quantum = getattr(router, "router", router)
    assert isinstance(quantum, QuantumRouter)

    return _slopes_by(quantum.weights_of, classifier, features_NF, values_NO)


def _slopes_by(
    weights_of: Callable[[torch.Tensor], torch.Tensor],
    classifier: QMoEClassifier,
    features_NF: FloatArray,
    values_NO: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Do what `_slopes` says, for values from which a function makes the weights."""
    module = classifier.module_

    def logits(values_O: torch.Tensor, experts_EC: torch.Tensor) -> torch.Tensor:
        return module.combine(weights_of(values_O), experts_EC)

    def outcome(
        values_O: torch.Tensor, experts_EC: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        logits_C = logits(values_O, experts_EC)
        return torch.softmax(logits_C, dim=-1), weights_of(values_O), logits_C

    with torch.no_grad():
        scaled = torch.from_numpy(classifier.feature_map_.scale(features_NF))
        experts_NEC = module.expert_outputs(scaled)
        values = torch.from_numpy(values_NO)
        slopes = vmap(jacrev(outcome))(values, experts_NEC)
        return *(s.numpy() for s in slopes), vmap(logits)(values, experts_NEC).numpy()


def _of_votes(
    classifier: QMoEClassifier, features_NF: FloatArray, shares_NE: FloatArray, n_votes: int
) -> ErrorBars:
    """Return the errors that the draw of votes causes."""
    by_probabilities_NCE, by_weights_NEE, by_logits_NCE, logits_NC = _slopes_by(
        lambda shares_E: shares_E, classifier, features_NF, shares_NE
    )
    diagonal_NEE = shares_NE[:, :, None] * np.eye(shares_NE.shape[1])
    freedom = n_votes - 1 if n_votes > 1 else np.nan
    covariances_NEE = (diagonal_NEE - shares_NE[:, :, None] * shares_NE[:, None, :]) / freedom
    return ErrorBars(
        probability_errors_NC=_errors(by_probabilities_NCE, covariances_NEE),
        weight_errors_NE=_errors(by_weights_NEE, covariances_NEE),
        margins_N=_margins(logits_NC, by_logits_NCE, covariances_NEE),
        label_errors_N=np.zeros(len(shares_NE)),
    )


def _covariances(
    classifier: QMoEClassifier, features_NF: FloatArray, outputs: Expectations
) -> FloatArray:
    """Return the covariances of the outputs' errors, (N, O, O).

    Those of a surrogate come from the points that it was measured at.
    """
    compiled = classifier.compiled_router
    assert compiled is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)  # the evaluation has counted them
        warnings.filterwarnings("ignore", NO_NAMES)  # the columns are in the model's order
        arguments = classifier.circuit_arguments(features_NF)
    if isinstance(compiled, FourierSurrogate):
        measured_POO = _of_errors(
            shot_correlations(compiled.router, compiled.grid.points_PF, compiled.weights_W),
            compiled.std_errors_PO,
        )
        n_points, n_outputs = compiled.std_errors_PO.shape
        pairs_PX = measured_POO.reshape(n_points, -1)
        parts = [compiled.grid.variances(inputs_BF, pairs_PX) for inputs_BF, _ in arguments]
        return np.concatenate(parts).reshape(-1, n_outputs, n_outputs)
    parts = [shot_correlations(compiled.router, *each) for each in arguments]
    return _of_errors(np.concatenate(parts), outputs.std_errors)


def _of_errors(correlations_NOO: FloatArray, errors_NO: FloatArray) -> FloatArray:
    """Return the covariances of errors with these correlations."""
    covariances_NOO: FloatArray = correlations_NOO * errors_NO[:, :, None] * errors_NO[:, None, :]
    return covariances_NOO


def _errors(slopes_NKO: FloatArray, covariances_NOO: FloatArray) -> FloatArray:
    variances_NK = np.einsum("nko,nop,nkp->nk", slopes_NKO, covariances_NOO, slopes_NKO)
    errors_NK: FloatArray = np.sqrt(np.maximum(variances_NK, 0.0))
    return errors_NK


def _margins(
    logits_NC: FloatArray, slopes_NCO: FloatArray, covariances_NOO: FloatArray
) -> FloatArray:
    """Return the smallest distance of the largest logit to another one, in standard errors."""
    rows_N, best_N = np.arange(len(logits_NC)), logits_NC.argmax(axis=1)
    leads_NC = logits_NC[rows_N, best_N][:, None] - logits_NC
    errors_NC = _errors(slopes_NCO[rows_N, best_N][:, None] - slopes_NCO, covariances_NOO)
    with np.errstate(divide="ignore", invalid="ignore"):
        margins_NC = np.where(errors_NC == 0, np.inf, leads_NC / errors_NC)
    margins_NC[rows_N, best_N] = np.inf
    margins_N: FloatArray = margins_NC.min(axis=1)  # NaN if one is
    return margins_N
