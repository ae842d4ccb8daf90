"""`qmoe explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.runs import TrainingRequest, explain, load_run, train_run
from qmoe_qiskit.runs.explaining.explanation import Explanation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_what_is_said_and_written(
    qmoe: Callable[..., Any], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "new" / "page.html"
    outcome = qmoe("explain", run, "--out", page)
    assert outcome.exit_code == 0, outcome.stderr
    words = " ".join(outcome.stdout.split())
    assert "The router sees every feature." in words
    for said in ("The routing depends most on", "The strongest of", "mutual information"):
        assert said in words
    assert "A linear router that imitates this routing" in words
    assert outcome.stderr == f"page: {page}\n"
    assert page.read_text() == explain(load_run(run)).to_html()
    monkeypatch.setattr(Explanation, "to_html", lambda _: "another")
    assert "exists" in qmoe("explain", run, "--out", page).stderr
    assert page.read_text() != "another"
    assert qmoe("explain", run, "--out", page, "--force").exit_code == 0
    assert page.read_text() == "another"


def test_the_document(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], file_run: Path, table: Path
) -> None:
    options = ("--samples", "12", "--permutations", "2", "--seed", "4", "--json")
    outcome = qmoe("explain", file_run, table, *options)
    assert outcome.exit_code == 0, outcome.stderr
    document = the_document(outcome.stdout)
    assert document["rows"]["count"] == sum(map(sum, document["specialization"]["counts"])) == 12
    assert document["sensitivity"]["permutations"] == 2
    assert document["spectrum"] is None
    assert "classical" in document["no_spectrum"]
    assert document["page"] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--permutations", "0"], "n_permutations must be a whole number"),
        (["--samples", "1"], "at least 2 rows"),
        (["--target", "label"], "name the file as well"),
        (["digits"], "has the features"),
        (["--backend", "runtime:fake_manila"], "with shots, whose noise would hide"),
    ],
)
def test_what_is_refused(
    qmoe: Callable[..., Any], run: Path, options: list[str], words: str
) -> None:
    outcome = qmoe("explain", run, *options)
    assert outcome.exit_code == 2
    assert words in " ".join(outcome.stderr.split())


def test_a_model_that_was_trained_with_shots_is_explained_exactly(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], tmp_path: Path
) -> None:
    request = TrainingRequest(
        n_samples=24, n_layers=1, max_epochs=1, backend="noisy:depolarizing:0.02", shots=4
    )
    train_run(request, tmp_path / "run")
    first, second = (
        the_document(qmoe("explain", tmp_path / "run", "--json").stdout) for _ in range(2)
    )
    assert first == second
    assert "depolarizing:0.02', exact" in first["router"]
