"""A fitted module predicts in evaluation mode, however its training ended."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skorch.callbacks import Callback

from qmoe_qiskit.train import QMoERegressor

# Each of the last three settings makes predictions in training mode differ.
SETTINGS: dict[str, Any] = {
    "router": "linear",
    "n_experts": 4,
    "top_k": 2,
    "router_noise": 0.5,
    "capacity_factor": 1.0,
    "max_epochs": 6,
    "random_state": 1,
    "verbose": False,
}
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 3)), RNG.normal(size=60)


def test_a_resumed_training_that_was_over(tmp_path: Path) -> None:
    model = QMoERegressor(
        **SETTINGS,
        learning_rate=2.0,
        early_stopping=True,
        patience=1,
        checkpoint=tmp_path / "checkpoint",
    ).fit(X, Y)
    assert len(model.history_) < 6  # its patience is over
    resumed = QMoERegressor(**model.get_params()).resume(X, Y)
    assert not resumed.module_.training
    np.testing.assert_array_equal(resumed.predict(X), model.predict(X))


def test_a_warm_start_that_fails() -> None:
    class Stop(Exception):  # noqa: N818 - a signal
        pass

    class Failing(Callback):  # type: ignore[misc]
        def on_batch_end(self, net: Any, **kwargs: Any) -> None:  # noqa: ARG002
            raise Stop

    model = QMoERegressor(**SETTINGS, warm_start=True).fit(X, Y)
    before_N = model.predict(X)
    with pytest.raises(Stop):
        model.set_params(callbacks=[Failing()]).fit(X, Y)
    assert not model.module_.training
    np.testing.assert_array_equal(model.predict(X), before_N)
