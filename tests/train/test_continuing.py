"""partial_fit and warm_start: a training that goes on, as a loop of torch's does."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback, LRScheduler

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = tuple[np.ndarray, np.ndarray]

# Later rows lie outside the range of the first.
pytestmark = pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")


def model_of(**settings: Any) -> QMoEClassifier:
    return QMoEClassifier(**{"max_epochs": 3, "random_state": 5, **settings})


def parts_of(rows: Rows) -> list[Rows]:
    return [(rows[0][part], rows[1][part]) for part in np.split(np.arange(60), [25, 40])]


def assert_close(one: QMoEClassifier, state: dict[str, torch.Tensor]) -> None:
    for name, tensor in one.module_.state_dict().items():
        torch.testing.assert_close(tensor, state[name], msg=name)


@pytest.mark.parametrize("weighted", [False, True])
def test_calls_of_partial_fit_are_a_loop_of_torchs(
    moons: Rows, rng: np.random.Generator, weighted: bool
) -> None:
    weights_N = rng.uniform(0.5, 3, 60) if weighted else np.ones(60)
    model = model_of(batch_size=10)
    parts, sizes = parts_of(moons), np.split(weights_N, [25, 40])
    model.partial_fit(*parts[0], classes=[0, 1], sample_weight=sizes[0])
    scaling = model.feature_map_
    minimum_F, maximum_F = parts[0][0].min(axis=0), parts[0][0].max(axis=0)

    module = copy.deepcopy(model_of(learning_rate=1e-300).fit(*parts[0]).module_)  # untrained
    optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
    seed = np.random.RandomState(5).randint(2**31)

    def epoch(part: Rows, weight_N: np.ndarray, number: int) -> None:
        scaled_NF = np.pi * (part[0] - minimum_F) / (maximum_F - minimum_F)
        order = np.random.default_rng([seed, number]).permutation(len(scaled_NF))
        for batch in np.split(order, range(10, len(order), 10)):
            optimizer.zero_grad()
            logits_BC = module(torch.from_numpy(scaled_NF[batch]))
            losses_B = torch.nn.functional.cross_entropy(
                logits_BC, torch.from_numpy(part[1][batch]), reduction="none"
            )
            weight_B = torch.from_numpy(weight_N[batch] / weight_N.mean())
            (weight_B * losses_B).mean().backward()
            optimizer.step()

    epoch(parts[0], sizes[0], 0)
    assert_close(model, module.state_dict())
    for number, part in enumerate([*parts[1:], parts[0]], start=1):
        size = sizes[number % 3]
        model.partial_fit(*part, sample_weight=size)
        epoch(part, size, number)
        assert_close(model, module.state_dict())
    assert model.feature_map_ is scaling
    assert [entry["epoch"] for entry in model.history_] == [1, 2, 3, 4]


def test_partial_fit_goes_on_after_a_fit(moons: Rows) -> None:
    model = model_of(max_epochs=3).fit(*moons)
    assert_same_state(model.partial_fit(*moons), model_of(max_epochs=4).fit(*moons))
    assert len(model.history_) == 4


def assert_same_state(one: QMoEClassifier, other: QMoEClassifier) -> None:
    a, b = one.module_.state_dict(), other.module_.state_dict()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])  # noqa: S301
def test_a_copy_goes_on_with_the_same_moments(
    moons: Rows, copier: Callable[..., QMoEClassifier], assert_same: Callable[..., None]
) -> None:
    model = model_of().fit(*moons)
    copied = copier(model)
    assert_same(copied.partial_fit(*moons), model.partial_fit(*moons))


@pytest.mark.parametrize("copier", [lambda model: model, copy.deepcopy])
@pytest.mark.parametrize(
    "arguments",
    [
        {"policy": torch.optim.lr_scheduler.StepLR, "step_size": 2, "gamma": 0.1},
        {"policy": torch.optim.lr_scheduler.CosineAnnealingLR, "T_max": 4},
        {
            "policy": torch.optim.lr_scheduler.OneCycleLR,
            "max_lr": 0.1,
            "total_steps": 12,
            "step_every": "batch",
        },
    ],
)
def test_a_schedule_goes_on(
    moons: Rows, arguments: dict[str, Any], copier: Callable[..., QMoEClassifier]
) -> None:
    """Calls of partial_fit on all rows are the epochs of a fit."""
    settings = {"callbacks": [LRScheduler(**arguments)], "router": "linear"}
    model = model_of(**copy.deepcopy(settings))
    for _ in range(5):
        model = copier(model).partial_fit(*moons, classes=[0, 1])
    whole = model_of(**settings, max_epochs=5).fit(*moons)
    assert model.history_ == whole.history_
    assert_same_state(model, whole)


def test_another_schedule_begins_anew(moons: Rows) -> None:
    policy = torch.optim.lr_scheduler.ExponentialLR
    model = model_of(router="linear", callbacks=[LRScheduler(policy, gamma=0.5)]).fit(*moons)
    model.set_params(callbacks__LRScheduler__gamma=0.1).partial_fit(*moons).partial_fit(*moons)
    rates = [entry["event_lr"] for entry in model.history_]
    np.testing.assert_allclose(rates, [0.05, 0.025, 0.0125, 0.05, 0.005])


def test_a_changed_learning_rate_is_used(moons: Rows) -> None:
    model = model_of().fit(*moons)
    before = copy.deepcopy(model)
    model.set_params(learning_rate=1e-300).partial_fit(*moons)
    assert_same_state(model, before)
    model.set_params(optimizer="SGD", learning_rate=0.1).partial_fit(*moons)
    assert model.history_[-1]["train_loss"] < before.history_[0]["train_loss"]


def test_classes_of_partial_fit(moons: Rows) -> None:
    X, y = moons
    names = np.array(["a", "b"])[y]
    model = model_of(router="linear")
    with pytest.raises(InputError, match="classes must be given in the first call"):
        model.partial_fit(X, names)
    with pytest.raises(InputError, match="at least two classes"):
        model.partial_fit(X[y == 0], names[y == 0], classes=["a"])
    with pytest.raises(InputError, match=r"label 'b', .* none of the classes \['a', 'c'\]"):
        model.partial_fit(X, names, classes=["c", "a"])
    with pytest.raises(NotFittedError):
        model.predict(X)
    only_a = names == "a"
    model.partial_fit(X[only_a], names[only_a], classes=["c", "b", "a"])
    assert model.predict_proba(X).shape == (60, 3)
    with pytest.raises(InputError, match="are not those that training began with"):
        model.partial_fit(X, names, classes=["a", "b"])
    with pytest.raises(InputError, match="label 'd'"):
        model.partial_fit(X[:2], ["a", "d"])
    with pytest.raises(ValueError, match="X has 1 features"):
        model.partial_fit(X[:, :1], names)
    assert model.partial_fit(X, names, classes=["a", "b", "c"]).score(X, names) > 0


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"checkpoint": "file"}, "partial_fit goes on with a fitted model, which a checkpoint"),
        ({"class_weight": "balanced"}, "needs all rows"),
    ],
)
def test_settings_that_partial_fit_refuses(
    moons: Rows, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        model_of(**settings).partial_fit(*moons, classes=[0, 1])


def test_warm_start_begins_with_the_fitted_weights(
    moons: Rows, assert_same: Callable[..., None]
) -> None:
    """Of plain gradient steps on all rows: three epochs twice are six."""
    settings = {"optimizer": "SGD", "learning_rate": 0.3, "batch_size": 60, "router": "mlp:4"}
    model = model_of(**settings, warm_start=True).fit(*moons).fit(*moons)
    assert [entry["epoch"] for entry in model.history_] == [1, 2, 3]
    assert_close(model, model_of(**settings, max_epochs=6).fit(*moons).module_.state_dict())
    assert_same(model.set_params(warm_start=False).fit(*moons), model_of(**settings).fit(*moons))


def test_warm_start_keeps_the_scaling_and_the_classes(moons: Rows) -> None:
    X, y = moons
    model = model_of(warm_start=True, early_stopping=True, validation_fraction=0.2).fit(X, y)
    scaling = model.feature_map_
    model.fit(X * 0.5, y)
    assert model.feature_map_ is scaling
    with pytest.raises(InputError, match="label 2, which is none of the classes"):
        model.fit(X, y + 1)


def test_training_goes_on_under_noise(moons: Rows) -> None:
    """The weights are kept where the circuit runs somewhere else."""
    model = model_of(warm_start=True, n_layers=1).fit(*moons)
    trained = copy.deepcopy(model.module_.state_dict())
    model.set_params(backend="noisy:depolarizing:0.05", learning_rate=1e-300).fit(*moons)
    assert model.backend_.name != "statevector"
    assert_close(model, trained)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"n_experts": 3}, "n_experts"),
        ({"n_layers": 2}, "circuit is another"),
        ({"router": "mlp:3"}, "circuit is another"),
        ({"router": angle_router(2, 1, rotation="y")}, "circuit is another"),
        ({"feature_range": (0, 1)}, "scaled to 0.0 and 3.14"),
        ({"n_qubits": 1}, "sees 2 coordinates"),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_another_model_cannot_go_on(
    moons: Rows, settings: dict[str, Any], says: str, method: str
) -> None:
    model = model_of(n_layers=1, warm_start=True).fit(*moons)
    before = model.predict_proba(moons[0])
    model.set_params(**settings)
    if "router" in settings and not isinstance(settings["router"], str):
        model.set_params(n_layers=3)
    with pytest.raises(InputError, match=f"changed since .*{says}"):
        getattr(model, method)(*moons)
    np.testing.assert_array_equal(model.predict_proba(moons[0]), before)


class Interrupt(Callback):  # type: ignore[misc]
    def on_epoch_end(self, net: Any, **_: Any) -> None:  # noqa: ARG002
        raise KeyboardInterrupt


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_failure_leaves_the_model_as_it_was(moons: Rows, method: str) -> None:
    model = model_of(warm_start=True).fit(*moons)
    before, history = model.predict_proba(moons[0]), list(model.history_)
    model.set_params(callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        getattr(model, method)(*moons)
    np.testing.assert_array_equal(model.predict_proba(moons[0]), before)
    assert model.history_ == history


def test_an_open_backend_is_kept(moons: Rows) -> None:
    backend = open_backend("statevector")
    model = model_of(backend=backend).fit(*moons)
    module = model.module_
    assert model.partial_fit(*moons).module_ is module
    assert model.backend_ is backend


def test_warm_start_is_a_truth_value(moons: Rows) -> None:
    with pytest.raises(InputError, match="warm_start must be True or False, got 'yes'"):
        model_of(warm_start="yes").fit(*moons)
    with pytest.raises(InputError, match=r"warm_start goes on .* checkpoint does not hold"):
        model_of(warm_start=True).fit(*moons).set_params(checkpoint="file").fit(*moons)


def test_groups_of_features_keep_their_qubits(rng: np.random.Generator) -> None:
    features_NF = rng.normal(size=(12, 7))
    labels_N = (features_NF[:, 0] > 0).astype(int)
    model = QMoEClassifier(
        projection="groups", n_layers=1, max_epochs=1, warm_start=True, random_state=0
    ).fit(features_NF, labels_N)
    model.set_params(n_qubits=6).fit(features_NF, labels_N)  # the number that None stands for
    with pytest.raises(InputError, match="its features enter 6 qubits"):
        model.set_params(n_qubits=2).fit(features_NF, labels_N)
