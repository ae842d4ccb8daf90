"""Evaluating a run: metrics on its held-out rows or on other data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from qmoe_qiskit.data import (
    Dataset,
    Split,
    list_datasets,
    load_dataset,
    load_features,
    split_dataset,
)
from qmoe_qiskit.data.table import stem_of
from qmoe_qiskit.errors import (
    DataError,
    InputError,
    RunError,
    require_positive,
)
from qmoe_qiskit.runs.metrics import Metric, Observed, ObservedNumbers, observe_any, summarize
from qmoe_qiskit.runs.metrics_table import metrics_html
from qmoe_qiskit.runs.provenance import Execution, described, execution_of
from qmoe_qiskit.runs.relative_paths import resolved_path
from qmoe_qiskit.runs.request import DATA_SEED
from qmoe_qiskit.runs.store.folder import ROWS, quoted
from qmoe_qiskit.runs.store.rows import stored_rows

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
        selected: The rows themselves.
        observed: What the model gave for each row.
    """

    data: str
    rows: Literal["held-out", "all"]
    n_rows: int
    execution: Execution | None
    metrics: dict[str, Metric]
    selected: EvaluationRows = field(repr=False, compare=False)
    observed: Observed | ObservedNumbers = field(repr=False, compare=False)

    def __repr__(self) -> str:
        rows = "held-out rows" if self.rows == "held-out" else "rows"
        place = "" if self.execution is None else f" on {self.execution.backend!r}"
        return (
            f"<{type(self).__name__} of {self.n_rows} {rows} of {self.data}{place}: {self._found}>"
        )

    @property
    def _found(self) -> str:
        metrics = self.metrics
        if "r2" in metrics:
            return f"r2 {metrics['r2'].number:.3f}, rmse {metrics['rmse'].number:.4g}"
        entropy = metrics["cross_entropy"].number
        return f"accuracy {metrics['accuracy'].number:.3f}, cross entropy {entropy:.3f} nat"

    def _repr_html_(self) -> str:
        return metrics_html(repr(self)[1:-1], self.metrics)


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
    observed = observe_any(run.classifier, dataset.features_NF, dataset.labels_N)
    how = described(run.router, execution, run.classifier.drawn_votes)
    produced_by = f"{rows}; {how}, seed {run.manifest.seed}"
    return Evaluation(
        data=dataset.name,
        rows=rows.kind,
        n_rows=rows.n_rows,
        execution=execution,
        metrics=summarize(observed, produced_by),
        selected=rows,
        observed=observed,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class EvaluationRows:
    """Labelled rows on which a model is measured.

    Attributes:
        dataset: The rows.
        kind: "held-out" or "all", see `Evaluation.rows`.
        numbers_N: Number of each row in the data that it was selected from, from 0.
    """

    dataset: Dataset
    kind: Literal["held-out", "all"]
    numbers_N: NDArray[np.intp]

    @property
    def features_NF(self) -> FloatArray:
        """Features of the rows in raw units."""
        return self.dataset.features_NF

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.dataset.labels_N)

    def __repr__(self) -> str:
        return f"<EvaluationRows: {self}>"

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
        dataset = own_data(run)
    else:
        dataset = _other_data(run, data, target)
    record = run.manifest.data
    kind: Literal["held-out", "all"] = "all"
    numbers_N = np.arange(len(dataset.labels_N))
    if dataset.content_hash == record.content_hash and record.split is not None:
        kind = "held-out"
        numbered = replace(
            dataset, features_NF=numbers_N[:, None].astype(np.float64), feature_names=("row",)
        )
        dataset, numbers = (
            split_dataset(
                whole, test_fraction=record.split.test_fraction, seed=record.split.seed
            ).test
            for whole in (dataset, numbered)
        )
        numbers_N = numbers.features_NF[:, 0].astype(int)
    if samples is not None:
        n_rows = len(dataset.labels_N)
        if require_positive("samples", samples) > n_rows:
            raise InputError(f"samples {samples} are more than the {n_rows} rows of the data")
        dataset = dataset.take(np.arange(samples), f"the first {samples} rows")
        numbers_N = numbers_N[:samples]
    return EvaluationRows(dataset=dataset, kind=kind, numbers_N=numbers_N)


def own_split(run: OpenedRun) -> Split:
    """Return the training and the held-out rows of a run.

    Raises:
        InputError: If the run does not say which rows it was trained on.
        RunError: If its data cannot be loaded, or have changed.
    """
    chosen = run.manifest.data.split
    if chosen is None:
        raise InputError(
            f"run {quoted(run.path)} was saved without its training rows: save it with the whole "
            "data and test_fraction, or train it with qmoe train"
        )
    return split_dataset(own_data(run), test_fraction=chosen.test_fraction, seed=chosen.seed)


def own_data(run: OpenedRun) -> Dataset:
    """Return all rows of a run's own data.

    Raises:
        RunError: If they cannot be loaded again, or have changed.
    """
    record = run.manifest.data
    if record.file == ROWS:
        return stored_rows(run)
    builtin = record.file is None
    source = record.name if record.file is None else resolved_path(record.file, run.path)
    try:
        dataset = load_dataset(
            source,
            target=None if builtin else record.target,
            features=None if builtin else record.feature_names,
            n_samples=record.n_samples,
            seed=record.seed,
            task=run.task,
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
        dataset = load_dataset(data, target=target, seed=DATA_SEED, task=run.task)
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
        task=run.task,
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
