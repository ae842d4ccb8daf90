"""One way in to every data set: a built-in name, a table or a NumPy archive."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.data.csv_file import looks_like_data
from qmoe_qiskit.data.dataset import Dataset, FeatureTable
from qmoe_qiskit.data.npz_file import listed, open_npz
from qmoe_qiskit.data.registry import DATASETS
from qmoe_qiskit.data.sampling import draw, require_seed
from qmoe_qiskit.data.selection import select_features
from qmoe_qiskit.data.table import (
    FILES,
    NPZ,
    Table,
    read_table,
    require_suffix,
    stem_of,
    suffix_of,
)
from qmoe_qiskit.errors import DataError, InputError, require_positive, unknown_name
from qmoe_qiskit.typing import FloatArray

# What labels are: classes or numbers.
TASKS = ("classification", "regression")


def load_dataset(
    name_or_path: str | Path,
    *,
    target: str | None = None,
    features: Sequence[str] | None = None,
    drop: Sequence[str] | None = None,
    n_samples: int | None = None,
    seed: int = 42,
    task: str = "classification",
) -> Dataset:
    """Load a data set in raw units.

    A built-in name wins over a file of that name; write "./moons" for the file. In a table (.csv,
    .tsv, both also with .gz, .parquet) every column but the target is a feature, unless `features`
    or `drop` says otherwise. An .npz archive holds arrays X (N, F) and y (N,), or features and
    labels; its features are named x0, x1, and so on.

    Args:
        name_or_path: A name of `list_datasets()`, or the path of a file.
        target: The column with the labels (required for a table), or the array with them.
        features: The columns that are features, in this order; None for all.
        drop: The columns that are no features; None for none.
        n_samples: The number of rows. The points of moons, circles, xor and spirals are generated
            (None for 500); of any other data set a stratified part is drawn (None for all rows).
        seed: The seed of the generated points, or of the draw.
        task: "classification", whose labels are classes, or "regression", whose labels are numbers.

    Raises:
        DataError: If the data cannot be used; the message says where in the file and why.
        InputError: If the name is unknown, or `n_samples` or `seed` is not accepted.

    >>> load_dataset("moons", n_samples=6, seed=0).features_NF.shape
    (6, 2)
    """
    require_seed(seed)
    if task not in TASKS:
        raise unknown_name("task", task, TASKS)
    numbers = task == "regression"
    if n_samples is not None:
        require_positive("n_samples", n_samples)
    name = str(name_or_path)
    if name in DATASETS.names:
        if numbers:
            raise DataError(
                f"the built-in data set {name!r} has classes, and a regression predicts numbers: "
                "name a file"
            )
        chosen = {"target": target, "features": features, "drop": drop}
        for option, value in chosen.items():
            if value is not None:
                shown = value if isinstance(value, str) else ",".join(value)
                raise DataError(
                    f"{option} {shown!r} does not go with the built-in data set {name!r}, which "
                    "has its own columns: leave it out"
                )
        return DATASETS.get(name).load(name, n_samples, seed)
    path = _file_path(name_or_path)
    load = _dataset_from_npz if require_suffix(path) == NPZ else _dataset_from_table
    dataset = load(path, target, features, drop, numbers=numbers)
    first = dataset.labels_N[0]
    if np.all(dataset.labels_N == first):
        raise DataError(
            f"{str(path)!r}: every row has the label {first.item()!r} in {dataset.target_name!r}, "
            f"and a {'regression' if numbers else 'classifier'} needs at least two "
            f"{'values' if numbers else 'classes'}"
        )
    return dataset if n_samples is None else draw(dataset, n_samples, seed)


def load_features(
    path: str | Path,
    *,
    feature_names: Sequence[str],
    target_name: str | None = None,
    ignored: Collection[str] = (),
    keep: Sequence[str] = (),
    task: str = "classification",
) -> FeatureTable:
    """Load rows to predict, with the columns that a model was trained on.

    The columns of a table are matched by name, in any order. An archive's X (or features) is
    matched by the number of its columns; if the model uses some of them, by their names.

    Args:
        path: The path of a file, see `load_dataset`.
        feature_names: The names of the model's features; the result has them in this order.
        target_name: The name of a column or array that may exist as well; its labels are returned.
        ignored: The names of further columns that may exist.
        keep: The names of columns of a table that are returned as text.
        task: "classification" or "regression", see `load_dataset`.

    Raises:
        DataError: If the file cannot be used or does not have these features.
    """
    path, numbers = Path(path), task == "regression"
    if require_suffix(path) == NPZ:
        if keep:
            raise DataError(f"{str(path)!r} has no columns of text to keep: give a table")
        return _features_from_npz(path, tuple(feature_names), target_name, ignored, numbers=numbers)
    return _features_from_table(
        path, tuple(feature_names), target_name, ignored, keep, numbers=numbers
    )


def _file_path(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    there = str(name_or_path) and os.path.exists(path)  # noqa: PTH110 - it never fails
    if suffix_of(path) or there:
        return path
    unknown = unknown_name("dataset", str(name_or_path), DATASETS.names)
    raise InputError(f"{unknown} (the path of {FILES} is accepted too)")


def _dataset_from_table(
    path: Path,
    target: str | None,
    features: Sequence[str] | None,
    drop: Sequence[str] | None,
    *,
    numbers: bool,
) -> Dataset:
    table = read_table(path)
    if target is None:
        raise DataError(
            f"{table.file} needs a target, the column that holds the labels; its columns are "
            f"{listed(table.columns)}"
        )
    if target not in table.columns:
        _refuse_missing_header(table)
        raise DataError(f"{table.file}: {unknown_name('target', target, table.columns)}")
    names = select_features(table.columns, target, features, drop, table.file)
    return Dataset(
        name=stem_of(path),
        labels_N=table.numbers(target) if numbers else table.labels(target),
        features_NF=_columns(table, names),
        feature_names=names,
        target_name=target,
        source=path.name,
        ignored_columns=tuple(c for c in table.columns if c not in {*names, target}),
    )


def _dataset_from_npz(
    path: Path,
    target: str | None,
    features: Sequence[str] | None,
    drop: Sequence[str] | None,
    *,
    numbers: bool,
) -> Dataset:
    archive = open_npz(path)
    array, labels = archive.pair(needs_labels=target is None)
    if target is not None:
        if target not in archive.names:
            raise DataError(f"{archive.file}: {unknown_name('target', target, archive.names)}")
        labels = target
    features_NF = archive.features(array)
    columns = _names_of(features_NF)
    names = select_features(columns, None, features, drop, archive.file)
    return Dataset(
        name=stem_of(path),
        features_NF=_chosen(features_NF, names),
        labels_N=archive.labels(labels, len(features_NF), numbers=numbers),
        feature_names=names,
        target_name=labels,
        source=path.name,
        ignored_columns=tuple(name for name in columns if name not in names),
    )


def _features_from_table(
    path: Path,
    feature_names: tuple[str, ...],
    target_name: str | None,
    ignored: Collection[str],
    keep: Sequence[str],
    *,
    numbers: bool,
) -> FeatureTable:
    table = read_table(path)
    for name in keep:
        if name not in table.columns:
            raise DataError(f"{table.file}: {unknown_name('column to keep', name, table.columns)}")
    known = {*feature_names, target_name, *ignored, *keep}
    missing = [name for name in feature_names if name not in table.columns]
    extra = [name for name in table.columns if name not in known]
    if missing and not set(feature_names) & set(table.columns):
        _refuse_missing_header(table)
    problems = [f"{listed(missing)} missing"] if missing else []
    problems += [f"{listed(extra)} not known to the model"] if extra else []
    if problems:
        raise DataError(
            f"{table.file}: the model was trained on the columns {listed(feature_names)}: "
            f"{', '.join(problems)}"
        )
    has_labels = target_name is not None and target_name in table.columns
    labels_of = table.numbers if numbers else table.labels
    return FeatureTable(
        features_NF=_columns(table, feature_names),
        labels_N=labels_of(str(target_name)) if has_labels else None,
        source=path.name,
        kept={name: table.texts(name) for name in keep},
    )


def _features_from_npz(
    path: Path,
    feature_names: tuple[str, ...],
    target_name: str | None,
    ignored: Collection[str],
    *,
    numbers: bool,
) -> FeatureTable:
    archive = open_npz(path)
    features, labels = archive.pair(needs_labels=False)
    features_NF = archive.features(features)
    if features_NF.shape[1] != len(feature_names):
        if {*feature_names, *ignored} != set(_names_of(features_NF)):
            raise DataError(
                f"{archive.file}: array {features!r} has shape {features_NF.shape}, and the model "
                f"was trained on {len(feature_names)} features"
            )
        features_NF = _chosen(features_NF, feature_names)
    labels_N: NDArray[Any] | None = None
    if target_name is not None:
        # A model trained on a table knows another name than the archive's own pair has.
        name = target_name if target_name in archive.names else labels
        if name in archive.names:
            labels_N = archive.labels(name, len(features_NF), numbers=numbers)
    return FeatureTable(features_NF=features_NF, labels_N=labels_N, source=path.name)


def _names_of(features_NF: FloatArray) -> tuple[str, ...]:
    return tuple(f"x{column}" for column in range(features_NF.shape[1]))


def _chosen(features_NF: FloatArray, names: Sequence[str]) -> FloatArray:
    """Return the columns of an archive's array by the names that they have."""
    if tuple(names) == _names_of(features_NF):
        return features_NF
    return features_NF[:, [int(name[1:]) for name in names]]


def _columns(table: Table, names: Sequence[str]) -> FloatArray:
    return np.column_stack([table.numbers(name) for name in names])


def _refuse_missing_header(table: Table) -> None:
    if looks_like_data(table.columns):
        raise DataError(
            f"{table.file}: the first line is made of numbers ({listed(table.columns)}), where a "
            f"header must name the columns: add one"
        )
