"""The attack: its control, its verdicts, and the bound that an epsilon sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qmoe_qiskit.data import Split, load_dataset, split_dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.runs import AttackReport, TrainingRequest, attack_run, save_run, train_run
from qmoe_qiskit.runs.private.attack import auc_bound
from qmoe_qiskit.runs.private.control import SUCCESS, attack_control
from qmoe_qiskit.runs.private.scores import member_scores
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.train import QMoEClassifier


@pytest.mark.parametrize("data", ["moons", "digits"])
def test_attack_succeeds_on_its_control(data: str) -> None:
    split = split_dataset(load_dataset(data, seed=3), test_fraction=0.3, seed=3)
    control = attack_control(split, seed=3)
    assert control.value >= SUCCESS
    assert control.low > 0.5


def test_few_rows_are_refused() -> None:
    split = split_dataset(load_dataset("moons", n_samples=12, seed=0), test_fraction=0.5, seed=0)
    with pytest.raises(InputError, match="needs 10 training and 10 held-out rows"):
        attack_control(Split(train=split.train, test=split.test), seed=0)


def report(auc: tuple[float, float], control: tuple[float, float]) -> AttackReport:
    def estimate(value: float, low: float) -> Estimate:
        return Estimate(value=value, low=low, high=min(1.0, 2 * value - low), n=100)

    return AttackReport(auc=estimate(*auc), control=estimate(*control), n_members=50, n_others=50)


@pytest.mark.parametrize(
    ("auc", "control", "outcome"),
    [
        ((0.7, 0.6), (0.95, 0.9), "members are told apart"),
        ((0.55, 0.49), (0.95, 0.9), "no member is told apart"),
        ((0.7, 0.6), (0.79, 0.7), "the attack shows nothing"),
        ((0.5, 0.4), (0.85, 0.49), "the attack shows nothing"),
    ],
)
def test_verdicts(auc: tuple[float, float], control: tuple[float, float], outcome: str) -> None:
    found = report(auc, control)
    assert found.outcome == outcome
    assert found.document()["outcome"] == outcome


@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 0.0), (0.5, 0.01), (4.0, 1e-5)])
def test_bound_of_every_attack(epsilon: float, delta: float) -> None:
    false_alarms = np.linspace(0, 1, 200_001)
    grown = np.exp(epsilon) * false_alarms + delta
    mirrored = 1 - np.exp(-epsilon) * (1 - delta - false_alarms)
    area = np.trapezoid(np.minimum(np.minimum(grown, mirrored), 1), false_alarms)
    assert area - 1e-9 <= auc_bound(epsilon, delta) <= area + delta + 1e-4


def test_scores_are_losses(rng: np.random.Generator) -> None:
    x_NF, y_N = rng.normal(size=(30, 2)), np.arange(30) % 3
    model = QMoEClassifier("linear", max_epochs=1, random_state=0).fit(x_NF, y_N)
    probabilities_NC = model.predict_proba(x_NF)
    assert member_scores(model, x_NF, y_N) == pytest.approx(
        np.log(probabilities_NC[np.arange(30), y_N])
    )
    assert (member_scores(model, x_NF, np.full(30, 7)) < -700).all()  # a label it has never seen


def test_attack_on_runs(tmp_path: Path) -> None:
    request = TrainingRequest(router="linear", n_samples=80, max_epochs=1, test_fraction=0.4)
    found = attack_run(train_run(request, tmp_path / "run"))
    assert (found.n_members, found.n_others, found.bound) == (48, 32, None)
    assert 0 <= found.auc.low <= found.auc.value <= found.auc.high <= 1
    moons = load_dataset("moons", n_samples=40)
    rows = moons.features_NF, moons.labels_N
    model = QMoEClassifier("linear", max_epochs=1, random_state=0).fit(*rows)
    with pytest.raises(InputError, match="saved without its training rows"):
        attack_run(save_run(model, tmp_path / "saved", data=rows))
