"""What would tell of private rows past the noise is refused in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from skorch.callbacks import LRScheduler

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train import Privacy, QMoEClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = tuple[np.ndarray, np.ndarray]
GIVEN: dict[str, Any] = {"epsilon": 4, "delta": 1e-3, "bounds": (-2, 3), "classes": (0, 1)}


class OwnLoss(torch.nn.CrossEntropyLoss):
    """A loss that nobody has looked at."""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bounds": None}, "needs bounds"),
        ({"classes": None}, "needs classes"),
        ({"bounds": (3, -2)}, "two finite numbers or two sequences"),
        ({"bounds": (0, float("inf"))}, "two finite numbers or two sequences"),
        ({"bounds": "0,16"}, "two finite numbers or two sequences"),
        ({"classes": (0, 0)}, "different labels"),
        ({"classes": "ab"}, "sequence of labels"),
        ({"epsilon": 0}, "epsilon must be a positive number"),
        ({"epsilon": "4"}, "epsilon must be a positive number"),
        ({"epsilon": 1000}, "epsilon must be 0.1 to 20"),
        ({"epsilon": float("nan")}, "epsilon must be a positive number"),
        ({"delta": -1e-5}, "delta must be a positive number"),
        ({"delta": 1}, "delta must be below 1"),
        ({"max_grad_norm": 0}, "max_grad_norm must be a positive number"),
        ({"projection": "pca"}, "unknown projection 'pca'"),
    ],
)
def test_settings(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Privacy(**{**GIVEN, **change})


def test_settings_by_name() -> None:
    with pytest.raises(InputError, match="unknown setting of privacy 'sigma'"):
        Privacy.of({**GIVEN, "sigma": 1})
    with pytest.raises(InputError, match="privacy needs delta"):
        Privacy.of({"epsilon": 1})
    with pytest.raises(InputError, match="must be None, a Privacy or a dict"):
        Privacy.of(4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"balance_weight": 0.1}, "balance loss"),
        ({"top_k": 1}, "choice of experts"),
        ({"early_stopping": True}, "early stopping"),
        ({"class_weight": "balanced"}, "weights of rows or classes"),
        ({"callbacks": [LRScheduler("StepLR", step_size=1)]}, "callbacks"),
        ({"warm_start": True}, "beginning in a fitted model"),
        ({"backend": "noisy:ibm_lagos", "shots": 100}, "shot noise never counts"),
        ({"criterion": OwnLoss}, "criterion by name"),
        ({"optimizer": "LBFGS"}, "several times per step"),
        ({"privacy": {**GIVEN, "classes": (0, 2)}}, "label 1, which is none of the classes"),
        ({"privacy": {**GIVEN, "delta": 0.02}}, "not below 1/60"),
        ({"privacy": {**GIVEN, "bounds": ((0, 0, 0), (1, 1, 1))}}, "3 lower bounds"),
        ({"n_qubits": 1}, "principal components"),
        ({"n_qubits": 3}, "use at most 2"),
    ],
)
def test_training(moons: Rows, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        QMoEClassifier(**{"n_layers": 1, "privacy": GIVEN, **settings}).fit(*moons)


@pytest.mark.parametrize(
    "train",
    [
        lambda model, x, y: model.fit(x, y, sample_weight=np.ones(len(y))),
        lambda model, x, y: model.partial_fit(x, y, classes=[0, 1]),
    ],
)
def test_ways_to_train(moons: Rows, train: Callable[..., object]) -> None:
    with pytest.raises(InputError, match="a private training cannot have"):
        train(QMoEClassifier("linear", privacy=GIVEN), *moons)


def test_module_that_couples_rows(moons: Rows) -> None:
    def expert(n_in: int, n_out: int) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.BatchNorm1d(n_in), torch.nn.Linear(n_in, n_out))

    with pytest.raises(InputError, match="BatchNorm"):
        QMoEClassifier("linear", expert=expert, privacy=GIVEN).fit(*moons)
