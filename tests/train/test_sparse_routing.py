"""Choice of experts, their kinds and their balance as settings of the estimators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train import QMoEClassifier, QMoERegressor

Rows = tuple[np.ndarray, np.ndarray]
SPARSE: dict[str, Any] = {
    "router": "linear",
    "n_experts": 4,
    "top_k": 2,
    "max_epochs": 3,
    "random_state": 0,
}
CHANGES: dict[str, Any] = {
    "expert": "mlp:3",
    "top_k": 1,
    "capacity_factor": 1.5,
    "router_noise": 0.1,
    "balance": "importance",
    "bias_rate": 0.01,
}


def test_only_the_chosen_experts_weigh(moons: Rows) -> None:
    model = QMoEClassifier(**SPARSE).fit(*moons)
    weights_NE = model.routing_weights(moons[0])
    assert ((weights_NE > 0).sum(axis=1) == 2).all()
    np.testing.assert_allclose(weights_NE.sum(axis=1), 1)
    probabilities_NC, same_NE = model.predict_routed(moons[0])
    np.testing.assert_array_equal(same_NE, weights_NE)
    # The definition, row by row: numpy, and the experts one at a time.
    x = torch.from_numpy(model.feature_map_.scale(moons[0]))
    with torch.no_grad():
        soft_NE = model.module_.router(x).numpy()
        outputs_NEC = np.stack([expert(x).numpy() for expert in model.module_.experts], axis=1)
    for soft_E, outputs_EC, probabilities_C in zip(
        soft_NE, outputs_NEC, probabilities_NC, strict=True
    ):
        best = np.argsort(soft_E)[-2:]
        logits_C = soft_E[best] / soft_E[best].sum() @ outputs_EC[best]
        odds_C = np.exp(logits_C - logits_C.max())
        np.testing.assert_allclose(probabilities_C, odds_C / odds_C.sum(), rtol=1e-9)


def test_all_experts_chosen_is_the_dense_mixture(moons: Rows) -> None:
    whole, dense = (
        QMoEClassifier(**{**SPARSE, "top_k": k}).fit(*moons).predict_proba(moons[0])
        for k in (4, None)
    )
    np.testing.assert_allclose(whole, dense, atol=1e-6)


@pytest.mark.parametrize("kind", [QMoEClassifier, QMoERegressor])
@pytest.mark.parametrize(("name", "value"), CHANGES.items())
def test_saved_and_loaded(
    moons: Rows, tmp_path: Path, kind: type[QMoEClassifier], name: str, value: Any
) -> None:
    model = kind(**{**SPARSE, "balance_weight": 0.01, name: value}).fit(*moons)
    model.save(tmp_path / "model")
    loaded = kind.load(tmp_path / "model")
    assert getattr(loaded, name) == value
    np.testing.assert_array_equal(loaded.routing_weights(moons[0]), model.routing_weights(moons[0]))


@pytest.mark.parametrize("settings", [{}, {"bias_rate": 0.01, "router_noise": 0.3}])
def test_resume_equals_the_uninterrupted_fit(
    moons: Rows, tmp_path: Path, settings: dict[str, Any], assert_same: Any
) -> None:
    given = {**SPARSE, "capacity_factor": 1.0, "balance_weight": 0.1, **settings}
    checkpoint = tmp_path / "checkpoint"
    QMoEClassifier(**{**given, "max_epochs": 1}, checkpoint=checkpoint).fit(*moons)
    resumed = QMoEClassifier(**given, checkpoint=checkpoint).resume(*moons)
    assert_same(resumed, QMoEClassifier(**given).fit(*moons))


def test_defaults_are_not_recorded() -> None:
    """Fingerprints of earlier versions stay as they were."""
    assert not QMoEClassifier().settings().keys() & CHANGES.keys()
    recorded = QMoEClassifier(**{**SPARSE, **CHANGES}).settings()
    assert {name: recorded[name] for name in CHANGES} == CHANGES
    json.dumps(recorded)


@pytest.mark.parametrize("kind", ["modules", "function"])
def test_experts_of_the_user(moons: Rows, tmp_path: Path, kind: str) -> None:
    torch.manual_seed(0)
    given: Any = [nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))]
    model = QMoEClassifier("linear", expert=given if kind == "modules" else nn.Linear, max_epochs=2)
    model.fit(*moons)
    assert model.predict(moons[0]).shape == (60,)
    with pytest.raises(InputError, match="experts of your own are code"):
        model.save(tmp_path / "model")


def test_early_stopping_and_warm_start_keep_the_bias(moons: Rows) -> None:
    model = QMoEClassifier(**SPARSE, bias_rate=0.05, warm_start=True).fit(*moons)
    bias_E = model.module_.expert_bias_E.clone()
    assert bias_E.abs().max() > 0
    model.set_params(bias_rate=0.0).fit(*moons)
    assert torch.equal(model.module_.expert_bias_E, bias_E)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"top_k": 5}, "top_k=5 is more than the 4 experts"),
        ({"capacity_factor": 0.2}, "capacity_factor must be at least 1/4"),
        ({"top_k": None, "router_noise": 0.1}, "router_noise is for a choice of experts"),
        ({"top_k": None, "bias_rate": 0.1}, "bias_rate=0.1 moves a bias"),
        ({"top_k": None, "routing": "straight-through"}, "set top_k"),
        ({"expert": "mlp"}, "mlp"),
        ({"balance": "none"}, "unknown balance loss 'none'"),
        ({"expert": [nn.Linear(2, 2)]}, "expert lists 1 modules, n_experts is 4"),
    ],
)
def test_refused(moons: Rows, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        QMoEClassifier(**{**SPARSE, **settings}).fit(*moons)


def test_numbers_of_numpy(moons: Rows, tmp_path: Path) -> None:
    """A grid of settings is often an array."""
    numbers: dict[str, Any] = {
        "top_k": np.int64(2), "capacity_factor": np.float32(1.5), "router_noise": np.float32(0.1),
        "bias_rate": np.float32(0.01), "balance_weight": np.float64(0.1),
    }  # fmt: skip
    model = QMoEClassifier(**{**SPARSE, **numbers}).fit(*moons)
    model.save(tmp_path / "model")
    loaded = QMoEClassifier.load(tmp_path / "model")
    assert loaded.capacity_factor == 1.5
    np.testing.assert_array_equal(loaded.predict_proba(moons[0]), model.predict_proba(moons[0]))
