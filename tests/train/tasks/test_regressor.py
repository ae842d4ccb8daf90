"""The regressor: it learns numbers, in their units, and shares the rest with the classifier."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.train import QMoEClassifier, QMoERegressor, model_state, restore_model

if TYPE_CHECKING:
    from pathlib import Path

Rows = tuple[np.ndarray, np.ndarray]
pytestmark = pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")


@pytest.fixture(scope="module")
def kinked() -> Rows:
    """Eighty rows of two features; a linear function on each side of a line."""
    rng = np.random.default_rng(0)
    x_N2 = rng.uniform(-1, 1, size=(80, 2))
    return x_N2, 500 + 30 * np.abs(x_N2[:, 0]) + 4 * x_N2[:, 1]


def fitted(rows: Rows, **settings: Any) -> QMoERegressor:
    given = {"router": "linear", "max_epochs": 3, "random_state": 0, **settings}
    return QMoERegressor(**given).fit(*rows)


def test_the_settings_are_those_of_the_classifier() -> None:
    own, other = (
        inspect.signature(kind.__init__).parameters for kind in (QMoERegressor, QMoEClassifier)
    )
    assert other.keys() - own.keys() == {"n_votes", "class_weight", "privacy"}
    assert not own.keys() - other.keys()
    assert [name for name in own if own[name].default != other[name].default] == ["criterion"]
    model = QMoERegressor(n_layers=1, optimizer__weight_decay=0.1)
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(TypeError, match=r"QMoERegressor got an unexpected .* 'class_weight'"):
        QMoERegressor(class_weight="balanced")


@pytest.mark.parametrize("router", ["linear", "quantum"])
def test_two_linear_experts_fit_a_kink(kinked: Rows, router: str) -> None:
    """The best single plane explains almost nothing of |x|."""
    model = fitted(kinked, router=router, n_layers=1, max_epochs=60, learning_rate=0.1)
    line = LinearRegression().fit(*kinked).score(*kinked)
    assert line < 0.3
    assert model.score(*kinked) > 0.75
    assert abs(model.predict(kinked[0]).mean() - kinked[1].mean()) < 2


def test_held_out_on_diabetes() -> None:
    X, y = load_diabetes(return_X_y=True)
    train, test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = QMoERegressor(
        n_layers=1, n_qubits=2, max_epochs=15, learning_rate=0.01, random_state=0
    ).fit(train, y_train)
    line = LinearRegression().fit(train, y_train).score(test, y_test)
    assert model.score(test, y_test) > line - 0.05


def test_score_is_r2(kinked: Rows) -> None:
    model = fitted(kinked)
    assert model.score(*kinked) == r2_score(kinked[1], model.predict(kinked[0]))


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_units_change_nothing(kinked: Rows, factor: float) -> None:
    X, y = kinked
    model, other = fitted(kinked), fitted((X, factor * y + 7 * factor))
    np.testing.assert_allclose(other.predict(X), factor * (model.predict(X) + 7), rtol=1e-9)
    np.testing.assert_allclose(
        [e["train_loss"] for e in model.history_],
        [e["train_loss"] for e in other.history_],
        rtol=1e-6,
    )


def test_the_scale_is_that_of_the_weighted_training_rows(kinked: Rows) -> None:
    X, y = kinked
    weights_N = np.arange(80) % 3
    model = QMoERegressor("linear", max_epochs=1, random_state=0).fit(X, y, weights_N)
    repeated = np.repeat(y, weights_N)
    np.testing.assert_allclose(model.target_mean_, repeated.mean())
    np.testing.assert_allclose(model.target_scale_, repeated.std())


@pytest.mark.parametrize("shape", [(80,), (80, 1), (80, 3)])
def test_predictions_have_the_shape_of_the_targets(
    kinked: Rows, shape: tuple[int, ...], tmp_path: Path
) -> None:
    X, y = kinked
    y = np.resize(y, shape[::-1]).T if len(shape) > 1 else y
    model = fitted((X, y))
    assert model.predict(X).shape == shape
    values, weights_NE = model.predict_routed(X)
    assert weights_NE.shape == (80, 2)
    np.testing.assert_array_equal(values, model.predict(X))
    model.save(tmp_path / "model")
    loaded = QMoERegressor.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(X), values)
    assert isinstance(restore_model(model_state(model)), QMoERegressor)
    with pytest.raises(RunError, match="QMoERegressor wrote it"):
        QMoEClassifier.load(tmp_path / "model")


def test_a_loss_of_several_targets_weighs_rows(kinked: Rows) -> None:
    """A loss without reduction has a number per row and target."""
    X, y = kinked
    targets_N2 = np.column_stack([y, -y])
    weights_N = 1.0 + (np.arange(80) % 2)
    twice = np.repeat(np.arange(80), weights_N.astype(int))
    settings: dict[str, Any] = {"batch_size": 200, "max_epochs": 4, "random_state": 0}
    one = QMoERegressor("linear", **settings).fit(X, targets_N2, weights_N)
    other = QMoERegressor("linear", **settings).fit(X[twice], targets_N2[twice])
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-8)


@pytest.mark.parametrize(
    "criterion", ["L1Loss", "HuberLoss", "SmoothL1Loss", torch.nn.MSELoss, torch.nn.L1Loss]
)
def test_losses(kinked: Rows, criterion: Any) -> None:
    history = fitted(kinked, criterion=criterion, max_epochs=5).history_
    assert history[-1]["train_loss"] < history[0]["train_loss"]


def test_early_stopping_keeps_the_best_epoch(kinked: Rows) -> None:
    model = fitted(kinked, early_stopping=True, patience=2, max_epochs=80, learning_rate=0.5)
    losses = [entry["valid_loss"] for entry in model.history_]
    assert len(losses) < 80
    assert int(np.argmin(losses)) == len(losses) - 3


def test_partial_fit_goes_on(kinked: Rows) -> None:
    X, y = kinked
    model = QMoERegressor("linear", random_state=0)
    for _ in range(3):
        model.partial_fit(X, y)
    whole = fitted(kinked, max_epochs=3)
    np.testing.assert_array_equal(model.predict(X), whole.predict(X))
    mean = model.target_mean_
    assert len(model.partial_fit(X, y + 1000).history_) == 4
    assert model.target_mean_ == mean  # the first call decides
    with pytest.raises(InputError, match="training began with"):
        model.partial_fit(X, np.column_stack([y, y]))


def test_resume_equals_the_uninterrupted_fit(kinked: Rows, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    fitted(kinked, max_epochs=2, checkpoint=checkpoint)
    resumed = QMoERegressor("linear", max_epochs=5, random_state=0, checkpoint=checkpoint).resume(
        *kinked
    )
    whole = fitted(kinked, max_epochs=5)
    np.testing.assert_array_equal(resumed.predict(kinked[0]), whole.predict(kinked[0]))
    with pytest.raises(RunError, match="other training data"):
        resumed.resume(kinked[0], kinked[1] + 1)


def test_warm_start_keeps_weights_and_scale(kinked: Rows) -> None:
    model = fitted(kinked, warm_start=True)
    before = model.predict(kinked[0])
    model.set_params(max_epochs=1, learning_rate=1e-12).fit(*kinked)
    np.testing.assert_allclose(model.predict(kinked[0]), before, rtol=1e-9)


def test_a_constant_target_is_predicted(kinked: Rows) -> None:
    model = fitted((kinked[0], np.full(80, 0.1)), max_epochs=60)
    np.testing.assert_allclose(model.predict(kinked[0]), 0.1, atol=0.2)


def test_sparse_rows_are_as_dense_ones(kinked: Rows) -> None:
    X, y = kinked
    model = fitted((sparse.csr_array(X), y))
    np.testing.assert_array_equal(model.predict(sparse.csr_array(X)), fitted(kinked).predict(X))


def test_columns_that_are_no_numbers_are_named(kinked: Rows) -> None:
    pandas = pytest.importorskip("pandas")
    X, y = kinked
    frame = pandas.DataFrame({"a": X[:, 0], "city": ["Rome"] * 80, "b": X[:, 1].astype(object)})
    with pytest.raises(InputError, match="no numbers \\('city', 'b'\\): encode them"):
        fitted((frame, y))
    model = fitted((frame[["a", "b"]], y))  # objects that are numbers
    np.testing.assert_array_equal(model.predict(frame[["a", "b"]]), fitted(kinked).predict(X))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"routing": "sampled"}, "routing 'sampled' is not for regression"),
        (
            {"criterion": "CrossEntropyLoss"},
            "unknown criterion 'CrossEntropyLoss': known are Huber",
        ),
        ({"criterion": torch.nn.CosineEmbeddingLoss}, "does not take .* outputs and targets"),
        ({"early_stopping": True, "validation_fraction": 0.99}, "leaves no training row"),
    ],
)
def test_refused(kinked: Rows, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fitted(kinked, **settings)


def test_the_classifier_refuses_losses_of_numbers(moons: Rows) -> None:
    with pytest.raises(InputError, match="unknown criterion 'MSELoss': known are CrossEntropyLoss"):
        QMoEClassifier("linear", criterion="MSELoss").fit(*moons)


@pytest.mark.parametrize("unit", [1e200, 1e-200, 1.0])
def test_the_scale_of_targets_of_any_size(unit: float) -> None:
    """Squares of them would overflow, or be 0."""
    rng = np.random.default_rng(0)
    x_NF, y_N, weights_N = rng.normal(size=(30, 2)), rng.normal(size=30), rng.random(30)
    model = QMoERegressor("linear", max_epochs=1, random_state=0).fit(x_NF, y_N * unit, weights_N)
    mean = np.average(y_N, weights=weights_N)
    std = np.sqrt(np.average((y_N - mean) ** 2, weights=weights_N))
    np.testing.assert_allclose(model.target_mean_ / unit, mean, rtol=1e-12)
    np.testing.assert_allclose(model.target_scale_ / unit, std, rtol=1e-12)
    assert np.isfinite(model.predict(x_NF)).all()
