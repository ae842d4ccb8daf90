"""`qmoe train --epsilon`, what `info` says of it, and `qmoe attack`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.runs import TrainingRequest, read_run
from qmoe_qiskit.runs.request_of_run import request_of_run
from qmoe_qiskit.stats.types import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable

TRAIN = ("train", "--samples", 80, "--layers", 1, "--epochs", 2)
PRIVATE = ("--epsilon", 4, "--delta", "1e-3", "--bounds", "-2,3")


@pytest.fixture(scope="module")
def private_run(tmp_path_factory: pytest.TempPathFactory, qmoe: Callable[..., Any]) -> Path:
    out = tmp_path_factory.mktemp("private") / "run"
    assert qmoe(*TRAIN, *PRIVATE, "--out", out).exit_code == 0
    return out


def test_record(private_run: Path, document: Callable[..., Any], said: Callable[..., str]) -> None:
    told = document("info", private_run)
    spent = told["model"]["privacy_spent"]
    assert spent["epsilon"] == max(spent["by_accountant"].values())
    assert 3.8 <= spent["epsilon"] <= 4
    assert told["model"]["settings"]["privacy"]["classes"] == [0, 1]  # of built-in data, all
    assert told["control"] is None  # it would be trained on the same rows
    assert "train_accuracy" not in told["metrics"]
    assert told["epochs"] == [{"epoch": 1.0}, {"epoch": 2.0}]
    assert not list(private_run.glob("figures/loss_curves*"))
    text = " ".join(said("info", private_run).split())
    assert f"epsilon {spent['epsilon']:.2f} at delta 0.001 (PRV" in text
    assert "losses, of private rows, are not recorded" in text


def test_request_of_the_run(private_run: Path) -> None:
    request = request_of_run(private_run)
    assert isinstance(request, TrainingRequest)
    assert (request.epsilon, request.delta, request.bounds) == (4.0, 1e-3, (-2.0, 3.0))
    assert (request.clip, request.classes) == (1.0, ("0", "1"))


def test_attack(
    private_run: Path,
    document: Callable[..., Any],
    said: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = document("attack", private_run)
    # Its training takes longer than all else: the second time, it is known.
    control = Estimate(**told["control"])
    monkeypatch.setattr("qmoe_qiskit.runs.private.attack.attack_control", lambda *_, **__: control)
    assert told["control"]["value"] >= 0.8
    assert 0.97 < told["bound"] < 0.99
    assert told["outcome"] in {"members are told apart", "no member is told apart"}
    text = " ".join(said("attack", private_run).split())
    assert "control, learned by heart" in text
    assert f"Verdict: {told['outcome']}" in text


@pytest.mark.usefixtures("no_figures")
def test_private_file(tmp_path: Path, table: Path, qmoe: Callable[..., Any]) -> None:
    out = tmp_path / "run"
    options = ("--data", table, "--target", "arc", "--router", "linear", "--epochs", 1)
    privacy = ("--epsilon", 2, "--delta", 1e-3, "--bounds", "-3,3", "--out", out)
    outcome = qmoe("train", *options, *privacy)
    assert outcome.exit_code == 2
    assert "needs --classes as well" in outcome.stderr
    assert not out.exists()
    classes = 'upper arc,"lower, arc",neither'  # one that no row has
    assert qmoe("train", *options, *privacy, "--classes", classes).exit_code == 0
    model = read_run(out).manifest.model
    assert model["classes"] == ["lower, arc", "neither", "upper arc"]
    assert model["privacy_spent"]["n_rows"] == 45
    assert request_of_run(out).classes == ("upper arc", "lower, arc", "neither")


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("--delta 1e-05 is for a private training", ("--delta", "1e-5")),
        ("--epsilon 4 needs --delta as well", ("--epsilon", 4, "--bounds", "0,1")),
        ("--epsilon 4 needs --bounds as well", ("--epsilon", 4, "--delta", "1e-5")),
        ("--bounds must be two numbers", (*PRIVATE[:4], "--bounds", "0")),
        ("the smaller first", (*PRIVATE[:4], "--bounds", "1,0")),
        ("epsilon must be a positive number", (*PRIVATE, "--epsilon", -1)),
        ("begins with components of private rows", (*PRIVATE, "--projection", "pca")),
        ("--projection random is for a private training", ("--projection", "random")),
        ("label 0, which is none", (*PRIVATE, "--classes", "1,2")),
        ("--classes a,b must be numbers", (*PRIVATE, "--classes", "a,b")),
        ("control 'linear' would be trained", (*PRIVATE, "--control", "linear")),
        ("early stopping", (*PRIVATE, "--early-stopping")),
        ("balance loss", (*PRIVATE, "--balance", 0.1)),
        ("shot noise never counts", (*PRIVATE, "--backend", "noisy:ideal", "--shots", 10)),
        ("is for a classification", (*PRIVATE, "--task", "regression", "--data", "diabetes")),
    ],
)
def test_bad_input(refused: Callable[..., None], words: str, arguments: tuple[Any, ...]) -> None:
    refused(words, *TRAIN, *arguments)
