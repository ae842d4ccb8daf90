"""An interrupted training goes on to the very model of one that was not interrupted."""

from __future__ import annotations

import itertools
import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from torch.nn.modules.module import register_module_forward_hook

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import RunError
from qmoe_qiskit.moe import MixtureOfExperts
from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.train import HardwareTraining, QMoEClassifier
from qmoe_qiskit.train.stored.checkpoint import load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qmoe_qiskit.backends import CompiledRouter
    from qmoe_qiskit.circuits import RouterCircuit

Rows = tuple[np.ndarray, np.ndarray]

# Of 60 rows, 48 train, in three steps; without early stopping it is four.
SETTINGS: dict[str, Any] = {
    "batch_size": 16,
    "max_epochs": 6,
    "validation_fraction": 0.2,
    "random_state": 7,
}
EPOCHS = SETTINGS["max_epochs"]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.safetensors"


@contextmanager
def before_step(number: int, action: Callable[[], None]) -> Iterator[None]:
    """Call `action` in the middle of training step `number`, counted from 1."""
    steps = itertools.count(1)

    def hook(module: torch.nn.Module, _inputs: Any, _output: Any) -> None:
        if isinstance(module, MixtureOfExperts) and module.training and next(steps) == number:
            action()

    handle = register_module_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def interrupted_in_step(number: int) -> Iterator[None]:
    """Expect the KeyboardInterrupt that arrives in training step `number`."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    with before_step(number, interrupt), pytest.raises(KeyboardInterrupt):
        yield


@pytest.mark.parametrize("step", [1, 2, 5, 9, 10, 18])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("router", ["quantum", pytest.param("mlp:3", marks=pytest.mark.trial)])
def test_resume_equals_the_uninterrupted_fit(
    *,
    moons: Rows,
    checkpoint: Path,
    router: str,
    early_stopping: bool,
    step: int,
    assert_same: Callable[..., None],
) -> None:
    settings = {**SETTINGS, "router": router, "early_stopping": early_stopping}
    model = QMoEClassifier(**settings, checkpoint=checkpoint)
    with interrupted_in_step(step):
        model.fit(*moons)
    with pytest.raises(NotFittedError):
        model.predict(moons[0])
    resumed = QMoEClassifier(**settings, checkpoint=checkpoint).resume(*moons)
    assert_same(resumed, QMoEClassifier(**settings).fit(*moons))
    assert not resumed.module_.training


def test_a_classical_router_resumes_as_well(
    moons: Rows, checkpoint: Path, assert_same: Callable[..., None]
) -> None:
    settings = {**SETTINGS, "router": "mlp:3", "early_stopping": True}
    with interrupted_in_step(9):
        QMoEClassifier(**settings, checkpoint=checkpoint).fit(*moons)
    resumed = QMoEClassifier(**settings, checkpoint=checkpoint).resume(*moons)
    assert_same(resumed, QMoEClassifier(**settings).fit(*moons))


def test_interrupted_again_and_again(
    moons: Rows, checkpoint: Path, assert_same: Callable[..., None]
) -> None:
    """With a learning rate that makes early stopping strike, in an epoch behind a resume."""
    settings = {
        **SETTINGS,
        "max_epochs": 60,
        "learning_rate": 1.0,
        "early_stopping": True,
        "patience": 3,
    }
    whole = QMoEClassifier(**settings).fit(*moons)
    assert EPOCHS < len(whole.history_) < 60
    model = QMoEClassifier(**settings, checkpoint=checkpoint)
    with interrupted_in_step(8):
        model.fit(*moons)
    with interrupted_in_step(5):
        model.resume(*moons)
    with interrupted_in_step(2):
        model.resume(*moons)
    assert_same(model.resume(*moons), whole)


@pytest.mark.parametrize("random_state", [None, 11], ids=["None", "RandomState"])
def test_the_seed_is_kept_where_the_setting_does_not_tell_it(
    moons: Rows, checkpoint: Path, random_state: int | None, assert_same: Callable[..., None]
) -> None:
    generator = None if random_state is None else np.random.RandomState(random_state)
    settings = {**SETTINGS, "early_stopping": True, "random_state": generator}
    midway = checkpoint.with_name("midway")
    model = QMoEClassifier(**settings, checkpoint=checkpoint)
    with before_step(8, lambda: shutil.copy(checkpoint, midway)):
        model.fit(*moons)
    assert_same(QMoEClassifier(**settings, checkpoint=midway).resume(*moons), model)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_finished_training_goes_on_for_more_epochs(
    moons: Rows, checkpoint: Path, early_stopping: bool, assert_same: Callable[..., None]
) -> None:
    settings = {**SETTINGS, "early_stopping": early_stopping, "checkpoint": checkpoint}
    QMoEClassifier(**settings).fit(*moons)
    resumed = QMoEClassifier(**{**settings, "max_epochs": 9, "verbose": False}).resume(*moons)
    assert len(resumed.history_) == 9
    assert_same(
        resumed, QMoEClassifier(**{**settings, "max_epochs": 9, "checkpoint": None}).fit(*moons)
    )


@pytest.mark.parametrize("patience", [1, 50])
def test_a_finished_training_is_given_back(
    moons: Rows, checkpoint: Path, patience: int, assert_same: Callable[..., None]
) -> None:
    """Also where it ended early; no step is taken."""
    settings = {**SETTINGS, "learning_rate": 0.5, "early_stopping": True, "patience": patience}
    model = QMoEClassifier(**settings, checkpoint=checkpoint).fit(*moons)
    before = checkpoint.read_bytes()
    steps: list[None] = []
    with before_step(1, lambda: steps.append(None)):
        assert_same(QMoEClassifier(**settings, checkpoint=checkpoint).resume(*moons), model)
    assert not steps
    assert checkpoint.read_bytes() == before


def test_a_circuit_of_ones_own_and_an_open_backend(
    moons: Rows, checkpoint: Path, assert_same: Callable[..., None]
) -> None:
    def model(**settings: Any) -> QMoEClassifier:
        backend = open_backend("statevector")
        return QMoEClassifier(angle_router(2, 1), backend=backend, **SETTINGS, **settings)

    with interrupted_in_step(10):
        model(checkpoint=checkpoint).fit(*moons)
    assert_same(model(checkpoint=str(checkpoint)).resume(*moons), model().fit(*moons))


def test_the_loss_of_the_epochs_before_is_shown(moons: Rows, checkpoint: Path) -> None:
    model = QMoEClassifier(**SETTINGS, checkpoint=checkpoint)
    with interrupted_in_step(11):
        model.fit(*moons)
    assert [entry["epoch"] for entry in model.resume(*moons).history_] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("step", [2, 9])
def test_noise_aware_training_resumes_exactly(
    moons: Rows, checkpoint: Path, step: int, assert_same: Callable[..., None]
) -> None:
    settings = {**SETTINGS, "backend": "noisy:ibm_torino", "early_stopping": True}
    model = QMoEClassifier(**settings, checkpoint=checkpoint)
    with interrupted_in_step(step):
        model.fit(*moons)
    assert_same(model.resume(*moons), QMoEClassifier(**settings).fit(*moons))


def test_training_from_shots_goes_on(moons: Rows, checkpoint: Path) -> None:
    """Not to the same model: that its epochs before are kept is what can be asked."""
    X, y = moons[0][:12], moons[1][:12]
    settings = {**SETTINGS, "n_layers": 1, "backend": "noisy:ibmq_manila", "shots": 50}
    model = QMoEClassifier(**{**settings, "max_epochs": 2}, checkpoint=checkpoint).fit(X, y)
    resumed = QMoEClassifier(**{**settings, "max_epochs": 3}, checkpoint=checkpoint).resume(X, y)
    assert resumed.history_[:2] == model.history_
    assert len(resumed.history_) == 3


def test_another_calibration_is_refused(moons: Rows, checkpoint: Path, tmp_path: Path) -> None:
    """Also where it has the same name."""
    file = tmp_path / "device.json"
    profile = load_profile("ibmq_manila")
    profile.save(file)
    model = QMoEClassifier(**SETTINGS, backend=f"noisy:{file}", checkpoint=checkpoint).fit(*moons)
    model.resume(*moons)
    QMoEClassifier(**SETTINGS, backend="noisy:ibmq_manila", checkpoint=checkpoint).resume(*moons)
    profile.drift(1).save(file)
    with pytest.raises(RunError, match=f"another calibration of .*{profile.content_hash}"):
        model.resume(*moons)


def test_checkpoints_from_before_there_was_noise_go_on(
    moons: Rows, checkpoint: Path, assert_same: Callable[..., None]
) -> None:
    model = QMoEClassifier(**SETTINGS, checkpoint=checkpoint)
    with interrupted_in_step(10):
        model.fit(*moons)
    saved = load_checkpoint(checkpoint)
    identity = {k: v for k, v in saved.identity.items() if k != "noise_profile"}
    for name in ("shots", "mitigation", "device_qubits"):
        del identity["settings"][name]
    save_checkpoint(checkpoint, replace(saved, identity=identity))
    assert_same(model.resume(*moons), QMoEClassifier(**SETTINGS).fit(*moons))


class Elsewhere:
    """A backend of another name."""

    name = "elsewhere"

    def compile(self, router: RouterCircuit) -> CompiledRouter:
        return open_backend("statevector").compile(router)


ONE_STEP: dict[str, Any] = {"max_steps": 1, "options": {"resilience_level": 0}}
# Without them, the setting would have no effect and be refused.
NEEDED: dict[str, dict[str, Any]] = {
    "shots": {"backend": "noisy:ibmq_manila"},
    "mitigation": {"backend": "noisy:ibmq_manila"},
    "device_qubits": {"backend": "noisy:ibmq_manila"},
    "slots": {"backend": "noisy:ibmq_manila"},
    "routing": {"readout": "probabilities"},
    "n_votes": {"readout": "probabilities", "routing": "sampled"},
    "capacity_factor": {"top_k": 1},
    "router_noise": {"top_k": 1},
    "bias_rate": {"top_k": 1},
    "hardware_training": {
        "backend": "runtime:fake_manila",
        "n_layers": 1,
        "shots": 64,
        "hardware_training": HardwareTraining(**ONE_STEP),
    },
}
CHANGES: dict[str, Any] = {
    "backend": Elsewhere(),
    "shots": 64,
    "mitigation": "readout",
    "device_qubits": [3, 4],
    "slots": 2,
    "router": "linear",
    "n_experts": 3,
    "circuit": "zz",
    "expert": "mlp:2",
    "n_layers": 2,
    "n_qubits": 1,
    "projection": "pca",
    "rotation": "y",
    "reuploads": 2,
    "entanglement": "none",
    "input_scaling": True,
    "initialization": "small-angle",
    "readout": "probabilities",
    "routing": "sampled",
    "n_votes": 3,
    "top_k": 1,
    "capacity_factor": 1.5,
    "router_noise": 0.1,
    "hardware_training": HardwareTraining(**ONE_STEP, points=11),
    "feature_range": (0, 1),
    "batch_size": 15,
    "learning_rate": 0.04,
    "optimizer": "AdamW",
    "criterion": "MultiMarginLoss",
    "class_weight": {0: 2.0},
    "privacy": {"epsilon": 1, "delta": 1e-3, "bounds": (-3, 3), "classes": (0, 1)},
    "balance": "importance",
    "balance_weight": 0.1,
    "bias_rate": 0.01,
    "early_stopping": True,
    "validation_fraction": 0.3,
    "patience": 3,
    "random_state": 8,
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_setting_is_refused(moons: Rows, checkpoint: Path, name: str) -> None:
    settings = SETTINGS | {"max_epochs": 1} | NEEDED.get(name, {})
    model = QMoEClassifier(**settings, checkpoint=checkpoint).fit(*moons)
    before = checkpoint.read_bytes()
    with pytest.raises(RunError, match=f"checkpoint was .*{name}="):
        model.set_params(**{name: CHANGES[name]}).resume(*moons)
    assert checkpoint.read_bytes() == before


def test_every_setting_is_checked_or_may_change() -> None:
    free = {"checkpoint", "max_epochs", "verbose"}
    free |= {"callbacks", "warm_start"}  # refused together with a checkpoint
    assert CHANGES.keys() | free == QMoEClassifier().get_params().keys()


@pytest.mark.parametrize("name", ["optimizer__weight_decay", "criterion__label_smoothing"])
def test_another_argument_is_refused(moons: Rows, checkpoint: Path, name: str) -> None:
    settings = {**SETTINGS, "router": "linear", "checkpoint": checkpoint}
    QMoEClassifier(**settings, **{name: 0.1}).fit(*moons).resume(*moons)
    for changed in ({}, {name: 0.2}):
        with pytest.raises(RunError, match=f"checkpoint was made with {name}=0.1"):
            QMoEClassifier(**settings, **changed).resume(*moons)


def test_fewer_epochs_than_are_done_are_refused(moons: Rows, checkpoint: Path) -> None:
    model = QMoEClassifier(**SETTINGS, checkpoint=checkpoint).fit(*moons)
    with pytest.raises(RunError, match="is from after epoch 6, max_epochs is 5"):
        model.set_params(max_epochs=5).resume(*moons)


def _swap_rows(X: np.ndarray, y: np.ndarray) -> None:
    X[[0, 1]], y[[0, 1]] = X[[1, 0]], y[[1, 0]]


def _next_number(X: np.ndarray, y: np.ndarray) -> None:  # noqa: ARG001
    X[17, 1] = np.nextafter(X[17, 1], 9)


def _one_label(X: np.ndarray, y: np.ndarray) -> None:  # noqa: ARG001
    y[17] = 1 - y[17]


def _all_labels(X: np.ndarray, y: np.ndarray) -> None:  # noqa: ARG001
    y += 1


@pytest.mark.parametrize("change", [_swap_rows, _next_number, _one_label, _all_labels])
def test_other_data_is_refused(
    moons: Rows, checkpoint: Path, change: Callable[[np.ndarray, np.ndarray], None]
) -> None:
    model = QMoEClassifier(**SETTINGS, checkpoint=checkpoint).fit(*moons)
    X, y = moons[0].copy(), moons[1].copy()
    change(X, y)
    with pytest.raises(RunError, match="other training data"):
        model.resume(X, y)
    with pytest.raises(RunError, match="other training data"):
        model.resume(moons[0][:-1], moons[1][:-1])
    with pytest.raises(NotFittedError):
        model.predict(moons[0])


def test_the_same_data_in_another_shape_of_array(moons: Rows, checkpoint: Path) -> None:
    model = QMoEClassifier(**SETTINGS, checkpoint=checkpoint).fit(*moons)
    for X in (np.asfortranarray(moons[0]), moons[0].tolist(), moons[0].astype(">f8")):
        model.resume(X, moons[1].tolist())


def test_without_a_checkpoint(moons: Rows, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="set checkpoint=FILE"):
        QMoEClassifier().resume(*moons)
    with pytest.raises(RunError, match=r"there is no checkpoint .*nothing"):
        QMoEClassifier(checkpoint=tmp_path / "nothing").resume(*moons)


@pytest.mark.parametrize("write", [1, 3, 7])
def test_a_crash_while_the_checkpoint_is_written_leaves_the_one_before(
    moons: Rows,
    checkpoint: Path,
    write: int,
    monkeypatch: pytest.MonkeyPatch,
    assert_same: Callable[..., None],
) -> None:
    """The disk is full at the `write`-th time: behind epoch `write - 1`."""
    writes = itertools.count(1)
    replace = Path.replace

    def crashing(self: Path, target: Path) -> Path:
        if next(writes) == write:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    model = QMoEClassifier(**SETTINGS, checkpoint=checkpoint)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crashing)
        with pytest.raises(RunError, match="cannot be written: No space left on device"):
            model.fit(*moons)
    assert list(checkpoint.parent.iterdir()) == ([checkpoint] if write > 1 else [])
    if write > 1:
        assert_same(model.resume(*moons), QMoEClassifier(**SETTINGS).fit(*moons))


def test_interrupted_while_the_checkpoint_is_written(
    moons: Rows,
    checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    assert_same: Callable[..., None],
) -> None:
    writes = itertools.count(1)
    fsync = os.fsync

    def interrupted(descriptor: int) -> None:
        if next(writes) == 4:
            os.ftruncate(descriptor, 100)
            raise KeyboardInterrupt
        fsync(descriptor)

    model = QMoEClassifier(**SETTINGS, checkpoint=checkpoint)
    with monkeypatch.context() as patch:
        patch.setattr("qmoe_qiskit.io.atomic.os.fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(*moons)
    assert list(checkpoint.parent.iterdir()) == [checkpoint]
    assert_same(model.resume(*moons), QMoEClassifier(**SETTINGS).fit(*moons))


def test_a_fit_begins_anew_whatever_lies_there(
    moons: Rows, checkpoint: Path, assert_same: Callable[..., None]
) -> None:
    """So that resume never goes on from an earlier training."""
    checkpoint.write_text("something else")
    QMoEClassifier(**SETTINGS, checkpoint=checkpoint).fit(*moons)
    other = QMoEClassifier(**{**SETTINGS, "random_state": None}, checkpoint=checkpoint)
    with interrupted_in_step(1):
        other.fit(*moons)
    first = QMoEClassifier(**SETTINGS).fit(*moons)
    assert other.resume(*moons).history_ != first.history_
    assert_same(QMoEClassifier(**SETTINGS, checkpoint=checkpoint).fit(*moons), first)
