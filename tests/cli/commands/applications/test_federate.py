"""`qmoe federate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = ("federate", "--router", "linear", "--samples", "80", "--clients", "2")


def test_from_rows_to_models(qmoe: Callable[..., Any], tmp_path: Path) -> None:
    out = tmp_path / "fed"
    given = (*SMALL, "--share", "router", "--partition", "dirichlet:0.9", "--out", out)
    outcome = qmoe(*given, "--rounds", "1", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    first = json.loads(outcome.stdout)
    assert [client["name"] for client in first["clients"]] == ["site-1", "site-2"]
    resumed = json.loads(qmoe(*given, "--rounds", "2", "--resume", "--json").stdout)
    assert len(resumed["rounds"]) == 2
    assert resumed["rounds"][0] == first["rounds"][0]
    assert resumed["bytes_sent"] < 200
    model = QMoEClassifier.load(resumed["clients"][1]["model"])
    assert model.predict([[0.5, 0.2]]).shape == (1,)
    shown = qmoe(*SMALL, "--rounds", "1", "--noise-multiplier", "2", "--out", tmp_path / "b")
    assert "site-2" in shown.stdout
    assert "Privacy of clients: epsilon" in shown.stdout


def test_missing_clients_are_named(qmoe: Callable[..., Any], tmp_path: Path) -> None:
    given = ("--rounds", "6", "--drop-rate", "0.4", "--min-clients", "1", "--out", tmp_path / "a")
    outcome = qmoe(*SMALL[:-1], "4", *given)
    assert outcome.exit_code == 0, outcome.stderr
    assert "went on without site-" in outcome.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--clients", "500"], "500 clients are more than the 60 rows"),
        (["--partition", "labls"], "did you mean 'labels'"),
        (["--share", "gate"], "known are all, experts, none, router"),
        (["--bounds", "0"], "--bounds must be a pair of numbers such as 0,16"),
        (["--bounds", "1,0"], "low < high"),
        (["--noise-multiplier", "-1"], "noise_multiplier must be a positive number, got -1.0"),
        (["--engine", "flower"], "known are local, nvflare"),
        (["--drop-rate", "2"], "drop must be at least 0 and below 1"),
    ],
)
def test_refused(
    *,
    options: list[str],
    words: str,
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(qmoe(*SMALL, *options), words)
    assert list(tmp_path.iterdir()) == []


def test_other_data_need_bounds(
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i},{i % 7},{i % 2}\n" for i in range(40))
    Path("rows.csv").write_text("a,b,y\n" + rows)
    given = ("federate", "--data", "rows.csv", "--target", "y", "--clients", "2", "--rounds", "1")
    assert_refused(qmoe(*given), "the bounds of the features of 'rows' are needed")
    outcome = qmoe(*given, "--bounds", "0,40;0,7", "--router", "linear")
    assert outcome.exit_code == 0, outcome.stderr
