"""Predictions of a run's model, row by row, with the error bars that shots cause."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.data import load_features
from qmoe_qiskit.errors import NO_NAMES, OutOfRangeWarning
from qmoe_qiskit.runs.circuit_outputs import recorded_outputs
from qmoe_qiskit.runs.metrics import ObservedNumbers
from qmoe_qiskit.runs.provenance import Execution, execution_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qmoe_qiskit.backends import Expectations
    from qmoe_qiskit.runs.error_bars import ErrorBars
    from qmoe_qiskit.runs.evaluation import Evaluation
    from qmoe_qiskit.runs.store.loading import OpenedRun, Run
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """Predictions of a run's model for the rows of a file.

    Attributes:
        source: Name of the file.
        classes_C: Labels, in the order of the probabilities; of a regression there are none.
        labels_N: Most probable label of each row; of a regression, the predicted number.
        probabilities_NC: Probability of each label.
        weights_NE: Routing weight of each expert.
        rows_outside_range: Number of rows outside the range of the training data.
        execution: Where the circuit ran; None for a classical router.
        error_bars: Standard errors that the circuit's shots cause.
        kept: Columns of the file that were asked for, as text, by their names.
    """

    source: str
    classes_C: NDArray[Any]
    labels_N: NDArray[Any]
    probabilities_NC: FloatArray
    weights_NE: FloatArray
    rows_outside_range: int
    execution: Execution | None
    error_bars: ErrorBars = field(repr=False)
    kept: dict[str, Sequence[str]] = field(default_factory=dict)

    @property
    def is_regression(self) -> bool:
        """Whether numbers are predicted, not labels."""
        return not len(self.classes_C)

    def __repr__(self) -> str:
        if self.is_regression:
            low, high = (float(end) for end in np.quantile(self.labels_N, (0, 1)))
            return (
                f"<Predictions for {len(self.labels_N)} rows of {self.source}: numbers from "
                f"{low:.4g} to {high:.4g}>"
            )
        labels, counts = np.unique(self.labels_N, return_counts=True)
        most = np.argsort(-counts, kind="stable")[:4]
        shares = [f"{labels[one]!s:.20} {counts[one]} times" for one in most]
        more = ["..."] if len(labels) > len(most) else []
        return (
            f"<Predictions for {len(self.labels_N)} rows of {self.source}: "
            f"{', '.join(shares + more)}>"
        )

    @property
    def has_shots(self) -> bool:
        """Whether the circuit's outputs are means over shots, so that they have errors."""
        return self.execution is not None and self.execution.shots is not None


@dataclass(frozen=True, kw_only=True, eq=False)
class FileRows:
    """Rows of a file to predict.

    Attributes:
        source: Name of the file.
        features_NF: Features of the rows in raw units.
        kept: Columns of the file that stand beside the predictions, as text, by their names.
    """

    source: str
    features_NF: FloatArray
    kept: dict[str, Sequence[str]] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.features_NF)

    def __str__(self) -> str:
        return f"{self.n_rows} rows of {self.source}"


def read_rows(run: OpenedRun, path: str | Path, *, keep: Sequence[str] = ()) -> FileRows:
    """Read the rows that `predict_file` predicts; arguments and errors are the same."""
    record = run.manifest.data
    table = load_features(
        path,
        feature_names=record.feature_names,
        target_name=record.target,
        ignored=record.ignored_columns,
        keep=keep,
        task=run.task,
    )
    return FileRows(source=table.source, features_NF=table.features_NF, kept=table.kept)


def predict_file(run: Run, path: str | Path, *, keep: Sequence[str] = ()) -> Predictions:
    """Predict every row of a file, which may also have a column with the labels.

    Columns are found by their names; those that the training ignored may exist or not.

    Args:
        run: The run.
        path: Path of the file.
        keep: Columns of the file that stand beside the predictions.

    Raises:
        DataError: If the file cannot be used or lacks a feature of the model.
    """
    return predict_rows(run, read_rows(run, path, keep=keep))


def predict_rows(run: Run, rows: FileRows) -> Predictions:
    """Predict rows of a file that has been read."""
    model = run.classifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)  # counted below instead
        warnings.filterwarnings("ignore", NO_NAMES)  # the columns are in the model's order
        with recorded_outputs(model) as recorded:
            values_N, weights_NE = model.predict_routed(rows.features_NF)
    return _predictions(
        run,
        rows,
        values_N,
        weights_NE,
        outputs=recorded.joined(),
        rows_outside_range=int(model.feature_map_.rows_outside(rows.features_NF).sum()),
        execution=execution_of(model),
    )


def evaluated_predictions(run: Run, result: Evaluation) -> Predictions:
    """Return the predictions that an evaluation of a run was made from; nothing runs again."""
    rows = FileRows(source=result.selected.dataset.source, features_NF=result.selected.features_NF)
    observed = result.observed
    if isinstance(observed, ObservedNumbers):
        values_N = observed.predictions_N
    else:
        values_N = observed.probabilities_NC
    return _predictions(
        run,
        rows,
        values_N,
        observed.weights_NE,
        outputs=observed.outputs,
        rows_outside_range=observed.rows_outside_range,
        execution=result.execution,
    )


def _predictions(
    run: Run,
    rows: FileRows,
    values_N: FloatArray,
    weights_NE: FloatArray,
    *,
    outputs: Expectations | None,
    rows_outside_range: int,
    execution: Execution | None,
) -> Predictions:
    from qmoe_qiskit.runs.error_bars import error_bars

    model = run.classifier
    if run.task == "regression":
        classes_C, labels_N = np.array([], dtype=object), values_N
        probabilities_NC = np.empty((len(values_N), 0))
    else:
        classes_C, probabilities_NC = model.classes_, values_N
        labels_N = classes_C[values_N.argmax(axis=1)]
    return Predictions(
        source=rows.source,
        classes_C=classes_C,
        labels_N=labels_N,
        probabilities_NC=probabilities_NC,
        weights_NE=weights_NE,
        rows_outside_range=rows_outside_range,
        execution=execution,
        error_bars=error_bars(model, rows.features_NF, outputs, weights_NE),
        kept=rows.kept,
    )
