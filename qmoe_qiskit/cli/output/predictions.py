"""Predictions row by row, as CSV and JSON."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from qmoe_qiskit import runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


def is_own_column(name: str) -> bool:
    """Return whether `predictions_csv` may have a column of its own with this name."""
    return name in {"label", "prediction", "decision_uncertain"} or name.startswith(
        ("probability_", "weight_expert_", "std_error_")
    )


def predictions_csv(predictions: runs.Predictions) -> str:
    """Return the predictions of a file's rows; columns with errors exist if shots were used.

    Columns of the file that were kept come first.
    """
    columns: dict[str, Sequence[Any]] = {
        **predictions.kept,
        _value(predictions): predictions.labels_N.tolist(),
        **_named("probability", predictions.classes_C.tolist(), predictions.probabilities_NC),
        **_named("weight_expert", _experts(predictions), predictions.weights_NE),
    }
    if predictions.has_shots:
        bars = predictions.error_bars
        columns |= {
            **_named(
                "std_error_probability",
                predictions.classes_C.tolist(),
                bars.probability_errors_NC,
            ),
            **_named("std_error_weight_expert", _experts(predictions), bars.weight_errors_NE),
            **_certainty(predictions),
        }
    return _csv(columns)


def evaluation_csv(run: runs.Run, result: runs.Evaluation) -> str:
    """Return what a model gave for each row of an evaluation, with standard errors.

    The columns are the same for every backend; exact values have standard errors of 0. A standard
    error that a device does not state is empty.
    """
    from qmoe_qiskit.runs.metrics import ObservedNumbers
    from qmoe_qiskit.runs.predictions import evaluated_predictions

    predictions = evaluated_predictions(run, result)
    bars, observed = predictions.error_bars, result.observed
    columns: dict[str, Sequence[Any]] = {
        "row": range(result.n_rows),
        "data_row": result.selected.numbers_N.tolist(),
        "label": observed.targets_N.tolist()
        if isinstance(observed, ObservedNumbers)
        else run.classifier.classes_[observed.codes_N].tolist(),
        "predicted": predictions.labels_N.tolist(),
        **_certainty(predictions),
    }
    for name, labels, values, errors in (
        (
            "probability",
            predictions.classes_C.tolist(),
            predictions.probabilities_NC,
            bars.probability_errors_NC,
        ),
        ("weight_expert", _experts(predictions), predictions.weights_NE, bars.weight_errors_NE),
    ):
        found = _named(name, labels, values)
        stated = _named(f"std_error_{name}", labels, errors)
        for pair in zip(found.items(), stated.items(), strict=True):
            columns |= dict(pair)
    return _csv(columns)


def predictions_document(predictions: runs.Predictions) -> dict[str, Any]:
    """Return the predictions of a file's rows as JSON types."""
    arrays = {
        _value(predictions): predictions.labels_N.tolist(),
        "probabilities": predictions.probabilities_NC.tolist(),
        "weights": predictions.weights_NE.tolist(),
    }
    if predictions.is_regression:
        del arrays["probabilities"]
    if predictions.has_shots:
        bars = predictions.error_bars
        arrays |= {
            "std_errors_probabilities": _known(bars.probability_errors_NC),
            "std_errors_weights": _known(bars.weight_errors_NE),
            **{
                name: [None if _cell(one) == "" else one for one in values]
                for name, values in _certainty(predictions).items()
            },
        }
        if predictions.is_regression:
            del arrays["std_errors_probabilities"]
    execution = predictions.execution
    return {
        "source": predictions.source,
        "classes": predictions.classes_C.tolist(),
        "rows_outside_range": predictions.rows_outside_range,
        "execution": execution and asdict(execution),
        "kept": {name: list(cells) for name, cells in predictions.kept.items()},
        "predictions": [
            dict(zip(arrays, row, strict=True)) for row in zip(*arrays.values(), strict=True)
        ],
    }


def _value(predictions: runs.Predictions) -> str:
    """Return the name of what is predicted."""
    return "prediction" if predictions.is_regression else "label"


def _certainty(predictions: runs.Predictions) -> dict[str, list[Any]]:
    """Return what shots leave uncertain: the decision, or the number."""
    if predictions.is_regression:
        return {"std_error_prediction": predictions.error_bars.label_errors_N.tolist()}
    return {"decision_uncertain": _uncertain(predictions)}


def _experts(predictions: runs.Predictions) -> list[int]:
    return list(range(predictions.weights_NE.shape[1]))


def _named(
    name: str, labels: Sequence[object], values_NK: NDArray[np.float64]
) -> dict[str, Sequence[Any]]:
    """Return the columns of an array by their names."""
    return {
        f"{name}_{label}": column
        for label, column in zip(labels, values_NK.T.tolist(), strict=True)
    }


def _uncertain(predictions: runs.Predictions) -> list[Any]:
    """Return whether each decision is uncertain; empty where an error is unknown."""
    bars = predictions.error_bars
    return [
        "" if math.isnan(margin) else uncertain
        for margin, uncertain in zip(
            bars.margins_N.tolist(), bars.uncertain_N.tolist(), strict=True
        )
    ]


def _known(values_NK: NDArray[np.float64]) -> list[list[float | None]]:
    return [[None if math.isnan(value) else value for value in row] for row in values_NK.tolist()]


def _csv(columns: dict[str, Sequence[Any]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        table.writerow(_cell(value) for value in row)
    return text.getvalue()


def _cell(value: Any) -> Any:  # noqa: ANN401 - a cell of any column
    if isinstance(value, bool):
        return str(value).lower()
    return "" if isinstance(value, float) and math.isnan(value) else value
