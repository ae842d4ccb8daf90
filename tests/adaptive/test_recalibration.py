"""Plans for a device that has drifted: their counts, their limits, and what they bring back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from qmoe_qiskit.adaptive import RecalibrationPlan, Stream, recalibrate
from qmoe_qiskit.adaptive.recalibration.refit import circuit_values, refitted
from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile
from qmoe_qiskit.train import QMoEClassifier, QMoERegressor
from qmoe_qiskit.train.model import circuit_weights

Rows = tuple[np.ndarray, np.ndarray]
PROBES = 40


@pytest.fixture(scope="module")
def rows() -> Rows:
    moons = load_dataset("moons", n_samples=100, seed=3)
    return moons.features_NF, moons.labels_N


@pytest.fixture(scope="module")
def model(rows: Rows) -> QMoEClassifier:
    settings = {"n_layers": 2, "max_epochs": 15, "learning_rate": 0.1, "verbose": False}
    return QMoEClassifier(random_state=1, **settings).fit(*rows)


@pytest.fixture(scope="module")
def manila() -> NoiseProfile:
    return load_profile("ibmq_manila")


@pytest.fixture(scope="module")
def unchanged(model: QMoEClassifier, rows: Rows, manila: NoiseProfile) -> RecalibrationPlan:
    """The plan for a device that is as it was."""
    return recalibrate(model, manila, *rows, deployment=manila, probes=PROBES, epochs=2)


@pytest.fixture(scope="module")
def changed(model: QMoEClassifier, rows: Rows, manila: NoiseProfile) -> RecalibrationPlan:
    """The plan for a worse device, of which no action is good enough."""
    return recalibrate(
        model, manila.scale(15), *rows, deployment=manila, probes=PROBES, epochs=1, limit=0.0
    )


def test_an_unchanged_device_needs_nothing(
    model: QMoEClassifier, unchanged: RecalibrationPlan, manila: NoiseProfile
) -> None:
    plan = unchanged
    assert plan.chosen.name == "nothing"
    assert plan.executions == PROBES
    assert plan.actions[0].flips == plan.deployment_flips
    interval = binomtest(plan.deployment_flips, PROBES).proportion_ci(method="wilson")
    assert plan.limit == pytest.approx(interval.high, rel=1e-9)
    assert plan.reaches_limit
    # The device is the stored calibration: another path to its predictions.
    noisy = open_backend(manila).compile(model.compiled_router.router)
    assert plan.actions[0].model.compiled_router.physical_qubits == noisy.physical_qubits


def test_counts_are_those_of_the_parameter_shift_rule(
    model: QMoEClassifier, rows: Rows, unchanged: RecalibrationPlan
) -> None:
    n_rows, n_weights = len(rows[0]), len(circuit_weights(model.module_))
    # Each weight of the angle router turns one rotation.
    retraining = n_rows * (1 + 2 * n_weights) * 2
    expected = {"nothing": 0, "move": PROBES, "refit": n_rows, "move and refit": n_rows}
    assert {one.name: one.executions for one in unchanged.actions} == expected | {
        "retrain": retraining
    }


def test_a_worse_device_is_answered_within_the_budget(
    model: QMoEClassifier, rows: Rows, manila: NoiseProfile
) -> None:
    worse = manila.scale(60)
    settings: dict[str, Any] = {"deployment": manila, "probes": PROBES, "epochs": 1, "limit": 0.05}
    plan = recalibrate(model, worse, *rows, **settings)
    assert plan.actions[0].flips > plan.limit * PROBES
    assert plan.chosen.executions > 0
    assert plan.chosen.flips < plan.actions[0].flips
    after = plan.apply()
    assert np.array_equal(circuit_weights(after.module_), circuit_weights(model.module_))
    cheap = recalibrate(model, worse, *rows, budget=PROBES, **settings)
    assert cheap.chosen.name == "nothing"
    assert not cheap.reaches_limit
    assert recalibrate(model, worse, *rows, **settings | {"limit": 1.0}).chosen.name == "nothing"


def test_a_plan_is_applied_elsewhere(
    changed: RecalibrationPlan, rows: Rows, manila: NoiseProfile
) -> None:
    """The device may differ from its calibration: the model is fitted to what it measures."""
    refit = next(one for one in changed.actions if one.name == "move and refit")
    chosen = type(changed)(**{**vars(changed), "chosen": refit})
    device = open_backend(manila.scale(14))
    after = chosen.apply(device)
    assert after.backend_ is device
    assert not torch.equal(
        after.module_.experts[0].weight, chosen.apply().module_.experts[0].weight
    )
    assert after.score(*rows) > 0.85


def test_a_refit_lowers_the_loss_and_leaves_the_model(
    changed: RecalibrationPlan, rows: Rows
) -> None:
    X, y = rows
    noisy = changed.actions[0].model
    before = {name: one.clone() for name, one in noisy.module_.state_dict().items()}
    after = refitted(noisy, X, y, circuit_values(noisy, X))
    assert all(one.equal(before[name]) for name, one in noisy.module_.state_dict().items())

    def loss(fitted: QMoEClassifier) -> float:
        return float(-np.log(fitted.predict_proba(X)[np.arange(len(y)), y]).mean())

    assert loss(after) < loss(noisy)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"budget": 39}, "budget of 39 circuits is below the cheapest step, the 40 probes"),
        ({"probes": 0}, "probes"),
        ({"probes": 101}, "101 probes are drawn from the training rows, and there are 100 rows"),
        ({"limit": 1.5}, "limit is 1.5"),
        ({"epochs": 0}, "epochs"),
        ({"deployment": None}, "trained without a device: give deployment="),
    ],
)
def test_bad_settings(
    model: QMoEClassifier,
    rows: Rows,
    manila: NoiseProfile,
    settings: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(InputError, match=message):
        recalibrate(model, manila, *rows, **{"deployment": manila, "probes": PROBES} | settings)


def test_classical_routers_and_other_labels_are_refused(
    model: QMoEClassifier, rows: Rows, manila: NoiseProfile
) -> None:
    linear = QMoEClassifier("linear", max_epochs=1, verbose=False, random_state=0).fit(*rows)
    with pytest.raises(InputError, match="router 'linear' is classical"):
        recalibrate(linear, manila, *rows)
    with pytest.raises(InputError, match="label 2, which is none of the classes"):
        recalibrate(model, manila, rows[0], rows[1] + 1, deployment=manila)


def test_sparse_mixtures_and_regressors_are_refused(rows: Rows, manila: NoiseProfile) -> None:
    """A refit weighs all experts: that of a sparse mixture would be another model."""
    settings: dict[str, Any] = {"n_layers": 1, "max_epochs": 1, "random_state": 0, "verbose": False}
    sparse = QMoEClassifier(n_experts=3, top_k=2, **settings).fit(*rows)
    with pytest.raises(InputError, match="top_k=2 runs some of the experts per row"):
        recalibrate(sparse, manila, *rows, deployment=manila)
    numbers = QMoERegressor(**settings).fit(rows[0], rows[0][:, 0])
    with pytest.raises(InputError, match="QMoERegressor predicts none"):
        recalibrate(numbers, manila, *rows, deployment=manila)
    with pytest.raises(InputError, match="QMoERegressor predicts none"):
        Stream(numbers)
