"""Evaluating a run: metrics on its held-out rows or on other data, predictions for a file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qmoe_qiskit.data import Dataset, list_datasets, load_dataset, load_features, split_dataset
from qmoe_qiskit.data.table import stem_of
from qmoe_qiskit.errors import (
    NO_NAMES,
    DataError,
    InputError,
    OutOfRangeWarning,
    RunError,
    require_positive,
)
from qmoe_qiskit.runs.metrics import Metric, measure
from qmoe_qiskit.runs.provenance import Execution, described, execution_of
from qmoe_qiskit.runs.relative_paths import resolved_path
from qmoe_qiskit.runs.request import DATA_SEED
from qmoe_qiskit.runs.store.folder import quoted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qmoe_qiskit.runs.store.loading import OpenedRun, Run
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Metrics of a run's model on labelled rows.

    Attributes:
        data: Name of the data.
        rows: "held-out" if the rows were held out from the run's training, "all" if they are all
            rows of the given data, whether or not the model was trained on some.
        n_rows: Number of rows.
        execution: Where the circuit ran; None for a classical router.
        metrics: Metrics by name, see `qmoe_qiskit.runs.metrics.summarize`.
    """

    data: str
    rows: Literal["held-out", "all"]
    n_rows: int
    execution: Execution | None
    metrics: dict[str, Metric]


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """Predictions of a run's model for the rows of a file.

    Attributes:
        source: Name of the file.
        classes_C: Labels, in the order of the probabilities.
        labels_N: Most probable label of each row.
        probabilities_NC: Probability of each label.
        weights_NE: Routing weight of each expert.
        rows_outside_range: Number of rows outside the range of the training data.
        execution: Where the circuit ran; None for a classical router.
        kept: Columns of the file that were asked for, as text, by their names.
    """

    source: str
    classes_C: NDArray[Any]
    labels_N: NDArray[Any]
    probabilities_NC: FloatArray
    weights_NE: FloatArray
    rows_outside_range: int
    execution: Execution | None
    kept: dict[str, Sequence[str]] = field(default_factory=dict)


def evaluate_run(
    run: Run,
    data: str | Path | None = None,
    *,
    target: str | None = None,
    samples: int | None = None,
) -> Evaluation:
    """Measure a run's model.

    Args:
        run: The run.
        data: A built-in name, or the path of a file with the model's features and labels; by
            default the run's own data. Of the run's own data, even if they are named
            here, only the held-out rows are used.
        target: Column of the file with the labels; by default that of the run's data.
        samples: Number of rows, from the start; by default all.

    Raises:
        InputError: If the data cannot be used, or do not fit the model.
        RunError: If the run's own data have changed.
    """
    rows = select_rows(run, data, target=target, samples=samples)
    dataset, execution = rows.dataset, execution_of(run.classifier)
    return Evaluation(
        data=dataset.name,
        rows=rows.kind,
        n_rows=rows.n_rows,
        execution=execution,
        metrics=measure(
            run.classifier,
            dataset.features_NF,
            dataset.labels_N,
            f"{rows}; {described(run.router, execution)}, seed {run.manifest.seed}",
        ),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class EvaluationRows:
    """Labelled rows on which a model is measured.

    Attributes:
        dataset: The rows.
        kind: "held-out" or "all", see `Evaluation.rows`.
    """

    dataset: Dataset
    kind: Literal["held-out", "all"]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.dataset.labels_N)

    def __str__(self) -> str:
        held_out = "held-out " if self.kind == "held-out" else ""
        return f"{self.n_rows} {held_out}rows of {self.dataset.name}"


def select_rows(
    run: OpenedRun,
    data: str | Path | None = None,
    *,
    target: str | None = None,
    samples: int | None = None,
) -> EvaluationRows:
    """Return the rows that `evaluate_run` measures on; arguments and errors are the same."""
    if data is None:
        if target is not None:
            raise InputError(f"target {target!r} names a column of a file: name the file as well")
        dataset = _own_data(run)
    else:
        dataset = _other_data(run, data, target)
    record = run.manifest.data
    kind: Literal["held-out", "all"] = "all"
    if dataset.content_hash == record.content_hash:
        kind = "held-out"
        dataset = split_dataset(
            dataset, test_fraction=record.split.test_fraction, seed=record.split.seed
        ).test
    if samples is not None:
        n_rows = len(dataset.labels_N)
        if require_positive("samples", samples) > n_rows:
            raise InputError(f"samples {samples} are more than the {n_rows} rows of the data")
        dataset = dataset.take(np.arange(samples), f"the first {samples} rows")
    return EvaluationRows(dataset=dataset, kind=kind)


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
    record = run.manifest.data
    table = load_features(
        path,
        feature_names=record.feature_names,
        target_name=record.target,
        ignored=record.ignored_columns,
        keep=keep,
    )
    model = run.classifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)  # counted below instead
        warnings.filterwarnings("ignore", NO_NAMES)  # the columns are in the model's order
        probabilities_NC, weights_NE = model.predict_routed(table.features_NF)
    return Predictions(
        source=table.source,
        classes_C=model.classes_,
        labels_N=model.classes_[probabilities_NC.argmax(axis=1)],
        probabilities_NC=probabilities_NC,
        weights_NE=weights_NE,
        rows_outside_range=int(model.feature_map_.rows_outside(table.features_NF).sum()),
        execution=execution_of(model),
        kept=table.kept,
    )


def _own_data(run: OpenedRun) -> Dataset:
    record = run.manifest.data
    builtin = record.file is None
    source = record.name if record.file is None else resolved_path(record.file, run.path)
    try:
        dataset = load_dataset(
            source,
            target=None if builtin else record.target,
            features=None if builtin else record.feature_names,
            n_samples=record.n_samples,
            seed=record.seed,
        )
    except DataError as error:
        raise RunError(
            f"the data of run {quoted(run.path)} cannot be loaded again: {error} (a file that has "
            "moved can be named with --data)"
        ) from error
    if dataset.content_hash != record.content_hash:
        why = (
            "other versions of NumPy or scikit-learn, or another processor, can be the reason"
            if builtin
            else "which rows were held out cannot be told"
        )
        raise RunError(
            f"{source!r} is not what it was when run {quoted(run.path)} was trained on it ({why}): "
            "name data with --data to evaluate all of their rows"
        )
    return dataset


def _other_data(run: OpenedRun, data: str | Path, target: str | None) -> Dataset:
    record = run.manifest.data
    if str(data) in list_datasets():
        dataset = load_dataset(data, target=target, seed=DATA_SEED)
        if dataset.feature_names != record.feature_names:
            raise DataError(
                f"{dataset.name} has the features {', '.join(dataset.feature_names)}, and the "
                f"model was trained on {', '.join(record.feature_names)}"
            )
        return dataset
    column = target or record.target
    table = load_features(
        data,
        feature_names=record.feature_names,
        target_name=column,
        ignored=record.ignored_columns,
    )
    if table.labels_N is None:
        raise DataError(
            f"{str(data)!r} has no labels in {column!r}: name their column with --target"
        )
    return Dataset(
        name=stem_of(data),
        features_NF=table.features_NF,
        labels_N=table.labels_N,
        feature_names=record.feature_names,
        target_name=record.target,
        source=table.source,
    )
