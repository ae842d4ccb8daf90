"""Metrics: a value, its uncertainty, and what produced it."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.errors import NO_NAMES, InputError, OutOfRangeWarning
from qmoe_qiskit.runs.circuit_outputs import recorded_outputs
from qmoe_qiskit.stats.intervals import (
    BONETT_PRICE,
    WILSON,
    Z_95,
    bonett_price_interval,
    wilson_interval,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from qmoe_qiskit.backends import Expectations
    from qmoe_qiskit.stats.regression import Measured
    from qmoe_qiskit.train import QMoEClassifier
    from qmoe_qiskit.train.estimator import MixtureEstimator
    from qmoe_qiskit.typing import FloatArray

# The metrics of a run, those of its task first.
_OF_TASK = {
    "classification": frozenset({"accuracy", "cross_entropy"}),
    "regression": frozenset({"r2", "rmse", "mae"}),
}
_OF_ALL = frozenset({
    "expert_load", "routing_entropy", "rows_outside_range", "n_parameters_router",
    "n_parameters_experts",
})  # fmt: skip
# Of a model that was trained elsewhere, those of training are not known; those of a choice of
# experts are of models that have one.
_OPTIONAL = frozenset({
    "train_accuracy", "train_r2", "training_seconds", "load_entropy", "load_variation",
    "dead_experts",
})  # fmt: skip
NEEDED_METRICS = {task: names | _OF_ALL for task, names in _OF_TASK.items()}
METRIC_NAMES = frozenset().union(*NEEDED_METRICS.values(), _OPTIONAL)
# The metric that tells how good a model is, by its task; of training rows it begins with "train_".
MAIN_METRIC = {"classification": "accuracy", "regression": "r2"}

STANDARD_ERROR = "95 % interval, 1.96 standard errors of the mean over the rows"


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The uncertainty of a metric.

    Attributes:
        method: Name of the kind of interval.
        low: Lower end; one number per number of the value.
        high: Upper end; one number per number of the value.
    """

    method: str
    low: float | list[float]
    high: float | list[float]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A measured number, or one per expert.

    Attributes:
        value: The measured number or numbers.
        uncertainty: Interval of the value; None if the value is not random, or the rows are too few
            for an interval.
        produced_by: Description of the rows, the model and the backend of the measurement.
    """

    value: float | int | list[float]
    uncertainty: Interval | None
    produced_by: str

    @property
    def number(self) -> float:
        """The value of a metric that is a single number."""
        assert not isinstance(self.value, list)
        return float(self.value)


def main_metric(metrics: Mapping[str, Metric]) -> str:
    """Return the name of the metric that tells how good a model is: "accuracy" or "r2"."""
    return next(name for name in MAIN_METRIC.values() if name in metrics)


def measure(
    model: MixtureEstimator, features_NF: FloatArray, labels_N: NDArray[Any], produced_by: str
) -> dict[str, Metric]:
    """Measure a fitted model on labelled rows: `observe_any`, then `summarize`.

    The features are in raw units; `produced_by` describes rows, model and backend.

    Raises:
        InputError: If a label is none of the model's classes.
    """
    return summarize(observe_any(model, features_NF, labels_N), produced_by)


@dataclass(frozen=True, kw_only=True, eq=False)
class ObservedRouting:
    """What a model gives for some rows, whatever it predicts, from one evaluation of its circuit.

    Attributes:
        weights_NE: Weight of each expert.
        rows_outside_range: Number of rows outside the range of the training data.
        outputs: The circuit's outputs; None for a classical router.
        is_sparse: Whether only experts of a weight above 0 run.
    """

    weights_NE: FloatArray
    rows_outside_range: int
    outputs: Expectations | None = None
    is_sparse: bool = False

    @property
    def experts_N(self) -> NDArray[np.intp]:
        """The expert with the largest weight on each row."""
        experts: NDArray[np.intp] = self.weights_NE.argmax(axis=1)
        return experts


@dataclass(frozen=True, kw_only=True, eq=False)
class ObservedNumbers(ObservedRouting):
    """Outputs of a regressor on rows with known targets.

    Attributes:
        targets_N: Target of each row.
        predictions_N: Prediction of each row.
    """

    targets_N: FloatArray
    predictions_N: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Observed(ObservedRouting):
    """Outputs of a classifier on labelled rows.

    Attributes:
        codes_N: Position of each row's label among the model's classes.
        probabilities_NC: Probability of each class.
    """

    codes_N: NDArray[np.intp]
    probabilities_NC: FloatArray

    @property
    def hits_N(self) -> NDArray[np.bool_]:
        """Whether the most probable class of each row is its own."""
        hits: NDArray[np.bool_] = self.probabilities_NC.argmax(axis=1) == self.codes_N
        return hits


def observe(
    classifier: QMoEClassifier, features_NF: FloatArray, labels_N: NDArray[Any]
) -> Observed:
    """Evaluate a fitted classifier once on labelled rows.

    Raises:
        InputError: If a label is none of the model's classes.
    """
    observed = observe_any(classifier, features_NF, labels_N)
    assert isinstance(observed, Observed)
    return observed


def observe_any(
    model: Any,  # noqa: ANN401 - either estimator
    features_NF: FloatArray,
    labels_N: NDArray[Any],
) -> Observed | ObservedNumbers:
    """Evaluate a fitted classifier or regressor once on labelled rows.

    Raises:
        InputError: If a label is none of a classifier's classes.
    """
    is_regression = model.task.name == "regression"
    codes_N = None if is_regression else class_codes(model.classes_, labels_N)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)  # counted below instead
        warnings.filterwarnings("ignore", NO_NAMES)  # the columns are in the model's order
        with recorded_outputs(model) as recorded:
            values_N, weights_NE = model.predict_routed(features_NF)
    routing: dict[str, Any] = {
        "weights_NE": weights_NE,
        "rows_outside_range": int(model.feature_map_.rows_outside(features_NF).sum()),
        "outputs": recorded.joined(),
        "is_sparse": model.top_k is not None,
    }
    if codes_N is None:
        return ObservedNumbers(targets_N=labels_N, predictions_N=values_N, **routing)
    return Observed(codes_N=codes_N, probabilities_NC=values_N, **routing)


def summarize(observed: Observed | ObservedNumbers, produced_by: str) -> dict[str, Metric]:
    """Return the metrics of a model on some rows.

    Returns:
        A classifier has accuracy and cross_entropy (nat), a regressor r2, rmse and mae (in units
        of the target). Both have expert_load (share of the rows on which an expert has the
        largest weight); routing_entropy (mean over the rows, nat); rows_outside_range (number of
        rows outside the range of the training data). With more than two experts, or a choice of
        experts: load_entropy (nat), load_variation (standard deviation over mean of the experts'
        shares of all choices) and dead_experts (number of experts that no row chose).
    """
    if isinstance(observed, ObservedNumbers):
        of_values = _of_numbers(observed, produced_by)
    else:
        of_values = _of_labels(observed, produced_by)
    return {**of_values, **_of_routing(observed, produced_by)}


def _of_labels(observed: Observed, produced_by: str) -> dict[str, Metric]:
    import numpy as np

    tiny = np.finfo(np.float64).tiny  # a probability can underflow to zero
    of_label_N = observed.probabilities_NC[np.arange(len(observed.codes_N)), observed.codes_N]
    return {
        "accuracy": share_of(observed.hits_N, produced_by),
        "cross_entropy": mean_over_rows(-np.log(np.maximum(of_label_N, tiny)), produced_by),
    }


def _of_numbers(observed: ObservedNumbers, produced_by: str) -> dict[str, Metric]:
    import numpy as np

    from qmoe_qiskit.stats.regression import r2, root_mean_square

    errors_N = observed.predictions_N - observed.targets_N
    return {
        "r2": _measured(r2(observed.targets_N, observed.predictions_N), produced_by),
        "rmse": _measured(root_mean_square(errors_N), produced_by),
        "mae": mean_over_rows(np.abs(errors_N), produced_by),
    }


def _measured(found: Measured, produced_by: str) -> Metric:
    from qmoe_qiskit.stats.regression import DELTA_METHOD

    interval = Interval(method=DELTA_METHOD, low=found.low, high=found.high)
    return Metric(value=found.value, uncertainty=interval, produced_by=produced_by)


def _of_routing(observed: ObservedRouting, produced_by: str) -> dict[str, Metric]:
    import numpy as np

    from qmoe_qiskit.moe.balance.load import RoutingStatistics

    weights_NE = observed.weights_NE
    n_rows, n_experts = weights_NE.shape
    tiny = np.finfo(np.float64).tiny
    entropies_N = -np.sum(weights_NE * np.log(np.maximum(weights_NE, tiny)), axis=1)
    load_E = np.bincount(observed.experts_N, minlength=n_experts)
    metrics = {
        "expert_load": _shares(load_E.tolist(), n_rows, produced_by),
        "routing_entropy": mean_over_rows(entropies_N, produced_by),
        "rows_outside_range": Metric(
            value=observed.rows_outside_range, uncertainty=None, produced_by=produced_by
        ),
    }
    if n_experts > 2 or observed.is_sparse:
        from qmoe_qiskit.moe.balance.load import RoutingStatistics

        choices_E = (weights_NE > 0).sum(axis=0) if observed.is_sparse else load_E
        load = RoutingStatistics.of_choices(choices_E)
        for name, value in {
            "load_entropy": load.entropy,
            "load_variation": load.variation,
            "dead_experts": load.n_dead,
        }.items():
            metrics[name] = Metric(value=value, uncertainty=None, produced_by=produced_by)
    return metrics


def class_codes(classes_C: NDArray[Any], labels_N: NDArray[Any]) -> NDArray[np.intp]:
    """Return the position of each label among the classes, (N,).

    Labels are compared as text: a file whose labels are all whole numbers is read as numbers, even
    if the model has further classes, with names.

    Raises:
        InputError: If a label is none of the classes.
    """
    import numpy as np

    code = {str(name): position for position, name in enumerate(classes_C.tolist())}
    names = [str(label) for label in labels_N.tolist()]
    strange = next((name for name in names if name not in code), None)
    if strange is not None:
        known = ", ".join(map(repr, code))
        raise InputError(f"label {strange!r} is none of the model's classes, which are {known}")
    return np.array([code[name] for name in names])


def share_of(hits_N: NDArray[np.bool_], produced_by: str) -> Metric:
    """Return the share of the rows that are hits, with its Wilson interval."""
    hits, trials = int(hits_N.sum()), len(hits_N)
    low, high = wilson_interval(hits, trials)
    interval = Interval(method=WILSON, low=low, high=high)
    return Metric(value=hits / trials, uncertainty=interval, produced_by=produced_by)


def mean_over_rows(values_N: FloatArray, produced_by: str) -> Metric:
    """Return the mean of a value over the rows, with its interval by the standard error."""
    value, interval = float(values_N.mean()), None
    if len(values_N) > 1:
        reach = Z_95 * float(values_N.std(ddof=1)) / math.sqrt(len(values_N))
        interval = Interval(method=STANDARD_ERROR, low=value - reach, high=value + reach)
    return Metric(value=value, uncertainty=interval, produced_by=produced_by)


def _shares(counts: list[int], total: int, produced_by: str) -> Metric:
    lows, highs = zip(*(wilson_interval(count, total) for count in counts), strict=True)
    interval = Interval(method=WILSON, low=list(lows), high=list(highs))
    values = [count / total for count in counts]
    return Metric(value=values, uncertainty=interval, produced_by=produced_by)


def paired_difference(
    hits_N: NDArray[np.bool_], reference_N: NDArray[np.bool_], produced_by: str
) -> Metric:
    """Return the share of hits minus that of a reference on the same rows, with its interval."""
    gained, lost = int((hits_N & ~reference_N).sum()), int((reference_N & ~hits_N).sum())
    n_rows = len(hits_N)
    low, high = bonett_price_interval(gained, lost, n_rows)
    interval = Interval(method=BONETT_PRICE, low=low, high=high)
    return Metric(value=(gained - lost) / n_rows, uncertainty=interval, produced_by=produced_by)
