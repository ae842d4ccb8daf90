"""The estimator where scikit-learn puts it: clones, pipelines, searches, labels, data frames."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.backend.context import set_start_method
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

Rows = tuple[np.ndarray, np.ndarray]

# Held-out rows of a fold lie outside the range of the others now and then.
held_out_rows = pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")


def quick(**settings: Any) -> QMoEClassifier:
    return QMoEClassifier(**{"max_epochs": 2, "random_state": 0, **settings})


def test_a_clone_has_the_settings_and_nothing_else(
    moons: Rows, assert_same: Callable[..., None]
) -> None:
    model = quick(router=angle_router(2, 1), n_experts=3).fit(*moons)
    copied = clone(model)
    assert not hasattr(copied, "module_")
    assert copied.settings() == model.settings()
    assert_same(copied.fit(*moons), model)


def test_settings_are_set_by_name(moons: Rows, assert_same: Callable[..., None]) -> None:
    model = quick().set_params(router="linear", n_experts=3)
    assert model.get_params()["n_experts"] == 3
    assert_same(model.fit(*moons), quick(router="linear", n_experts=3).fit(*moons))
    with pytest.raises(ValueError, match="Invalid parameter 'experts'"):
        model.set_params(experts=3)


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])  # noqa: S301
def test_a_copy_predicts_the_same_and_trains_on(
    moons: Rows, copier: Callable[..., QMoEClassifier], assert_same: Callable[..., None]
) -> None:
    """As parallel searches do it: whatever the copy shares with itself, it still shares."""
    model = quick(router=angle_router(2, 1)).fit(*moons)
    copied = copier(model)
    np.testing.assert_array_equal(copied.predict_proba(moons[0]), model.predict_proba(moons[0]))
    assert_same(copied.fit(*moons), model)


@held_out_rows
def test_in_a_pipeline(moons: Rows) -> None:
    X, y = moons
    pipeline = make_pipeline(StandardScaler(), quick(max_epochs=20)).fit(X[:40], y[:40])
    # Min-max scaling undoes any affine scaling in front of it, up to rounding.
    alone = quick(max_epochs=20).fit(X[:40], y[:40])
    np.testing.assert_allclose(
        pipeline.predict_proba(X[40:]), alone.predict_proba(X[40:]), atol=1e-9
    )
    assert pipeline.score(X[40:], y[40:]) > 0.7


@pytest.fixture
def loky_starts(*, whole: bool) -> Iterator[None]:
    """Processes of joblib as users get them, or as forks, which need not import everything."""
    if not whole:
        set_start_method("fork", force=True)
    yield
    get_reusable_executor().shutdown(wait=True)
    set_start_method(None, force=True)


@held_out_rows
@pytest.mark.process
@pytest.mark.filterwarnings("ignore:`fork` start method")
@pytest.mark.usefixtures("loky_starts")
def test_a_grid_search_gives_the_same_in_processes_and_in_threads(moons: Rows) -> None:
    grid = {"router": ["quantum", "mlp:4"], "n_layers": np.arange(1, 3)}
    searches = [GridSearchCV(quick(), grid, cv=2, n_jobs=n_jobs) for n_jobs in (1, 2, 2)]
    for search, backend in zip(searches, ("sequential", "loky", "threading"), strict=True):
        with parallel_config(backend=backend):
            search.fit(*moons)
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    assert len(set(scores[0])) > 1
    np.testing.assert_array_equal(scores[1], scores[0])
    np.testing.assert_array_equal(scores[2], scores[0])
    assert searches[1].best_estimator_.predict(moons[0]).shape == (60,)


@held_out_rows
def test_cross_validation(moons: Rows) -> None:
    scores = cross_val_score(quick(max_epochs=20), *moons, cv=3)
    assert scores.shape == (3,)
    assert scores.min() > 0.7


@pytest.mark.parametrize(
    "names",
    [
        np.array(["yes", "no"]),
        np.array(["été", "hiver"], dtype=object),
        np.array([True, False]),
        np.array([-7, 2**40]),
        np.array([2, 1], dtype=np.uint8),
        np.array([3.0, -1.0]),
        pd.Series(["b", "a"], dtype="category"),
        pd.Series(["b", "a"], dtype="string"),
    ],
    ids=lambda names: str(names.dtype),
)
def test_any_two_labels(moons: Rows, names: NDArray[Any] | pd.Series) -> None:
    X, codes = moons
    y = names[codes] if isinstance(names, np.ndarray) else names.iloc[codes]
    model = quick(router="linear", max_epochs=20).fit(X, y)
    assert model.classes_.tolist() == sorted(names.tolist())
    assert set(model.predict(X).tolist()) == set(names.tolist())
    if isinstance(names, np.ndarray):
        assert model.classes_.dtype == model.predict(X).dtype == names.dtype
    assert model.score(X, y) > 0.7


def test_columns_of_the_probabilities_are_in_the_order_of_the_classes(wide: Rows) -> None:
    X, codes = wide
    y = np.array(["c", "a", "b"])[codes]
    model = quick().fit(X, y)
    probabilities_NC = model.predict_proba(X)
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert probabilities_NC.shape == (80, 3)
    np.testing.assert_allclose(probabilities_NC.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_array_equal(model.predict(X), model.classes_[probabilities_NC.argmax(axis=1)])


def test_ten_classes() -> None:
    X, y = load_digits(return_X_y=True)
    X, y = X[:300], y[:300]
    model = quick(n_experts=4, max_epochs=15, random_state=1).fit(X, y)
    assert model.predict_proba(X).shape == (300, 10)
    assert model.score(X, y) > 0.9  # ten balanced classes, 64 features, many of them constant
    assert model.feature_map_.n_router_inputs == 6


def test_a_data_frame_brings_its_names(moons: Rows) -> None:
    X, y = moons
    frame = pd.DataFrame(X, columns=["left", "right"])
    model = quick(router="linear").fit(frame, pd.Series(y))
    assert model.feature_names_in_.tolist() == ["left", "right"]
    np.testing.assert_array_equal(
        model.predict_proba(frame), quick(router="linear").fit(X, y).predict_proba(X)
    )
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"left": "west"}))
    with pytest.raises(ValueError, match="must be in the same order"):
        model.predict(frame[["right", "left"]])


def test_columns_of_dates_are_named(moons: Rows) -> None:
    dated = pd.DataFrame(
        {"x": moons[0][:, 0], "day": pd.date_range("2026-01-01", periods=len(moons[0]))}
    )
    with pytest.raises(InputError, match="columns that are no numbers \\('day'\\)"):
        QMoEClassifier("linear").fit(dated, moons[1])


def test_another_number_of_features_is_refused(moons: Rows) -> None:
    model = quick(router="linear").fit(*moons)
    with pytest.raises(ValueError, match="X has 3 features, but QMoEClassifier is expecting 2"):
        model.predict(np.zeros((1, 3)))


def test_routing_weights_of_every_row_sum_to_one(moons: Rows) -> None:
    weights_NE = quick(n_experts=3).fit(*moons).routing_weights(moons[0])
    assert weights_NE.shape == (60, 3)
    assert weights_NE.min() >= 0
    np.testing.assert_allclose(weights_NE.sum(axis=1), 1, atol=1e-12)


def test_many_rows_are_predicted_as_few_are(moons: Rows) -> None:
    """More rows than fit into one evaluation."""
    model = quick().fit(*moons)
    many = np.tile(moons[0], (150, 1))
    np.testing.assert_allclose(
        model.predict_proba(many), np.tile(model.predict_proba(moons[0]), (150, 1)), atol=1e-13
    )
