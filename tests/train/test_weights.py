"""Weights of rows: a row of weight 2 is two rows, a weight of a class that of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.balance.losses import balance_loss
from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = tuple[np.ndarray, np.ndarray]

# Adam divides by the root of squared gradients: what rounding changes in one step (1e-16) grows
# by some factor in each of five.
CLOSE = 1e-9


def fitted(rows: Rows, sample_weight: Any = None, **settings: Any) -> QMoEClassifier:
    given = {"max_epochs": 5, "batch_size": 1000, "random_state": 1, **settings}
    return QMoEClassifier(**given).fit(*rows, sample_weight=sample_weight)


def assert_close(one: QMoEClassifier, other: QMoEClassifier) -> None:
    for name, tensor in one.module_.state_dict().items():
        torch.testing.assert_close(
            tensor, other.module_.state_dict()[name], atol=CLOSE, rtol=CLOSE, msg=name
        )
    assert one.history_[-1]["train_loss"] == pytest.approx(
        other.history_[-1]["train_loss"], rel=CLOSE
    )


@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")  # rows of weight 0
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"router": "mlp:3", "optimizer": "SGD", "learning_rate": 0.5},
        {"n_qubits": 3},  # principal components of the weighted rows
        {"balance_weight": 0.3, "n_experts": 3},
        {"router": "linear", "n_experts": 4, "top_k": 2, "bias_rate": 0.05},
        {"criterion": "MultiMarginLoss"},
        {"class_weight": "balanced"},
    ],
    ids=str,
)
def test_whole_weights_repeat_rows(
    wide: Rows, rng: np.random.Generator, settings: dict[str, Any]
) -> None:
    X, y = wide
    weights_N = rng.integers(0, 4, len(X))
    repeated = (X.repeat(weights_N, axis=0), y.repeat(weights_N))
    assert_close(fitted(wide, weights_N, **settings), fitted(repeated, **settings))
    assert not np.allclose(
        fitted(wide, weights_N, **settings).predict_proba(X),
        fitted(wide, **settings).predict_proba(X),
    )


def test_the_loss_of_an_epoch_is_that_of_scikit_learn(
    moons: Rows, rng: np.random.Generator
) -> None:
    """Before the first step, in batches of different total weight."""
    weights_N = rng.uniform(0.1, 5, 60)
    settings = {"max_epochs": 1, "batch_size": 7, "learning_rate": 1e-12}
    model = fitted(moons, weights_N, **settings)
    expected = log_loss(moons[1], model.predict_proba(moons[0]), sample_weight=weights_N)
    assert model.history_[0]["train_loss"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("weight", [3.0, np.full(60, 0.2)], ids=["number", "array"])
def test_equal_weights_are_none(moons: Rows, weight: Any, assert_same: Callable[..., None]) -> None:
    assert_same(fitted(moons, weight), fitted(moons))


@pytest.mark.parametrize("class_weight", ["balanced", {"a": 3.0, "b": 1, "c": 0.5}, {"b": 5}])
def test_weights_of_classes_are_those_of_their_rows(wide: Rows, class_weight: Any) -> None:
    X, y = wide[0][:50], np.array(["a", "b", "c"])[wide[1][:50] % 2 + (np.arange(50) > 30)]
    weights_N = compute_sample_weight(class_weight, y)
    model = fitted((X, y), class_weight=class_weight)
    assert_close(model, fitted((X, y), weights_N))
    both = fitted((X, y), np.arange(1, 51), class_weight={"b": 5})
    assert_close(both, fitted((X, y), np.arange(1, 51) * compute_sample_weight({"b": 5}, y)))


def test_held_out_rows_keep_their_weights(moons: Rows, rng: np.random.Generator) -> None:
    """The validation loss is the weighted one of the rows that are not trained on."""
    X, y = moons
    weights_N = rng.uniform(0.1, 5, 60)
    settings: dict[str, Any] = {
        "router": "linear", "early_stopping": True, "validation_fraction": 0.25, "max_epochs": 1,
    }  # fmt: skip
    model = fitted(moons, weights_N, **settings)
    # The held-out rows are those without an influence on the parameters.
    shares = []
    for row in range(60):
        changed_N = weights_N.copy()
        changed_N[row] *= 2
        other = fitted((X, y), changed_N, **settings)
        same = other.history_[0]["train_loss"] == model.history_[0]["train_loss"]
        shares.append(same)
    held = np.array(shares)
    assert held.sum() == 15
    expected = log_loss(y[held], model.predict_proba(X[held]), sample_weight=weights_N[held])
    assert model.history_[0]["valid_loss"] == pytest.approx(expected, rel=1e-9)


def test_a_resumed_training_needs_the_same_weights(
    moons: Rows, tmp_path: Any, rng: np.random.Generator, assert_same: Callable[..., None]
) -> None:
    weights_N = rng.uniform(0.1, 5, 60)
    model = fitted(moons, weights_N, checkpoint=tmp_path / "c", max_epochs=2)
    with pytest.raises(InputError, match="other training data"):
        model.set_params(max_epochs=5).resume(*moons)
    assert_same(model.resume(*moons, sample_weight=weights_N), fitted(moons, weights_N))


@pytest.mark.parametrize(
    ("weight", "settings", "says"),
    [
        (np.zeros(60), {}, "zero"),
        (-np.ones(60), {}, "[Nn]egative"),
        (np.full(60, np.nan), {}, "NaN"),
        (np.ones(59), {}, r"sample_weight.shape == \(59,\)"),
        (None, {"class_weight": "equal"}, "class_weight must be None, 'balanced' or"),
        (None, {"class_weight": 3}, "class_weight must be None, 'balanced' or"),
        (None, {"class_weight": {7: 1.0}}, "class_weight must be .* got {7: 1.0}"),
        (None, {"class_weight": {0: -1.0}}, "finite numbers of at least 0"),
        (None, {"class_weight": {0: 0.0, 1: 0.0}}, "weight of zero to every row"),
        (None, {"class_weight": {0: 0.0}}, "weigh more than zero are of one class, 1"),
        (np.arange(60), {"criterion__weight": [1, 2]}, "give the weights of the classes as"),
    ],
)
def test_weights_that_are_not_accepted(
    moons: Rows, weight: Any, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        fitted(moons, weight, **settings)


def test_the_balance_loss_of_weighted_rows(rng: np.random.Generator) -> None:
    weights_BE = torch.softmax(torch.from_numpy(rng.normal(size=(6, 3))), dim=1)
    counts_B = torch.tensor([1, 2, 3, 1, 4, 2])
    repeated = balance_loss(weights_BE.repeat_interleave(counts_B, dim=0))
    torch.testing.assert_close(balance_loss(weights_BE, counts_B.double()), repeated)


def test_the_bias_of_the_experts_weighs_rows(rng: np.random.Generator) -> None:
    features_NF = rng.normal(size=(30, 3))
    labels_N = (features_NF[:, 0] > 0).astype(int)
    weights_N = rng.integers(1, 9, size=30)
    settings: dict[str, Any] = {
        "n_experts": 8, "top_k": 2, "bias_rate": 0.05, "batch_size": 1000, "max_epochs": 8,
        "random_state": 0, "verbose": False,
    }  # fmt: skip
    weighted = QMoEClassifier("linear", **settings).fit(features_NF, labels_N, weights_N)
    repeated = QMoEClassifier("linear", **settings).fit(
        np.repeat(features_NF, weights_N, axis=0), np.repeat(labels_N, weights_N)
    )
    torch.testing.assert_close(weighted.module_.expert_bias_E, repeated.module_.expert_bias_E)
