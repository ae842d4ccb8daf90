"""Sparse rows, and decision values: what scikit-learn makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = tuple[np.ndarray, np.ndarray]


def fitted(data: Rows, **settings: Any) -> QMoEClassifier:
    return QMoEClassifier(**{"max_epochs": 3, "random_state": 0, **settings}).fit(*data)


@pytest.mark.parametrize(
    "container", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.coo_array]
)
def test_sparse_rows_are_their_dense_ones(
    wide: Rows, container: Any, assert_same: Callable[..., None]
) -> None:
    X, y = np.where(wide[0] > 0, wide[0], 0), wide[1]
    dense, model = fitted((X, y)), fitted((container(X), y))
    assert_same(model, dense)
    for method in ("predict", "predict_proba", "decision_function", "routing_weights"):
        np.testing.assert_array_equal(
            getattr(model, method)(container(X)), getattr(dense, method)(X)
        )
    assert_same(model.partial_fit(container(X), y), dense.partial_fit(X, y))


def test_sparse_rows_that_are_too_large() -> None:
    large = sparse.csr_array((2**14, 2**14))  # of zeros, which take no memory
    with pytest.raises(InputError, match=r"would take 2.0 GiB as dense rows, .*TruncatedSVD"):
        QMoEClassifier().fit(large, np.arange(2**14) % 2)


def test_decision_values_of_two_classes(moons: Rows) -> None:
    X, y = moons
    model = fitted((X, np.array(["b", "a"])[y]))
    values_N, probabilities_N2 = model.decision_function(X), model.predict_proba(X)
    assert values_N.shape == (60,)
    np.testing.assert_allclose(1 / (1 + np.exp(-values_N)), probabilities_N2[:, 1], rtol=1e-12)
    np.testing.assert_array_equal(model.classes_[(values_N > 0).astype(int)], model.predict(X))
    assert roc_auc_score(y == 0, values_N) == roc_auc_score(y == 0, probabilities_N2[:, 1])


def test_decision_values_of_more_classes(wide: Rows) -> None:
    X, y = wide
    model = fitted(wide)
    values_NC, probabilities_NC = model.decision_function(X), model.predict_proba(X)
    assert values_NC.shape == (80, 3)
    powers_NC = np.exp(values_NC)
    np.testing.assert_allclose(
        powers_NC / powers_NC.sum(axis=1, keepdims=True), probabilities_NC, rtol=1e-12
    )
    np.testing.assert_array_equal(model.classes_[values_NC.argmax(axis=1)], model.predict(X))
    assert roc_auc_score(y, probabilities_NC, multi_class="ovr") > 0


@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_and_areas_under_curves(moons: Rows, method: str) -> None:
    model = QMoEClassifier("linear", max_epochs=20, random_state=0)
    calibrated = CalibratedClassifierCV(model, method=method, cv=3).fit(*moons)
    assert calibrated.score(*moons) > 0.8
    assert cross_val_score(model, *moons, scoring="roc_auc", cv=3).min() > 0.8
