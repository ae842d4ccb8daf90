"""`qmoe compare`, with classical routers on few rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.studies.engine.folder import read_folder

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = ("--epochs", "1", "--learning-rates", "0.1", "--workers", "1")


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_compares_and_goes_on(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], table: Path
) -> None:
    options = ("--data", table, "--target", "arc", "--routers", "linear, quadratic", *SMALL)
    outcome = qmoe("compare", *options, "--seeds", "2", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stderr.startswith("warning: 2 seeds cannot decide any of the study's 2 claims")
    first = the_document(outcome.stdout)
    assert first["tasks"] == {"total": 4, "skipped": 0, "redone": {}}
    assert first["out"] == "runs/compare-points"
    assert [name["name"] for name in first["tables"]] == ["accuracy", "differences"]
    assert "figures/comparison.png" in first["files"]
    record = read_folder(Path(first["out"]))
    assert record.settings["n_samples"] == 60

    # The command in the record goes on, with one more seed.
    command = record.command[1:]
    command[command.index("--seeds") + 1] = "3"
    outcome = qmoe(*command, "--workers", "1")
    assert outcome.exit_code == 0, outcome.stderr
    assert "linear against quadratic, without noise: no difference shown" in outcome.stdout
    again = the_document(qmoe(*command, "--workers", "1", "--json").stdout)
    assert again["tasks"] == {"total": 6, "skipped": 6, "redone": {}}
    assert qmoe("report", first["out"]).exit_code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--routers", "quantum,mpl:16"], "unknown router 'mpl:16'"),
        (["--routers", "quantum"], "needs two routers at least"),
        (["--device", "ibm_nowhere"], "ibm_nowhere"),
        (["--learning-rates", "fast"], "--learning-rates must be numbers"),
        (["--seeds", "0"], "--seeds must be a whole number of at least 1"),
        (["--shots", "0"], "--shots must be"),
        (["--data", "absent.csv", "--target", "y"], "does not exist"),
        (["--drop", "x0"], "does not go with the built-in"),
        (["--margin", "0"], "setting margin"),
    ],
)
def test_bad_input(
    options: list[str],
    words: str,
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
) -> None:
    assert_refused(
        qmoe("compare", *options, "--seeds", "20")
        if "--seeds" not in options
        else qmoe("compare", *options),
        words,
    )
    assert not Path("runs").exists()
