"""The balance loss in training, in runs, and on the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons
from sklearn.utils.estimator_checks import check_estimator

from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.moe import balance_loss
from qmoe_qiskit.runs import TrainingRequest, load_run, train_run
from qmoe_qiskit.train import QMoEClassifier, model_state, restore_model
from qmoe_qiskit.train.fingerprint import check_identity
from qmoe_qiskit.train.stored.checkpoint import load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from qmoe_qiskit.moe import MixtureOfExperts

Rows = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def moons() -> Rows:
    return make_moons(60, noise=0.1, random_state=0)


def fitted(rows: Rows, **settings: Any) -> QMoEClassifier:
    defaults = {"router": "quantum", "max_epochs": 3, "random_state": 1, "verbose": False}
    return QMoEClassifier(**{**defaults, **settings}).fit(*rows)


def state(model: QMoEClassifier) -> list[torch.Tensor]:
    return list(model.module_.state_dict().values())


def same(one: QMoEClassifier, other: QMoEClassifier) -> bool:
    return all(a.equal(b) for a, b in zip(state(one), state(other), strict=True))


def total_loss(module: MixtureOfExperts, model: QMoEClassifier, rows: Rows, weight: float) -> float:
    scaled = torch.from_numpy(model.feature_map_.scale(rows[0]))
    with torch.no_grad():
        cross_entropy = torch.nn.functional.cross_entropy(module(scaled), torch.tensor(rows[1]))
        return float(cross_entropy + weight * balance_loss(module.router(scaled)))


@pytest.mark.parametrize("router", ["linear", "quantum"])
def test_a_step_goes_down_the_gradient_of_the_sum(moons: Rows, router: str) -> None:
    """The first step of Adam is the learning rate times the gradient's sign."""
    weight, rate, tiny = 0.7, 1e-3, 1e-6
    settings = {"router": router, "n_experts": 3, "learning_rate": rate, "batch_size": 60}
    model = fitted(moons, balance_weight=weight, max_epochs=1, **settings)
    start = fitted(moons, max_epochs=1, **settings)
    start.rebuild(int(np.random.RandomState(1).randint(2**31)))  # as before the first step
    module = start.module_
    before = total_loss(module, start, moons, weight)
    assert model.history_[0]["train_loss"] == pytest.approx(before)
    pairs = list(zip(module.parameters(), model.module_.parameters(), strict=True))
    checked = 0
    for at_start, trained in pairs:
        flat, step = at_start.data.view(-1), (trained - at_start).detach().view(-1)
        for i in range(len(flat)):
            value = flat[i].item()
            losses = []
            for shifted in (value + tiny, value - tiny):
                flat[i] = shifted
                losses.append(total_loss(module, start, moons, weight))
            flat[i] = value
            slope = (losses[0] - losses[1]) / (2 * tiny)
            if abs(slope) > 1e-6:
                assert step[i].item() == pytest.approx(-rate * np.sign(slope), rel=0.05)
                checked += 1
    assert checked > 10


@pytest.mark.parametrize("router", ["linear", "quantum"])
def test_without_weight_nothing_changes(moons: Rows, router: str) -> None:
    one = fitted(moons, router=router)
    other = fitted(moons, router=router, balance_weight=0)
    assert same(one, other)
    assert one.history_ == other.history_
    assert not same(one, fitted(moons, router=router, balance_weight=0.1))


def test_a_large_weight_balances_the_experts(moons: Rows) -> None:
    settings = {"router": "linear", "n_experts": 4, "max_epochs": 20}
    losses = [
        balance_loss(torch.from_numpy(model.routing_weights(moons[0]))).item()
        for model in (fitted(moons, **settings), fitted(moons, balance_weight=10.0, **settings))
    ]
    assert losses[1] < losses[0]


def test_the_router_is_not_watched_any_more(moons: Rows) -> None:
    model = fitted(moons, balance_weight=0.1)
    assert not model.module_.router._forward_hooks
    assert model.predict(moons[0]).shape == (60,)


def test_projected_router_and_early_stopping(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(60, 4)), np.arange(60) % 2
    settings = {"router": "quantum", "n_qubits": 2, "early_stopping": True, "max_epochs": 2}
    model = fitted(rows, balance_weight=100.0, **settings)
    entry = model.history_[0]
    # The loss that stops is the cross entropy alone; each balance loss is at least 0.
    assert entry["train_loss"] > 50 > entry["valid_loss"]


def test_resuming_and_storing(moons: Rows, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    whole = fitted(moons, balance_weight=0.1, max_epochs=4)
    part = fitted(moons, balance_weight=0.1, max_epochs=2, checkpoint=checkpoint)
    part.set_params(max_epochs=4).resume(*moons)
    assert same(whole, part)
    part.set_params(balance_weight=0.2)
    with pytest.raises(RunError, match=r"made with balance_weight=0\.1, not 0\.2"):
        part.resume(*moons)
    restored = restore_model(model_state(whole), BackendSpec(backend="noisy:readout:0.01"))
    assert restored.balance_weight == 0.1


def test_what_was_trained_without_the_setting_had_weight_zero(moons: Rows, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    model = fitted(moons, max_epochs=2, checkpoint=checkpoint)
    old = model_state(model)
    del old.config["settings"]["balance_weight"]
    assert restore_model(old).balance_weight == 0.0
    saved = load_checkpoint(checkpoint)
    del saved.identity["settings"]["balance_weight"]
    save_checkpoint(checkpoint, saved)
    model.set_params(max_epochs=3).resume(*moons)
    assert same(model, fitted(moons, max_epochs=3))
    with pytest.raises(RunError, match=r"balance_weight=0\.0, not 0\.5"):
        model.set_params(balance_weight=0.5).resume(*moons)
    now = {**saved.identity, "settings": {**saved.identity["settings"], "balance_weight": 0}}
    check_identity(saved.identity, now)


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf, "0.1", None, True, [0.1]])
def test_a_weight_that_is_not_accepted(moons: Rows, value: Any) -> None:
    with pytest.raises(InputError, match="balance_weight must be a number of at least 0") as caught:
        fitted(moons, balance_weight=value)
    assert repr(value) in str(caught.value)


@pytest.mark.trial  # without the weight: train/test_estimator_contract.py
@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")
def test_scikit_learns_checks() -> None:
    sparse = {"n_experts": 4, "top_k": 2, "bias_rate": 0.001}
    check_estimator(QMoEClassifier("linear", balance_weight=0.1, **sparse), on_skip=None)


def test_runs(tmp_path: Path) -> None:
    request = TrainingRequest(
        router="linear", n_samples=60, max_epochs=1, n_experts=3, balance_weight=0.25
    )
    train_run(request, tmp_path / "run")
    run = load_run(tmp_path / "run")
    assert run.classifier.balance_weight == 0.25
    command = run.manifest.command
    assert command[command.index("--balance") + 1] == "0.25"
    with pytest.raises(InputError, match="balance_weight"):
        train_run(replace(request, balance_weight=-1.0), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from qmoe_qiskit.cli.app import app

    monkeypatch.chdir(tmp_path)
    options = ("--samples", "60", "--epochs", "1", "--control", "none", "--router", "linear")
    outcome = CliRunner().invoke(app, ["train", *options, "--balance", "0.5", "--out", "run"])
    assert outcome.exit_code == 0, outcome.output
    assert load_run("run").classifier.balance_weight == 0.5
