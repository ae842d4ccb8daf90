"""Training learns, and it is the training that the documentation describes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons
from torch.nn.modules.module import register_module_forward_hook

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import MixtureOfExperts
from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from collections.abc import Iterator

Rows = tuple[np.ndarray, np.ndarray]


@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")  # held-out rows
def test_the_papers_model_separates_two_moons(*, whole: bool) -> None:
    scores = []
    for seed in range(5 if whole else 1):
        X, y = make_moons(1000, noise=0.1, random_state=seed)
        model = QMoEClassifier(max_epochs=30, random_state=seed).fit(X[:800], y[:800])
        losses = [entry["train_loss"] for entry in model.history_]
        assert losses[-1] < 0.2 * losses[0]
        scores.append(model.score(X[800:], y[800:]))
    assert np.median(scores) >= 0.98


@pytest.mark.parametrize("settings", [{}, {"router": "mlp:4", "n_experts": 3}], ids=str)
def test_the_loop_is_plain_adam_on_shuffled_batches(moons: Rows, settings: dict[str, Any]) -> None:
    """Against a loop by hand: the same start, batches, loss and optimizer."""
    X, y = moons
    model = QMoEClassifier(**settings, max_epochs=3, batch_size=16, random_state=4).fit(X, y)

    seed = int(np.random.RandomState(4).randint(2**31))
    reference = QMoEClassifier(**settings)
    reference.classes_, reference.feature_map_ = model.classes_, model.feature_map_
    reference.rebuild(seed)
    module = reference.module_
    adam = torch.optim.Adam(module.parameters(), lr=0.05)
    low, high = X.min(axis=0), X.max(axis=0)
    inputs_NF, labels_N = torch.from_numpy((X - low) / (high - low) * np.pi), torch.from_numpy(y)
    for epoch in range(3):
        total = 0.0
        order = np.random.default_rng([seed, epoch]).permutation(60)
        for rows in np.split(order, [16, 32, 48]):
            log_p_BC = torch.log_softmax(module(inputs_NF[rows]), dim=1)
            loss = -log_p_BC[torch.arange(len(rows)), labels_N[rows]].mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            total += loss.item() * len(rows)
        assert model.history_[epoch]["epoch"] == epoch + 1
        assert model.history_[epoch]["train_loss"] == pytest.approx(total / 60, rel=1e-12)
    for name, value in module.state_dict().items():
        torch.testing.assert_close(model.module_.state_dict()[name], value, rtol=0, atol=1e-12)


@pytest.fixture
def rows_seen() -> Iterator[dict[bool, set[tuple[float, ...]]]]:
    """Scaled rows that any mixture is given from here on: True while training, False otherwise."""
    seen: dict[bool, set[tuple[float, ...]]] = defaultdict(set)

    def note(module: torch.nn.Module, inputs: Any, _output: Any) -> None:
        if isinstance(module, MixtureOfExperts):
            seen[module.training].update(map(tuple, inputs[0].tolist()))

    handle = register_module_forward_hook(note)
    yield seen
    handle.remove()


def test_early_stopping_keeps_the_model_of_the_best_epoch(
    moons: Rows, rows_seen: dict[bool, set[tuple[float, ...]]]
) -> None:
    X, y = moons
    model = QMoEClassifier(
        max_epochs=200,
        learning_rate=0.2,
        early_stopping=True,
        validation_fraction=0.3,
        patience=4,
        random_state=1,
    ).fit(X, y)
    training, validation = rows_seen[True].copy(), rows_seen[False].copy()
    assert (len(training), len(validation)) == (42, 18)
    assert not training & validation

    losses = [entry["valid_loss"] for entry in model.history_]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 4 < 200

    scaled_NF = model.feature_map_.scale(X)
    held_out = np.array([tuple(row) in validation for row in scaled_NF.tolist()])
    with torch.no_grad():
        logits_NC = model.module_(torch.from_numpy(scaled_NF[held_out]))
    loss = torch.nn.functional.cross_entropy(logits_NC, torch.from_numpy(y[held_out]))
    assert loss.item() == pytest.approx(losses[best], rel=1e-12)
    assert np.bincount(y[held_out]).tolist() == [9, 9]  # stratified
    # The scaler has seen the training rows alone.
    np.testing.assert_array_equal(model.feature_map_.minimum_F, X[~held_out].min(axis=0))
    np.testing.assert_array_equal(model.feature_map_.maximum_F, X[~held_out].max(axis=0))


def test_without_early_stopping_every_row_trains(
    moons: Rows, rows_seen: dict[bool, set[tuple[float, ...]]]
) -> None:
    model = QMoEClassifier("linear", max_epochs=2, random_state=0).fit(*moons)
    assert len(rows_seen[True]) == 60
    assert not rows_seen[False]
    assert [set(entry) for entry in model.history_] == [{"epoch", "train_loss"}] * 2


def test_a_patient_training_goes_to_the_end(moons: Rows) -> None:
    model = QMoEClassifier(
        "linear", max_epochs=5, early_stopping=True, patience=5, random_state=0
    ).fit(*moons)
    assert [entry["epoch"] for entry in model.history_] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("early_stopping", "says"),
    [(False, "epoch 2: train_loss is (inf|nan)"), (True, "epoch 1: valid_loss is (inf|nan)")],
)
def test_a_training_that_diverges_says_so(moons: Rows, early_stopping: bool, says: str) -> None:
    """One step an epoch: the loss of the first epoch is that of the initial weights."""
    model = QMoEClassifier(
        "linear",
        learning_rate=1e308,
        max_epochs=5,
        batch_size=100,
        early_stopping=early_stopping,
        random_state=0,
    )
    with pytest.raises(InputError, match=f"training diverged in {says}"):
        model.fit(*moons)


def test_two_rows_are_enough() -> None:
    X, y = np.array([[0.0, 1.0], [1.0, 0.0]]), ["a", "b"]
    model = QMoEClassifier(max_epochs=60, random_state=0).fit(X, y)
    assert model.predict(X).tolist() == ["a", "b"]
