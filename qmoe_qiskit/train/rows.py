"""Rows as training and prediction see them: dense, checked, and with their targets as numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.train.estimator import MixtureEstimator

# Sparse rows become dense up to this size; the circuit takes few features anyway.
MOST_DENSE_BYTES = 2**30


@dataclass(frozen=True, kw_only=True, eq=False)
class TargetRows:
    """Rows with targets.

    Attributes:
        features_NF: Features.
        targets_N: Labels as positions in the sorted classes, (N,), or numbers, (N, T).
        weights_N: Weights, all above 0, or None if all rows weigh the same.
    """

    features_NF: FloatArray
    targets_N: NDArray[Any]
    weights_N: FloatArray | None = None

    def at(self, rows: NDArray[Any]) -> "TargetRows":
        """Return the rows at some positions, or where a mask is true."""
        return TargetRows(
            features_NF=self.features_NF[rows],
            targets_N=self.targets_N[rows],
            weights_N=None if self.weights_N is None else self.weights_N[rows],
        )

    def tensors(
        self, model: "MixtureEstimator"
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return scaled features, targets of the loss, and weights of mean 1 or None."""
        features_NF = torch.from_numpy(model.feature_map_.scale(self.features_NF))
        targets_N = model.task.tensor(model, self.targets_N)
        if self.weights_N is None:
            return features_NF, targets_N, None
        return features_NF, targets_N, torch.from_numpy(self.weights_N / self.weights_N.mean())


def dense(X: Any) -> Any:  # noqa: ANN401 - any array
    """Return sparse rows as dense ones, and anything else as it is.

    Raises:
        InputError: If the dense rows would take more than `MOST_DENSE_BYTES`.
    """
    if not sparse.issparse(X):
        return X
    size = 8 * X.shape[0] * X.shape[1]
    if size > MOST_DENSE_BYTES:
        raise InputError(
            f"sparse X of shape {X.shape} would take {size / 2**30:.1f} GiB as dense rows, more "
            f"than {MOST_DENSE_BYTES / 2**30:.1f}: give fewer rows at a time, or fewer features, "
            "as sklearn.decomposition.TruncatedSVD makes them"
        )
    return X.toarray()


def checked_features(estimator: BaseEstimator, X: ArrayLike) -> FloatArray:
    """Return features (N, F) in float64 for a prediction.

    Raises:
        InputError: If sparse features are too large, or columns of a data frame are no numbers.
        ValueError: If scikit-learn refuses them.
    """
    with _named_columns(X):
        checked = validate_data(estimator, X, reset=False, dtype=np.float64, accept_sparse="csr")
    features_NF: FloatArray = dense(checked)
    return features_NF


def checked_rows(
    estimator: BaseEstimator, X: ArrayLike, y: ArrayLike, *, reset: bool, numbers: bool = False
) -> tuple[FloatArray, NDArray[Any]]:
    """Return features (N, F) in float64 and targets for training.

    Targets are labels (N,), or with `numbers` finite numbers, (N,) or (N, T). With `reset` the
    estimator takes number and names of the features from these rows.

    Raises:
        InputError: If sparse features are too large, or columns of a data frame are no numbers.
        ValueError: If scikit-learn refuses the rows.
    """
    with _named_columns(X):
        checked, y_N = validate_data(
            estimator,
            X,
            y,
            reset=reset,
            dtype=np.float64,
            accept_sparse="csr",
            multi_output=numbers,
            y_numeric=numbers,
        )
    return dense(checked), y_N


@contextmanager
def _named_columns(X: Any) -> Iterator[None]:  # noqa: ANN401 - any array
    """Name the columns of a data frame that are no numbers, where scikit-learn names a cell.

    Raises:
        InputError: If there are such columns and scikit-learn refuses them.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        dtypes = dict(getattr(X, "dtypes", {})) if hasattr(X, "columns") else {}
        strange = [
            str(name) for name, kind in dtypes.items() if getattr(kind, "kind", "O") not in "biufc"
        ]
        if not strange:
            raise
        raise InputError(
            f"X has columns that are no numbers ({', '.join(map(repr, strange[:5]))}"
            f"{', ...' if len(strange) > 5 else ''}): encode them, as "
            f"sklearn.preprocessing.OneHotEncoder does, or leave them out ({error})"
        ) from error


def codes_of(y_N: NDArray[Any], classes_C: NDArray[Any]) -> NDArray[np.intp]:
    """Return the positions of labels in sorted classes.

    Raises:
        InputError: If a label is none of the classes.
    """
    known_N = np.isin(y_N, classes_C)
    if not known_N.all():
        raise InputError(
            f"y has the label {y_N[~known_N].tolist()[0]!r}, which is none of the classes "
            f"{classes_C.tolist()}: give all labels in the first call, or train anew with fit"
        )
    codes_N: NDArray[np.intp] = np.searchsorted(classes_C, y_N)
    return codes_N
