"""Loggers of experiments, the callback that counts rows per expert, log messages, warnings."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import pytest
from skorch.callbacks import MlflowLogger, TensorBoard, WandbLogger

from qmoe_qiskit.errors import OutOfRangeWarning
from qmoe_qiskit.train import QMoEClassifier, RoutingLoad

Rows = tuple[np.ndarray, np.ndarray]

NUMBERS = {"train_loss", "valid_loss", "expert_load_0", "expert_load_1"}
SMALL: dict[str, Any] = {"max_epochs": 3, "random_state": 0, "verbose": False}


class Writer:
    """Of TensorBoard, Weights & Biases and MLflow, what skorch's callbacks call."""

    dir = "."

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, float]] = []

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        self.seen.append((tag.removeprefix("Loss/"), global_step, scalar_value))

    def watch(self, module: object) -> None:
        """W&B follows the module's gradients by hooks."""

    def log(self, numbers: dict[str, float]) -> None:
        step = 1 + len([one for one in self.seen if one[0] == "train_loss"])
        self.seen += [(name, step, value) for name, value in numbers.items()]

    def log_metric(self, _run: str, key: str, value: float, *, step: int) -> None:
        self.seen.append((key, step, value))

    def close(self) -> None:
        """TensorBoard's end."""

    def set_terminated(self, *_: object) -> None:
        """MLflow's end."""


class MLflowRun:
    class info:  # noqa: N801 - MLflow's name
        run_id = "r"


@pytest.mark.parametrize(
    "logger",
    [
        TensorBoard,
        lambda writer: WandbLogger(writer, save_model=False),
        lambda writer: MlflowLogger(run=MLflowRun, client=writer, create_artifact=False),
    ],
    ids=["TensorBoard", "WandbLogger", "MlflowLogger"],
)
def test_loggers_see_every_number_of_every_epoch(logger: Any, moons: Rows) -> None:
    writer = Writer()
    callbacks = [RoutingLoad(), logger(writer)]
    model = QMoEClassifier("linear", early_stopping=True, callbacks=callbacks, **SMALL)
    history = model.fit(*moons).history_
    seen = {(name, step): value for name, step, value in writer.seen if name in NUMBERS}
    expected = {(name, int(row["epoch"])): row[name] for row in history for name in NUMBERS}
    assert seen == pytest.approx(expected)
    assert len(expected) == 3 * 4


def test_routing_load_counts_the_rows_of_an_epoch(moons: Rows) -> None:
    # With such a learning rate the router stays as it is: the loads are those of its weights.
    model = QMoEClassifier(
        "mlp:4", n_experts=3, learning_rate=1e-9, callbacks=[RoutingLoad()], **SMALL
    )
    model.fit(*moons)
    best_N = model.routing_weights(moons[0]).argmax(axis=1)
    load_E = np.bincount(best_N, minlength=3) / len(best_N)
    for row in model.history_:
        assert [row[f"expert_load_{e}"] for e in range(3)] == pytest.approx(load_E)


def test_routing_load_changes_nothing(moons: Rows) -> None:
    plain = QMoEClassifier("linear", **SMALL).fit(*moons)
    counted = QMoEClassifier("linear", callbacks=[RoutingLoad()], **SMALL).fit(*moons)
    np.testing.assert_array_equal(plain.predict_proba(moons[0]), counted.predict_proba(moons[0]))
    assert not counted.module_.router._forward_hooks
    counted.partial_fit(*moons)
    assert "expert_load_1" in counted.history_[-1]


def test_log_messages(moons: Rows, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="qmoe_qiskit"):
        QMoEClassifier(n_layers=1, **SMALL).fit(*moons)
    text = caplog.text
    assert "compiled: <BatchedRouter on 'statevector'" in text
    assert "epoch 3 of 3: train_loss 0." in text
    assert "trained for 3 epochs" in text
    assert {record.name.partition(".")[0] for record in caplog.records} == {"qmoe_qiskit"}


def test_nothing_is_logged_by_default(moons: Rows, capfd: pytest.CaptureFixture[str]) -> None:
    QMoEClassifier("linear", **SMALL).fit(*moons)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("method", ["predict", "predict_proba", "routing_weights", "score"])
def test_warnings_point_at_the_line_of_the_user(method: str, moons: Rows) -> None:
    model = QMoEClassifier("linear", **SMALL).fit(*moons)
    far = 10 * moons[0]
    arguments = (far, moons[1]) if method == "score" else (far,)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(model, method)(*arguments)
    assert [(one.category, one.filename) for one in caught] == [(OutOfRangeWarning, __file__)]
