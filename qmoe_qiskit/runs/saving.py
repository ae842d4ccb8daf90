"""Saving a model that was trained in Python as a run, which every command of `qmoe` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, column_or_1d

from qmoe_qiskit.data import Dataset, Split, list_datasets, load_dataset, split_dataset
from qmoe_qiskit.data.labels import check_labels, check_numbers
from qmoe_qiskit.errors import DataError, InputError
from qmoe_qiskit.io.atomic import write_atomically
from qmoe_qiskit.runs.metrics import Metric, main_metric, measure
from qmoe_qiskit.runs.provenance import described, execution_of
from qmoe_qiskit.runs.relative_paths import relative_path
from qmoe_qiskit.runs.request import DATA_SEED
from qmoe_qiskit.runs.store import folder
from qmoe_qiskit.runs.store.loading import Run, load_run
from qmoe_qiskit.runs.store.manifest import DataRecord, SplitRecord, shown_router
from qmoe_qiskit.runs.store.rows import rows_bytes
from qmoe_qiskit.runs.store.writing import parameter_counts, write_model
from qmoe_qiskit.runs.training import check_unicode
from qmoe_qiskit.train import QMoERegressor, model_state, restore_model
from qmoe_qiskit.train.estimator import MixtureEstimator
from qmoe_qiskit.train.rows import checked_features

# A built-in name, a file, a data set, or the rows themselves: features (N, F) and labels (N,).
Data = str | Path | Dataset | tuple[Any, ArrayLike]


def save_run(
    classifier: MixtureEstimator,
    path: str | Path,
    data: Data,
    *,
    target: str | None = None,
    n_samples: int | None = None,
    test_fraction: float | None = None,
    seed: int = 0,
    force: bool = False,
) -> Run:
    """Save a fitted classifier as a run: `qmoe evaluate`, `submit` and the others then take it.

    The model is measured on the data at once, and again by each `qmoe evaluate`. So give rows that
    it was not trained on, such as `(X_test, y_test)`. With `test_fraction` give the whole data: the
    rows that `split_dataset` holds out are measured, and the others were trained on.

    Arrays, data frames and data sets are stored in the run. Of a file its path is.

    Args:
        classifier: The classifier, or the regressor of one target. Its circuit may run on any
            simulation.
        path: Path of the run's folder; it is made, with its parents.
        data: A built-in name, the path of a file, a `Dataset`, or rows X, (N, F), with labels y,
            (N,), as a pair.
        target: Column of the labels in a file, see `load_dataset`.
        n_samples: Number of rows of a built-in name or a file, see `load_dataset`.
        test_fraction: Share of the rows that were held out by `split_dataset`, and are measured;
            None if all rows are measured.
        seed: Seed of that split.
        force: Whether to replace an existing run, which stays until the new one is complete.

    Raises:
        InputError: If the data do not fit the model, or the circuit runs on a device, where
            measuring would be paid for.
        RunError: If the folder is in use or cannot be written to.
        ValueError: If scikit-learn refuses the rows.
        sklearn.exceptions.NotFittedError: If the classifier is not fitted.

    >>> import tempfile
    >>> from qmoe_qiskit.data import load_dataset
    >>> from qmoe_qiskit.runs import save_run
    >>> from qmoe_qiskit.train import QMoEClassifier
    >>> moons = load_dataset("moons", n_samples=60)
    >>> X, y = moons.features_NF, moons.labels_N
    >>> model = QMoEClassifier("linear", max_epochs=2, random_state=0).fit(X[:40], y[:40])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_run(model, f"{folder}/run", data=(X[40:], y[40:])).manifest.data
    <DataRecord data (20 rows): 2 features, hash ...>
    """
    out = Path(path)
    check_unicode(*([data, out] if isinstance(data, str | Path) else [out]))
    _check_classifier(classifier)
    folder.check_vacant(out, force=force)
    dataset = _dataset(classifier, data, target, n_samples)
    split = chosen = None
    if test_fraction is not None:
        split = split_dataset(dataset, test_fraction=test_fraction, seed=seed)
        chosen = SplitRecord(test_fraction=test_fraction, seed=seed)
    drawn = getattr(classifier.backend_, "seed", None) or 0
    random_state = classifier.random_state
    of_training = int(random_state) if isinstance(random_state, int | np.integer) else drawn
    metrics = _metrics(classifier, dataset, split, of_training)
    is_path = isinstance(data, str | Path)
    record = DataRecord(
        name=dataset.name,
        source=dataset.source,
        file=_file(data, out) if isinstance(data, str | Path) else folder.ROWS,
        target=dataset.target_name,
        feature_names=dataset.feature_names,
        n_samples=n_samples,
        seed=DATA_SEED,
        split=chosen,
        content_hash=dataset.content_hash,
        n_train=0 if split is None else len(split.train.labels_N),
        n_test=len(dataset.labels_N if split is None else split.test.labels_N),
    )
    rows = b"" if is_path else rows_bytes(dataset)
    with folder.made(out), folder.staging(out) as staged:
        if not is_path:
            write_atomically(staged / folder.ROWS, rows)
        write_model(
            classifier,
            metrics,
            staged,
            role="model",
            seed=of_training,
            command=[],
            data=record,
        )
        folder.publish(staged, out)
    return load_run(out)


def _check_classifier(classifier: object) -> None:
    if not isinstance(classifier, MixtureEstimator):
        best = " its best_estimator_," if hasattr(classifier, "best_estimator_") else ""
        raise InputError(
            f"a run holds a QMoEClassifier or a QMoERegressor, not a "
            f"{type(classifier).__name__}: give{best} the estimator itself, with rows as it sees "
            "them"
        )
    check_is_fitted(classifier)
    device = getattr(classifier.backend_, "device", None)
    if device is not None and not device.is_local:
        raise InputError(
            f"the circuit runs on {classifier.backend_.name!r}, where measuring the model would be "
            "paid for: save the model to a file, load it with "
            'QMoEClassifier.load(FILE, backend="statevector"), and make that a run'
        )


def _dataset(
    classifier: MixtureEstimator, data: Data, target: str | None, n_samples: int | None
) -> Dataset:
    """Return the data, whose features are those of the classifier."""
    if isinstance(data, str | Path):
        task = classifier.task.name
        dataset = load_dataset(data, target=target, n_samples=n_samples, seed=DATA_SEED, task=task)
        _check_features(classifier, dataset)
        return dataset
    if target is not None or n_samples is not None:
        raise InputError("target and n_samples are for built-in data and files: leave them out")
    if isinstance(data, Dataset):
        _check_features(classifier, data)
        return data
    if isinstance(classifier, QMoERegressor) and classifier.target_mean_.ndim:
        raise InputError(
            "a run holds a regressor of one target, fitted on y of shape (N,): save one of several "
            "targets with its method save"
        )
    X, y = _pair(data)
    features_NF = checked_features(classifier, X)
    is_regression = classifier.task.name == "regression"
    check = check_numbers if is_regression else check_labels
    labels_N = check(_array(column_or_1d(y)), lambda row: f"y[{row}]")
    if not is_regression and len(np.unique(labels_N)) < 2:
        raise DataError(f"every row has the label {labels_N[0].item()!r}: give rows of two classes")
    target_name = getattr(y, "name", None)
    names = getattr(classifier, "feature_names_in_", None)
    if names is None:
        names = [f"x{column}" for column in range(features_NF.shape[1])]
    return Dataset(
        name="data",
        features_NF=features_NF,
        labels_N=labels_N,
        feature_names=tuple(map(str, names)),
        target_name=target_name if isinstance(target_name, str) else "label",
        source="rows that were given to save_run",
    )


def _pair(data: object) -> tuple[Any, Any]:
    if not (isinstance(data, tuple | list) and len(data) == 2):
        raise InputError(
            "data must be a built-in name, the path of a file, a Dataset or a pair (X, y), got a "
            f"{type(data).__name__}"
        )
    X, y = data
    return X, y


def _check_features(classifier: MixtureEstimator, dataset: Dataset) -> None:
    names = getattr(classifier, "feature_names_in_", None)
    if names is not None and tuple(names) != dataset.feature_names:
        raise DataError(
            f"{dataset.name} has the features {', '.join(dataset.feature_names)}, and the model "
            f"was trained on {', '.join(names)}"
        )
    if len(dataset.feature_names) != classifier.n_features_in_:
        raise DataError(
            f"{dataset.name} has {len(dataset.feature_names)} features, and the model was trained "
            f"on {classifier.n_features_in_}"
        )


def _array(labels_N: NDArray[Any]) -> NDArray[Any]:
    """Return labels with a type of their own: data frames hold text as objects."""
    return labels_N if labels_N.dtype.kind in "biufUS" else np.array(labels_N.tolist())


def _file(data: str | Path, out: Path) -> str | None:
    return None if str(data) in list_datasets() else relative_path(data, out)


def _metrics(
    classifier: MixtureEstimator, dataset: Dataset, split: Split | None, seed: int
) -> dict[str, Metric]:
    # The stored model is measured, as by `qmoe train`.
    stored = restore_model(model_state(classifier))
    router = shown_router(classifier.settings()["router"])
    how = f"{described(router, execution_of(stored), stored.drawn_votes)}, seed {seed}"

    def measured(rows: Dataset, kind: str) -> dict[str, Metric]:
        which = f"{len(rows.labels_N)} {kind}rows of {rows.name}"
        return measure(stored, rows.features_NF, rows.labels_N, f"{which}; {how}")

    if split is None:
        return {**measured(dataset, ""), **parameter_counts(classifier)}
    found = measured(split.test, "held-out ")
    main = main_metric(found)
    return {
        main: found.pop(main),
        f"train_{main}": measured(split.train, "training ")[main],
        **found,
        **parameter_counts(classifier),
    }
