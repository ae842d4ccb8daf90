"""What the shots of a surrogate's measurement mean for the metrics of a model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.backends.surrogate import FourierSurrogate
from qmoe_qiskit.runs.metrics import Interval, Metric, observe
from qmoe_qiskit.runs.shot_correlations import shot_correlations

if TYPE_CHECKING:
    from qmoe_qiskit.runs.evaluation import Evaluation
    from qmoe_qiskit.runs.store.loading import Run

_N_DRAWS = 200
METHOD = f"95 % of the accuracies of {_N_DRAWS} measurements, drawn with the standard errors"


def with_shot_errors(run: Run, result: Evaluation) -> Evaluation:
    """Add what shots mean to an evaluation of a run on a surrogate; others stay as they are.

    All rows share the shots of the measurement, so that their errors do not average out. The
    measurement is repeated by a parametric bootstrap: values at the points are drawn with their
    standard errors, independently for each point; a point's observables come from the same shots,
    and are correlated as in the circuit without noise, see `shot_correlations`.

    Args:
        run: The run, on a surrogate.
        result: Its evaluation.

    Returns:
        The evaluation with router_std_error, the mean standard error of the circuit's outputs on
        the rows, and accuracy_from_shots, the accuracy with the interval that other shots would
        have given.
    """
    if run.task == "regression":  # it has no accuracy
        return result
    classifier = run.classifier
    surrogate = classifier.compiled_router
    if not isinstance(surrogate, FourierSurrogate) or surrogate.shots is None:
        return result
    if not np.isfinite(surrogate.std_errors_PO).all():
        return result
    dataset, outputs = result.selected.dataset, result.observed.outputs
    assert outputs is not None
    produced_by = result.metrics["accuracy"].produced_by
    rng = np.random.default_rng(0)
    router: Any = classifier.module_.router
    network = getattr(router, "router", router).connector.neural_network
    correlations_POO = shot_correlations(
        surrogate.router, surrogate.grid.points_PF, surrogate.weights_W
    )
    accuracies = []
    try:
        for _ in range(_N_DRAWS):
            network.compiled = surrogate.redrawn(rng, correlations_POO)
            observed = observe(classifier, dataset.features_NF, dataset.labels_N)
            accuracies.append(float(observed.hits_N.mean()))
    finally:
        network.compiled = surrogate
    low, high = np.quantile(accuracies, [0.025, 0.975])
    interval = Interval(method=METHOD, low=float(low), high=float(high))
    accuracy = result.metrics["accuracy"].number
    more = {
        "router_std_error": Metric(
            value=float(outputs.std_errors.mean()), uncertainty=None, produced_by=produced_by
        ),
        "accuracy_from_shots": Metric(
            value=accuracy, uncertainty=interval, produced_by=produced_by
        ),
    }
    return replace(result, metrics={**result.metrics, **more})
