"""Rows that arrive one after the other: each is predicted first, and then learned."""

from __future__ import annotations

import copy
import re
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from qmoe_qiskit.adaptive.detectors import make_detector
from qmoe_qiskit.errors import InputError, OutOfRangeWarning, require_positive

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from qmoe_qiskit.train import QMoEClassifier

POLICIES = ("never", "online", "periodic:N", "detected")
# So many rows after a drift are fitted first.
_FEWEST_ROWS = 30


@dataclass
class StreamReport:
    """What happened to the rows so far; rows are counted from 0.

    Attributes:
        correct: Whether the prediction of each row, made before the row was learned, was right.
        drifts: The rows at which the detector reported a drift.
        refits: The rows after which the model was fitted anew.
    """

    correct: list[bool] = field(default_factory=list)
    drifts: list[int] = field(default_factory=list)
    refits: list[int] = field(default_factory=list)

    @property
    def accuracy(self) -> float:
        """The prequential accuracy: the share of all rows that were predicted rightly."""
        return float(np.mean(self.correct)) if self.correct else float("nan")

    def accuracies(self, window: int) -> NDArray[np.float64]:
        """Return the accuracy on the `window` rows up to each row; on fewer at the beginning."""
        right = np.concatenate([[0], np.cumsum(self.correct)])
        ends = np.arange(1, len(right))
        starts = np.maximum(ends - window, 0)
        shares: NDArray[np.float64] = (right[ends] - right[starts]) / (ends - starts)
        return shares


class Stream:
    """A fitted classifier that meets rows in their order (prequential evaluation).

    Args:
        model: The fitted classifier. It is not changed; `model` is the one that adapts.
        policy: "never": the model stays as it is. "online": one epoch of `partial_fit` on every
            `batch_size` rows. "periodic:N": a fit on the last `window` rows after every N rows.
            "detected": after a drift is reported, fits on the rows since then: on 30, 60, 120
            and so on, up to `window`.
        detector: A name from `DETECTORS` with its parameter, such as "adwin:0.002". It watches
            under every policy.
        window: Number of rows that are kept for fits.
        batch_size: Number of rows that are learned at once under "online".

    Raises:
        InputError: If a setting is not accepted, or the extra "adaptive" is not installed.
        sklearn.exceptions.NotFittedError: If the classifier is not fitted.

    >>> from qmoe_qiskit import QMoEClassifier
    >>> from qmoe_qiskit.data import load_dataset
    >>> moons = load_dataset("moons", n_samples=200)
    >>> X, y = moons.features_NF, moons.labels_N
    >>> model = QMoEClassifier("linear", max_epochs=3, random_state=0).fit(X, y)
    >>> stream = Stream(model, policy="never")
    >>> stream.learn(X, y).shape, stream.report.drifts
    ((200,), [])
    >>> stream.learn(X, 1 - y).shape, len(stream.report.drifts) > 0  # the classes change places
    ((200,), True)
    """

    def __init__(
        self,
        model: QMoEClassifier,
        *,
        policy: str = "detected",
        detector: str = "adwin:0.002",
        window: int = 200,
        batch_size: int = 32,
    ) -> None:
        check_is_fitted(model)
        if not hasattr(model, "classes_"):
            raise InputError(
                f"a stream counts labels that are right, and {type(model).__name__} predicts none: "
                "give a fitted QMoEClassifier"
            )
        self.policy, self._period = policy, _period_of(policy)
        self.window = require_positive("window", window)
        self.batch_size = require_positive("batch_size", batch_size)
        self.model, self._is_own, self._classes = model, False, model.classes_
        self.detector, self._detector = detector, make_detector(detector)
        self.report = StreamReport()
        self._X: list[NDArray[Any]] = []
        self._y: list[Any] = []
        self._waiting = 0  # rows since the last update or fit
        self._n_new = 0  # rows since the last drift
        self._next_fit: int | None = None  # the number of them at which the model is fitted

    def learn(self, X: ArrayLike, y: ArrayLike) -> NDArray[Any]:
        """Predict rows X, (N, F), learn them with their labels y, (N,); return the predictions.

        Raises:
            InputError: If a label is none of the model's classes.
            ValueError: If scikit-learn refuses the rows, such as those with other columns, or if
                rows and labels differ in number.
        """
        labels_N = np.asarray(y)
        check_consistent_length(X, labels_N)
        if unknown := sorted({*labels_N.tolist()} - {*self._classes.tolist()}, key=str):
            raise InputError(
                f"label {unknown[0]!r} of the stream is none of the model's classes, "
                f"{self._classes.tolist()}: train with rows of all classes first"
            )
        said: list[Any] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutOfRangeWarning)  # that is what a drift does
            while len(said) < len(labels_N):
                said += self._learn_until_it_changes(X, labels_N, len(said))
        return np.array(said, dtype=self._classes.dtype)

    def _learn_until_it_changes(
        self, X: ArrayLike, labels_N: NDArray[Any], start: int
    ) -> list[Any]:
        """Return the predictions of the rows up to the one after which the model is another."""
        rows = _rows(X, start, self._rows_until_update())
        predicted = self.model.predict(rows)
        for k, (row, label, prediction) in enumerate(
            zip(_dense(rows), labels_N[start:], predicted, strict=False)
        ):
            self._X.append(row)
            self._y.append(label)
            if self._changes_after(right=bool(prediction == label)):
                return list(predicted[: k + 1])
        return list(predicted)

    def _rows_until_update(self) -> int:
        if self.policy == "online":
            return self.batch_size - self._waiting
        return self.batch_size if self._period is None else self._period - self._waiting

    def _changes_after(self, *, right: bool) -> bool:
        """Take one row in, and learn if it is time; return whether the model is another now."""
        report = self.report
        row = len(report.correct)
        report.correct.append(right)
        self._detector.update(not right)
        drifted = bool(self._detector.drift_detected)
        if drifted:
            report.drifts.append(row)
        self._waiting += 1
        if self.policy == "online":
            return self._waiting == self.batch_size and self._update()
        n_kept = len(self._y) - self.window
        if n_kept > 0:
            del self._X[:n_kept], self._y[:n_kept]
        if self._period is not None:
            return self._waiting == self._period and self._refit(self.window)
        if self.policy == "never":
            return False
        if drifted:
            self._n_new, self._next_fit = 0, _FEWEST_ROWS
        if self._next_fit is None:
            return False
        self._n_new += not drifted
        if self._n_new < min(self._next_fit, self.window):
            return False
        n_rows = min(self.window, self._n_new)
        while self._next_fit <= n_rows:
            self._next_fit *= 2
        if n_rows == self.window:
            self._next_fit = None
        return self._refit(n_rows)

    def _update(self) -> bool:
        if not self._is_own:
            self.model, self._is_own = copy.deepcopy(self.model), True
        self.model.partial_fit(self._named(self._X), np.array(self._y))
        self._X.clear()
        self._y.clear()
        self._waiting = 0
        return True

    def _refit(self, n_rows: int) -> bool:
        self._waiting = 0
        labels = np.array(self._y[-n_rows:])
        if len(np.unique(labels)) < 2:
            return False  # nothing can be fitted to one class
        rows = self._named(self._X[-n_rows:])
        self.model, self._is_own = clone(self.model).fit(rows, labels), True
        self._detector = make_detector(self.detector)  # of the new model, which errs otherwise
        self.report.refits.append(len(self.report.correct) - 1)
        return True

    def _named(self, rows: list[NDArray[Any]]) -> Any:  # noqa: ANN401 - as the model was given it
        """Return rows as a data frame if the model knows the names of its columns."""
        names = getattr(self.model, "feature_names_in_", None)
        if names is None:
            return np.array(rows)
        import pandas as pd

        return pd.DataFrame(np.array(rows), columns=names)


def _period_of(policy: str) -> int | None:
    if (found := re.fullmatch("periodic:([1-9][0-9]{0,8})", policy)) is not None:
        return int(found[1])
    if policy not in {"never", "online", "detected"}:
        raise InputError(
            f"policy {policy!r} is not known: use 'never', 'online', 'detected' or 'periodic:N' "
            "with a number of rows, such as 'periodic:200'"
        )
    return None


def _rows(X: ArrayLike, start: int, count: int) -> Any:  # noqa: ANN401 - as the caller gave it
    """Return some rows; a data frame keeps the names of its columns."""
    part = slice(start, start + count)
    rows: Any = getattr(X, "iloc", X)
    return rows[part] if hasattr(X, "shape") else np.asarray(X)[part]


def _dense(rows: Any) -> NDArray[Any]:  # noqa: ANN401
    return np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)
