"""Choice of optimizer, loss and callbacks: what torch and skorch do with them by hand."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochScoring,
    Freezer,
    GradientNormClipping,
    LRScheduler,
    PrintLog,
    ProgressBar,
    TrainEndCheckpoint,
)
from torch import nn

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train import QMoEClassifier, StopTraining

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Rows = tuple[np.ndarray, np.ndarray]


class FocalLoss(nn.Module):
    """A loss of a user's: cross entropy times (1 - p)^gamma."""

    def __init__(self, gamma: float = 2.0, reduction: str = "mean") -> None:
        super().__init__()
        self.gamma, self.reduction = gamma, reduction

    def forward(self, logits_BC: torch.Tensor, labels_B: torch.Tensor) -> torch.Tensor:
        entropy_B = nn.functional.cross_entropy(logits_BC, labels_B, reduction="none")
        losses_B = (1 - torch.exp(-entropy_B)) ** self.gamma * entropy_B
        return losses_B if self.reduction == "none" else losses_B.mean()


class SignDescent(torch.optim.Optimizer):
    """An optimizer of a user's."""

    def __init__(self, params: Any, lr: float = 0.1, *, factor: float = 1.0) -> None:
        super().__init__(params, {"lr": lr, "factor": factor})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        if closure is not None:
            with torch.enable_grad():
                closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.sub_(group["lr"] * group["factor"] * parameter.grad.sign())


def fitted(rows: Rows, **settings: Any) -> QMoEClassifier:
    return QMoEClassifier(**{"max_epochs": 4, "random_state": 5, **settings}).fit(*rows)


def by_hand(
    rows: Rows,
    make_optimizer: Callable[..., torch.optim.Optimizer],
    loss: Callable[..., torch.Tensor],
    make_schedule: Callable[..., Any] | None = None,
    **settings: Any,
) -> QMoEClassifier:
    """Train the same initial module with a loop of torch's, on the same batches."""
    model = fitted(rows, **{"learning_rate": 1e-300, **settings})  # the initial weights
    seed = np.random.RandomState(5).randint(2**31)
    features_NF = torch.from_numpy(model.feature_map_.scale(rows[0]))
    labels_N = torch.from_numpy(rows[1])
    optimizer = make_optimizer(model.module_.parameters())
    schedule = make_schedule(optimizer) if make_schedule else None
    for epoch in range(4):
        order = np.random.default_rng([seed, epoch]).permutation(len(labels_N))
        for batch in np.split(order, range(32, len(order), 32)):

            def closure(batch: np.ndarray = batch) -> torch.Tensor:
                optimizer.zero_grad()
                value = loss(model.module_(features_NF[batch]), labels_N[batch])
                value.backward()
                return value

            optimizer.step(closure)
        if schedule is not None:
            schedule.step()
    return model


def assert_close(one: QMoEClassifier, other: QMoEClassifier) -> None:
    assert_close_parts(one.module_, other.module_)


def assert_close_parts(one: nn.Module, other: nn.Module) -> None:
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(tensor, other.state_dict()[name], msg=name)


CROSS_ENTROPY = nn.CrossEntropyLoss()


@pytest.mark.parametrize(
    ("settings", "make"),
    [
        ({}, lambda p: torch.optim.Adam(p, lr=0.05)),
        ({"optimizer": "adam"}, lambda p: torch.optim.Adam(p, lr=0.05)),
        (
            {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9, "learning_rate": 0.2},
            lambda p: torch.optim.SGD(p, lr=0.2, momentum=0.9),
        ),
        (
            {"optimizer": "AdamW", "optimizer__weight_decay": 0.3, "optimizer__betas": (0.8, 0.9)},
            lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.3, betas=(0.8, 0.9)),
        ),
        (
            {"optimizer": "LBFGS", "optimizer__max_iter": 3},
            lambda p: torch.optim.LBFGS(p, lr=0.05, max_iter=3),
        ),
        (
            {"optimizer": SignDescent, "optimizer__factor": 0.5},
            lambda p: SignDescent(p, lr=0.05, factor=0.5),
        ),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "torch",
)
def test_an_optimizer_is_torchs(moons: Rows, settings: dict[str, Any], make: Any) -> None:
    assert_close(fitted(moons, **settings), by_hand(moons, make, CROSS_ENTROPY))


def test_groups_of_parameters_as_in_skorch(moons: Rows) -> None:
    model = fitted(moons, optimizer__param_groups=[("router*", {"lr": 1e-300})])
    untrained = fitted(moons, learning_rate=1e-300)
    router, other = (one.module_.router.state_dict() for one in (model, untrained))
    assert all(torch.equal(router[name], other[name]) for name in router)
    experts, other = (one.module_.experts.state_dict() for one in (model, untrained))
    assert not any(torch.equal(experts[name], other[name]) for name in experts)


@pytest.mark.parametrize(
    ("settings", "loss"),
    [
        ({"criterion": "NLLLoss"}, CROSS_ENTROPY),
        ({"criterion": nn.MultiMarginLoss}, nn.MultiMarginLoss()),
        ({"criterion__label_smoothing": 0.2}, nn.CrossEntropyLoss(label_smoothing=0.2)),
        (
            {"criterion__weight": [1.0, 3.0]},
            nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0], dtype=torch.float64)),
        ),
        ({"criterion": FocalLoss, "criterion__gamma": 1.5}, FocalLoss(1.5)),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "torch",
)
def test_a_loss_is_torchs(moons: Rows, settings: dict[str, Any], loss: nn.Module) -> None:
    model = fitted(moons, optimizer="SGD", learning_rate=0.3, **settings)
    assert_close(model, by_hand(moons, lambda p: torch.optim.SGD(p, lr=0.3), loss))


def test_a_schedule_of_torch(moons: Rows) -> None:
    schedule = LRScheduler(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5)
    model = fitted(moons, callbacks=[schedule])
    assert [entry["event_lr"] for entry in model.history_] == [0.05, 0.025, 0.0125, 0.00625]
    expected = by_hand(
        moons,
        lambda p: torch.optim.Adam(p, lr=0.05),
        CROSS_ENTROPY,
        lambda one: torch.optim.lr_scheduler.ExponentialLR(one, gamma=0.5),
    )
    assert_close(model, expected)


def test_scores_are_in_the_history(moons: Rows) -> None:
    callbacks = [
        EpochScoring("accuracy", on_train=False, lower_is_better=False, name="held out"),
        EpochScoring("accuracy", use_caching=False, name="again"),
        ("loss", EpochScoring("neg_log_loss", name="minus_loss")),
    ]
    model = fitted(moons, callbacks=callbacks, early_stopping=True, validation_fraction=0.3)
    last = model.history_[-1]
    assert last.keys() == {"epoch", "train_loss", "valid_loss", "held out", "again", "minus_loss"}
    assert last["held out"] == last["again"]
    assert last["minus_loss"] == pytest.approx(-last["valid_loss"], rel=1e-6)  # skorch's float32


def test_scores_of_training_rows(moons: Rows) -> None:
    """Of full batches after training stands still, they are those of the fitted model."""
    callback = EpochScoring("accuracy", on_train=True, use_caching=False)
    model = fitted(moons, callbacks=[callback], max_epochs=8)
    expected = accuracy_score(moons[1], model.predict(moons[0]))
    assert model.history_[-1]["accuracy"] == expected
    weighted = fitted((moons[0], moons[1]), callbacks=[callback], class_weight={0: 3.0})
    assert weighted.history_[-1]["accuracy"] == weighted.score(*moons)


def test_early_stopping_of_skorch(moons: Rows) -> None:
    stop = EarlyStopping("train_loss", patience=2, threshold=0.2, load_best=True)
    model = fitted(moons, callbacks=[stop], max_epochs=50)
    n_epochs = len(model.history_)
    assert n_epochs < 50
    assert stop.best_epoch_ == n_epochs - 2
    alone = fitted(moons, max_epochs=stop.best_epoch_)
    assert model.history_[: n_epochs - 2] == alone.history_
    assert torch.equal(model.module_.router.connector.weight, alone.module_.router.connector.weight)
    assert not model.module_.training


class StopAfter(Callback):  # type: ignore[misc]
    def __init__(self, epochs: int, error: type[BaseException] = StopTraining) -> None:
        self.epochs, self.error = epochs, error

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        if len(net.history) == self.epochs:
            raise self.error


def test_a_callback_ends_training(moons: Rows, assert_same: Callable[..., None]) -> None:
    assert_same(fitted(moons, callbacks=[StopAfter(2)]), fitted(moons, max_epochs=2))


def test_an_interrupt_in_a_callback_is_one(moons: Rows) -> None:
    model = QMoEClassifier("linear", callbacks=[StopAfter(2, KeyboardInterrupt), EarlyStopping])
    model.set_params(callbacks__EarlyStopping__monitor="train_loss")
    with pytest.raises(KeyboardInterrupt):
        model.fit(*moons)
    assert not hasattr(model, "history_")


def test_callbacks_do_not_change_a_training(
    moons: Rows, capsys: pytest.CaptureFixture[str], assert_same: Callable[..., None]
) -> None:
    quiet = fitted(moons)
    assert_same(fitted(moons, callbacks=[PrintLog(), ProgressBar()]), quiet)
    said = capsys.readouterr()
    assert "train_loss" in said.out
    assert_same(fitted(moons, callbacks=[PrintLog()], verbose=False), quiet)
    assert "train_loss" not in capsys.readouterr().out


def test_other_callbacks_of_skorch(moons: Rows, tmp_path: Path) -> None:
    """That read what skorch keeps: the last batch, gradients, parameters by name."""
    saver = TrainEndCheckpoint(dirname=tmp_path, f_optimizer=None, f_criterion=None)
    frozen = fitted(moons, router="mlp:3", callbacks=[saver, Freezer("router*")])
    untrained = fitted(moons, router="mlp:3", learning_rate=1e-300)
    assert_close_parts(frozen.module_.router, untrained.module_.router)
    stored = torch.load(tmp_path / "train_end_params.pt", weights_only=True)
    assert stored.keys() == frozen.module_.state_dict().keys()
    clipped = fitted(moons, router="mlp:3", optimizer="SGD", callbacks=[GradientNormClipping(1e-9)])
    assert_close_parts(clipped.module_, untrained.module_)


SETTINGS = {
    "router": "linear",
    "optimizer": torch.optim.SGD,
    "optimizer__momentum": 0.5,
    "criterion__label_smoothing": 0.1,
    "callbacks": [("stop", EarlyStopping("train_loss")), EpochScoring("accuracy", on_train=True)],
    "callbacks__stop__patience": 3,
}


@pytest.mark.parametrize(
    "copier",
    [clone, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],  # noqa: S301
)
def test_a_copy_trains_the_same(
    moons: Rows, copier: Callable[..., QMoEClassifier], assert_same: Callable[..., None]
) -> None:
    model = fitted(moons, **SETTINGS)
    copied = copier(model)
    assert copied.get_params()["optimizer__momentum"] == 0.5
    assert copied.settings() == model.settings()
    assert_same(copied.fit(*moons), model)
    assert "optimizer__momentum=0.5" in repr(model)


@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")
def test_a_grid_of_arguments_of_the_optimizer(moons: Rows) -> None:
    grid = {"optimizer__momentum": [0.0, 0.9], "criterion__label_smoothing": [0.0, 0.3]}
    model = QMoEClassifier("linear", max_epochs=2, optimizer="SGD", random_state=0)
    search = GridSearchCV(model, grid, cv=2, scoring="neg_log_loss").fit(*moons)
    assert len(set(search.cv_results_["mean_test_score"])) == 4
    assert search.best_estimator_.get_params()["optimizer__momentum"] == 0.9


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"optimizer": "Adamm"}, "unknown optimizer 'Adamm'.*did you mean 'Adam'"),
        ({"optimizer": 3}, "unknown optimizer 3"),
        ({"optimizer": nn.Linear}, "unknown optimizer <class"),
        ({"optimizer": "SparseAdam"}, "unknown optimizer 'SparseAdam'"),
        ({"optimizer": "SGD", "optimizer__betas": (0.1, 0.2)}, "SGD does not take .*betas"),
        ({"optimizer__weight_decay": -1.0}, "Adam does not take .*weight_decay"),
        ({"optimizer__lr": 0.1}, "optimizer__lr=0.1 .* set by learning_rate"),
        ({"criterion": "CrossEntropy"}, "unknown criterion .*did you mean 'CrossEntropyLoss'"),
        ({"criterion": nn.CrossEntropyLoss()}, r"unknown criterion CrossEntropyLoss\(\)"),
        ({"criterion": nn.MSELoss}, "MSELoss does not take"),
        ({"criterion__gamma": 1}, "CrossEntropyLoss does not take .*gamma"),
        ({"criterion__reduction": "none"}, r"gives shape \(3,\) for 3 rows"),
        ({"criterion": nn.Identity, "class_weight": "balanced"}, "Identity does not take|gives"),
        ({"callbacks": EarlyStopping()}, "must be None or a list"),
        ({"callbacks": [3]}, "must hold callbacks of skorch"),
        ({"callbacks": [EarlyStopping()]}, "EarlyStopping needs held-out rows"),
        ({"callbacks": [EpochScoring("accuracy")]}, "EpochScoring needs held-out rows"),
        (
            {"callbacks": [LRScheduler("ReduceLROnPlateau", monitor="valid_loss")]},
            "LRScheduler needs held-out rows",
        ),
        ({"callbacks__stop__patience": 3}, r"callbacks__stop__patience .* known are \[\]"),
        ({"callbacks__train_loss": None}, "callbacks__train_loss is for none of the callbacks"),
        ({"callbacks": [EarlyStopping("nope")]}, "waits for a number .*'nope' was not found"),
        ({"callbacks": [LRScheduler("Nope")]}, "no attribute 'Nope'"),
        ({"callbacks": [LRScheduler("StepLR")]}, "cannot begin: .*'step_size'"),
        (
            {"callbacks": [EpochScoring("acuracy", on_train=True)]},
            "unknown scoring .* did you mean 'accuracy'",
        ),
        ({"optimizer__param_groups": 3}, "does not accept .* optimizer__param_groups"),
        ({"callbacks": [("a", PrintLog()), ("a", PrintLog())]}, "duplicate"),
        ({"callbacks": [PrintLog()], "checkpoint": "file"}, "does not hold what callbacks know"),
        ({"optimizer": "LBFGS", "checkpoint": "file"}, "state of optimizer LBFGS"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_choices_that_are_not_accepted(moons: Rows, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        fitted(moons, router="linear", **settings)


def test_an_unknown_argument_is_an_error_at_once() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'optimiser__momentum'"):
        QMoEClassifier(optimiser__momentum=0.9)
