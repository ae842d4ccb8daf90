"""Rows that lie in a run folder, because they came from no file."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit import limits
from qmoe_qiskit.data import Dataset, load_dataset
from qmoe_qiskit.errors import DataError, InputError, RunError
from qmoe_qiskit.runs.store.folder import ROWS, quoted

if TYPE_CHECKING:
    from qmoe_qiskit.runs.store.loading import OpenedRun


def rows_bytes(dataset: Dataset) -> bytes:
    """Return a data set as an .npz archive of X and y, without pickle.

    Raises:
        InputError: If it is larger than what is read again.
    """
    rows, columns = dataset.features_NF.shape
    if columns > limits.COLUMNS or rows * columns > limits.CELLS:
        raise InputError(
            f"data of {rows} rows and {columns} features are too large for a run: at most "
            f"{limits.COLUMNS} features and {limits.shown('CELLS')} numbers are accepted"
        )
    content = io.BytesIO()
    np.savez_compressed(content, X=dataset.features_NF, y=dataset.labels_N)
    return content.getvalue()


def stored_rows(run: OpenedRun) -> Dataset:
    """Return the rows that lie in a run's folder.

    Raises:
        RunError: If they cannot be read or are not those of the manifest.
    """
    path, record = run.path / ROWS, run.manifest.data
    try:
        dataset = replace(
            load_dataset(path, task=run.task),
            name=record.name,
            feature_names=record.feature_names,
            target_name=record.target,
            source=record.source,
        )
    except DataError as error:
        raise RunError(f"the rows of run {quoted(run.path)} cannot be read: {error}") from error
    if dataset.content_hash != record.content_hash:
        raise RunError(f"{quoted(path)} was changed after the run was written")
    return dataset
