"""One way in to every data set: a built-in name, a CSV file or a NumPy archive."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.data.csv_file import CsvTable, looks_like_data, read_csv
from qmoe_qiskit.data.dataset import Dataset, FeatureTable
from qmoe_qiskit.data.npz_file import listed, open_npz
from qmoe_qiskit.data.registry import DATASETS
from qmoe_qiskit.data.sampling import draw, require_seed
from qmoe_qiskit.errors import DataError, InputError, require_positive, unknown_name
from qmoe_qiskit.typing import FloatArray

_SUFFIXES = (".csv", ".npz")


def load_dataset(
    name_or_path: str | Path,
    *,
    target: str | None = None,
    n_samples: int | None = None,
    seed: int = 42,
) -> Dataset:
    """Load a data set in raw units.

    A built-in name wins over a file of that name; write "./moons" for the file. In a CSV file every
    column but the target is a feature. An .npz archive holds arrays X (N, F) and y (N,), or
    features and labels; its features are named x0, x1, and so on.

    Args:
        name_or_path: A name of `list_datasets()`, or the path of a .csv or .npz file.
        target: The column with the labels (required for CSV), or the array with them.
        n_samples: The number of rows. The points of moons, circles, xor and spirals are generated
            (None for 500); of any other data set a stratified part is drawn (None for all rows).
        seed: The seed of the generated points, or of the draw.

    Raises:
        DataError: If the data cannot be used; the message says where in the file and why.
        InputError: If the name is unknown, or `n_samples` or `seed` is not accepted.

    >>> load_dataset("moons", n_samples=6, seed=0).features_NF.shape
    (6, 2)
    """
    require_seed(seed)
    if n_samples is not None:
        require_positive("n_samples", n_samples)
    name = str(name_or_path)
    if name in DATASETS.names:
        if target is not None:
            raise DataError(
                f"target {target!r} does not go with the built-in data set {name!r}, which has its "
                "own labels: leave it out"
            )
        return DATASETS.get(name).load(name, n_samples, seed)
    path = _file_path(name_or_path)
    is_csv = _suffix(path) == ".csv"
    dataset = _dataset_from_csv(path, target) if is_csv else _dataset_from_npz(path, target)
    first = dataset.labels_N[0]
    if np.all(dataset.labels_N == first):
        raise DataError(
            f"{str(path)!r}: every row has the label {first.item()!r} in {dataset.target_name!r}, "
            f"and a classifier needs at least two classes"
        )
    return dataset if n_samples is None else draw(dataset, n_samples, seed)


def load_features(
    path: str | Path, *, feature_names: Sequence[str], target_name: str | None = None
) -> FeatureTable:
    """Load rows to predict, with the columns that a model was trained on.

    CSV columns are matched by name, in any order. An archive's X (or features) is matched by the
    number of its columns.

    Args:
        path: The path of a .csv or .npz file.
        feature_names: The names of the model's features; the result has them in this order.
        target_name: The name of a column or array that may exist as well; its labels are returned.

    Raises:
        DataError: If the file cannot be used or does not have these features.
    """
    path = Path(path)
    if _suffix(path) == ".csv":
        return _features_from_csv(path, tuple(feature_names), target_name)
    return _features_from_npz(path, len(feature_names), target_name)


def _file_path(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    there = str(name_or_path) and os.path.exists(path)  # noqa: PTH110 - it never fails
    if path.suffix.lower() in _SUFFIXES or there:
        return path
    unknown = unknown_name("dataset", str(name_or_path), DATASETS.names)
    raise InputError(f"{unknown} (the path of a .csv or .npz file is accepted too)")


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in _SUFFIXES:
        return suffix
    if path.is_dir():
        raise DataError(f"{str(path)!r} is a folder: name a .csv or .npz file in it")
    raise DataError(f"{str(path)!r} is neither a .csv nor an .npz file: save it as one of them")


def _dataset_from_csv(path: Path, target: str | None) -> Dataset:
    table = read_csv(path)
    if target is None:
        raise DataError(
            f"{table.file} needs a target, the column that holds the labels; its columns are "
            f"{listed(table.columns)}"
        )
    if target not in table.columns:
        _refuse_missing_header(table)
        raise DataError(f"{table.file}: {unknown_name('target', target, table.columns)}")
    feature_names = tuple(column for column in table.columns if column != target)
    if not feature_names:
        raise DataError(f"{table.file} has no feature columns besides the target {target!r}")
    return Dataset(
        name=path.stem,
        labels_N=table.labels(target),
        features_NF=_columns(table, feature_names),
        feature_names=feature_names,
        target_name=target,
        source=path.name,
    )


def _dataset_from_npz(path: Path, target: str | None) -> Dataset:
    archive = open_npz(path)
    features, labels = archive.pair(needs_labels=target is None)
    if target is not None:
        if target not in archive.names:
            raise DataError(f"{archive.file}: {unknown_name('target', target, archive.names)}")
        labels = target
    features_NF = archive.features(features)
    return Dataset(
        name=path.stem,
        features_NF=features_NF,
        labels_N=archive.labels(labels, len(features_NF)),
        feature_names=tuple(f"x{column}" for column in range(features_NF.shape[1])),
        target_name=labels,
        source=path.name,
    )


def _features_from_csv(
    path: Path, feature_names: tuple[str, ...], target_name: str | None
) -> FeatureTable:
    table = read_csv(path)
    missing = [name for name in feature_names if name not in table.columns]
    extra = [name for name in table.columns if name not in {*feature_names, target_name}]
    if missing and not set(feature_names) & set(table.columns):
        _refuse_missing_header(table)
    problems = [f"{listed(missing)} missing"] if missing else []
    problems += [f"{listed(extra)} not known to the model"] if extra else []
    if problems:
        raise DataError(
            f"{table.file}: the model was trained on the columns {listed(feature_names)}: "
            f"{', '.join(problems)}"
        )
    labels_N = table.labels(target_name) if target_name in table.columns else None
    features_NF = _columns(table, feature_names)
    return FeatureTable(features_NF=features_NF, labels_N=labels_N, source=path.name)


def _features_from_npz(path: Path, n_features: int, target_name: str | None) -> FeatureTable:
    archive = open_npz(path)
    features, labels = archive.pair(needs_labels=False)
    features_NF = archive.features(features)
    if features_NF.shape[1] != n_features:
        raise DataError(
            f"{archive.file}: array {features!r} has shape {features_NF.shape}, and the model was "
            f"trained on {n_features} features"
        )
    labels_N: NDArray[Any] | None = None
    if target_name is not None:
        # A model trained on a CSV file knows another name than the archive's own pair has.
        name = target_name if target_name in archive.names else labels
        if name in archive.names:
            labels_N = archive.labels(name, len(features_NF))
    return FeatureTable(features_NF=features_NF, labels_N=labels_N, source=path.name)


def _columns(table: CsvTable, names: Sequence[str]) -> FloatArray:
    return np.column_stack([table.numbers(name) for name in names])


def _refuse_missing_header(table: CsvTable) -> None:
    if looks_like_data(table.columns):
        raise DataError(
            f"{table.file}: the first line is made of numbers ({listed(table.columns)}), where a "
            f"header must name the columns: add one"
        )
