"""What a data set is: features in raw units, one label per row, and the source of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmoe_qiskit.errors import DataError
from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Labelled rows.

    Attributes:
        name: A built-in name such as "moons", or the file's stem.
        features_NF: Features in the source's own units, before any scaling; float64.
        labels_N: Class of each row as in the source: whole numbers, true/false, or text; or the
            target of a regression, as float64.
        feature_names: One name per column of `features_NF`.
        target_name: Name of the column or array of the labels.
        source: The source of the rows, in words.
        ignored_columns: Columns of the file that are neither features nor labels.

    Raises:
        DataError: If the shapes do not fit together.
    """

    name: str
    features_NF: FloatArray
    labels_N: NDArray[Any]
    feature_names: tuple[str, ...]
    target_name: str
    source: str
    ignored_columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        features, labels = self.features_NF.shape, self.labels_N.shape
        if len(features) != 2 or labels != features[:1] or len(self.feature_names) != features[1]:
            raise DataError(
                f"a data set needs features (N, F), labels (N,) and F feature names, got features "
                f"{features}, labels {labels} and {len(self.feature_names)} names"
            )

    @classmethod
    def of_rows(
        cls, features_NF: FloatArray, labels: ArrayLike, names: Iterable[object] | None = None
    ) -> Dataset:
        """Return rows that a program holds as a data set.

        Args:
            features_NF: Checked features.
            labels: A label per row; a series of pandas names the target.
            names: One name per feature; None for x0, x1 and so on.

        >>> Dataset.of_rows(np.zeros((3, 2)), ["a", "b", "a"]).feature_names
        ('x0', 'x1')
        """
        target = getattr(labels, "name", None)
        if names is None:
            names = (f"x{column}" for column in range(features_NF.shape[1]))
        return cls(
            name=f"{len(features_NF)} rows",
            features_NF=features_NF,
            labels_N=np.asarray(labels),
            feature_names=tuple(map(str, names)),
            target_name=target if isinstance(target, str) else "label",
            source="rows that were given",
        )

    def __repr__(self) -> str:
        rows, features = self.features_NF.shape
        what = "a numeric target" if self.is_regression else f"{self._classes} classes"
        return f"<Dataset {self.name}: {rows} rows, {features} features, {what}>"

    @property
    def is_regression(self) -> bool:
        """Whether the labels are numbers to predict, not classes."""
        return self.labels_N.dtype.kind == "f"

    @property
    def _classes(self) -> int:
        return len(np.unique(self.labels_N))

    @property
    def content_hash(self) -> str:
        """SHA-256, in hex, of features, labels and the columns' names.

        Equal on every machine for equal content; `name` and `source` do not count.
        """
        described = {
            "shape": self.features_NF.shape,
            "feature_names": self.feature_names,
            "target_name": self.target_name,
            "labels": self.labels_N.tolist(),
        }
        digest = hashlib.sha256(json.dumps(described).encode())
        digest.update(np.ascontiguousarray(self.features_NF, dtype="<f8").tobytes())
        return digest.hexdigest()

    def take(self, rows_K: NDArray[np.integer[Any]], note: str) -> Dataset:
        """Return the data set of the given rows only, with `note` added to its source.

        Args:
            rows_K: Row numbers, from 0.
            note: What was taken, in words.
        """
        return replace(
            self,
            features_NF=self.features_NF[rows_K],
            labels_N=self.labels_N[rows_K],
            source=f"{self.source}; {note}",
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureTable:
    """Rows to predict.

    Attributes:
        features_NF: Features in raw units, columns in the order that was asked for; float64.
        labels_N: True classes of the rows, or None if the file has none.
        source: Name of the file.
        kept: Further columns that were asked for, as text, by their names.
    """

    features_NF: FloatArray
    labels_N: NDArray[Any] | None
    source: str
    kept: dict[str, Sequence[str]] = field(default_factory=dict)

    def __repr__(self) -> str:
        rows, features = self.features_NF.shape
        labels = "no labels" if self.labels_N is None else "labels"
        return f"<FeatureTable of {self.source}: {rows} rows, {features} features, {labels}>"
