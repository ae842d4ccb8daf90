"""`qmoe study`, with a study of small tasks."""

from __future__ import annotations

import csv
import json
import os
import shlex
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from studies.engine import small
from studies.engine.small import Small, pids

from qmoe_qiskit.studies.engine.folder import read_folder
from qmoe_qiskit.studies.registry import STUDIES

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = ("--workers", 1)


@pytest.fixture(autouse=True)
def small_study(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(STUDIES, "small", "studies.engine.small:STUDY")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def done(qmoe: Callable[..., Any], tmp_path: Path) -> Path:
    """A study that is complete."""
    outcome = qmoe("study", "small", "--seeds", 3, "--out", "done", *ONE)
    assert outcome.exit_code == 0, outcome.stderr
    return tmp_path / "done"


def test_it_prints_tables_and_writes_a_report(qmoe: Callable[..., Any], tmp_path: Path) -> None:
    outcome = qmoe("study", "small", "--seeds", 3, *ONE)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stderr == ""
    for words in ("Values\n", "level", "value (nat)", "3 seeds", "Small numbers."):
        assert words in outcome.stdout, words
    folder = tmp_path / "runs" / "studies" / "small"
    assert str(Path("runs/studies/small/report.html")) in outcome.stdout
    assert "Are small tasks done?" in (folder / "report.html").read_text()
    assert len(list((folder / "tasks").iterdir())) == 6
    record = read_folder(folder)
    expected = ["qmoe", "study", "small", "--seeds", "3", "--out", "runs/studies/small"]
    assert record.command == expected
    assert record.seeds == [0, 1, 2]


def test_json_is_one_document_and_says_what_was_there(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], done: Path
) -> None:
    outcome = qmoe("study", "small", "--seeds", 4, "--out", done, "--json", *ONE)
    assert outcome.exit_code == 0, outcome.stderr
    document = the_document(outcome.stdout)
    assert document["tasks"] == {"total": 8, "skipped": 6, "redone": {}}
    assert document["seeds"] == [0, 1, 2, 3]
    assert "report.html" in document["files"]
    values = [Small(seed=seed, level=2.0).run()["values"][0] for seed in range(4)]
    level, mean = document["tables"][0]["rows"][1]
    assert level == 2.0
    assert mean == {
        "value": pytest.approx(sum(values) / 4),
        "low": min(values),
        "high": max(values),
        "n": 4,
    }


def test_results_made_again_are_said_so_and_tables_are_the_same_bit_for_bit(
    qmoe: Callable[..., Any], done: Path
) -> None:
    table = (done / "tables" / "values.csv").read_bytes()
    paths = sorted((done / "tasks").iterdir())
    paths[0].write_bytes(paths[0].read_bytes()[:100])
    document = json.loads(paths[1].read_text())
    paths[1].write_text(json.dumps({**document, "versions": {}}))
    outcome = qmoe("study", "small", "--seeds", 3, "--out", done, *ONE)
    assert outcome.exit_code == 0
    assert outcome.stderr.startswith("note: existing results that are computed again: ")
    assert "1 truncated or damaged" in outcome.stderr
    assert "1 of other versions (python unknown, not 3." in outcome.stderr
    assert (done / "tables" / "values.csv").read_bytes() == table


def test_resuming_is_the_default_and_can_be_forgone(
    qmoe: Callable[..., Any], done: Path, tmp_path: Path
) -> None:
    table = (done / "tables" / "values.csv").read_bytes()
    (tmp_path / "own.toml").write_text(f"log = {json.dumps(str(tmp_path / 'log'))}")
    given = ("study", "small", "--out", "own", "--settings", "own.toml", *ONE)

    def ran() -> list[int]:
        return [len(pids(str(tmp_path / "log"), seed)) for seed in range(4)]

    assert qmoe(*given, "--seeds", 4).exit_code == 0
    assert ran() == [2, 2, 2, 2]  # two levels
    assert qmoe(*given, "--seeds", 3, "--resume").exit_code == 0
    assert ran() == [2, 2, 2, 2]
    outcome = qmoe(*given, "--seeds", 3, "--no-resume")
    assert outcome.exit_code == 0, outcome.stderr
    assert ran() == [4, 4, 4, 2]  # what was not asked for is kept
    assert outcome.stderr == "note: 6 results that were in 'own' are removed: --no-resume\n"
    assert (tmp_path / "own" / "tables" / "values.csv").read_bytes() == table
    # To go on, or to make the report again, is not to begin anew.
    assert "--no-resume" not in read_folder(tmp_path / "own").command
    outcome = qmoe("study", "small", "--seeds", 1, "--out", "new", "--no-resume", *ONE)
    assert (outcome.exit_code, outcome.stderr) == (0, "")


def test_seeds_that_cannot_decide_are_said_before_anything_runs(
    qmoe: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    claiming = replace(small.STUDY, n_claims=lambda settings: len(settings.levels))
    monkeypatch.setattr(small, "STUDY", claiming)
    (tmp_path / "own.toml").write_text("levels = [1.0, 2.0, 3.0]")
    given = ("study", "small", "--settings", "own.toml", *ONE)
    outcome = qmoe(*given, "--seeds", 6)
    assert outcome.exit_code == 0
    assert outcome.stderr == (
        "warning: 6 seeds cannot decide any of the study's 3 claims, every verdict will be "
        "undecided: --seeds 7 is the fewest that can\n"
    )
    outcome = qmoe(*given, "--quick", "--out", "quick")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    # The p-value of seven equal signs, two-sided, times three claims: 3 * 2 / 2^7 < 0.05.
    assert read_folder(tmp_path / "quick").seeds == list(range(7))


def test_settings_and_quick(qmoe: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("size = 5")
    given = ("--quick", "--settings", "own.toml", "--json", *ONE)
    outcome = qmoe("study", "small", *given)
    assert outcome.exit_code == 0, outcome.stderr
    record = read_folder(tmp_path / "runs" / "studies" / "small-quick")
    assert record.settings["size"] == 5
    assert record.settings["levels"] == [1.0]
    assert record.seeds == [0, 1]
    assert record.command[-3:] == ["--quick", "--settings", "own.toml"]


def test_a_page_leads_from_a_number_to_its_results_and_from_its_settings_to_the_same_again(
    document: Callable[..., Any], tmp_path: Path
) -> None:
    settings = tmp_path / "own.toml"
    settings.write_text("size = 5\nlevels = [3.0, 0.5]")
    given = ("study", "small", "--seeds", 3, "--out", "own", "--settings", settings, *ONE)
    (table,) = document(*given)["tables"]

    # The second row: level 0.5.
    level, value = table["rows"][1]
    with (tmp_path / "own" / "tasks.csv").open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    assert [(row["level"], row["seed"]) for row in listed] == [
        (level, seed) for level in ("3.0", "0.5") for seed in "012"
    ]
    behind = [
        json.loads((tmp_path / "own" / row["file"]).read_text())
        for row in listed
        if (row["kind"], float(row["level"])) == ("test-small", level)
    ]
    assert [found["settings"]["seed"] for found in behind] == [0, 1, 2]
    firsts = [found["result"]["values"][0] for found in behind]
    assert value["value"] == pytest.approx(sum(firsts) / 3)

    # The settings on the page are a file of their own, and the command goes on with it.
    page = (tmp_path / "own" / "report.md").read_text(encoding="utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    assert "size = 5  # by default 3\n" in text
    settings.write_text(text)
    assert document(*given)["tasks"] == {"total": 6, "skipped": 6, "redone": {}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("noize",), "unknown study 'noize'"),
        (("small", "--seeds", 0), "--seeds must be a whole number of at least 1, got 0"),
        (("small", "--workers", 0), "--workers must be a whole number of at least 1"),
        (("small", "--cluster", "here"), "'here' is no address of a Dask scheduler"),
        (("small", "--cluster", "tcp://127.0.0.1:1", "--workers", 2), "give only one"),
        (("small", "--settings", "none.toml"), "cannot be read"),
        (("small", "--settings", "bad.toml"), "did you mean 'levels'?"),
        (("small", "--settings", "impossible.toml"), "level must be at least 0, got -1"),
        (("small", "--out", "foreign"), "is no folder of a study"),
        (("small", "--out", "foreign/file"), "cannot be written to"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    qmoe: Callable[..., Any],
    assert_refused: Callable[..., None],
    tmp_path: Path,
    given: tuple[object, ...],
    words: str,
) -> None:
    (tmp_path / "bad.toml").write_text("level = 1.0")
    (tmp_path / "impossible.toml").write_text("levels = [1.0, -1.0]")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "file").write_text("")
    before = sorted(tmp_path.rglob("*"))
    assert_refused(qmoe("study", *given), words)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_with_other_settings_is_refused_unless_forced(
    qmoe: Callable[..., Any], assert_refused: Callable[..., None], done: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.toml").write_text("size = 5")
    given = ("study", "small", "--seeds", 1, "--out", done, "--settings", "own.toml", *ONE)
    assert_refused(qmoe(*given), "with size = 3, not 5: choose another folder with --out, or")
    outcome = qmoe(*given, "--force")
    assert outcome.exit_code == 0, outcome.stderr
    assert read_folder(done).settings["size"] == 5


def test_ctrl_c_exits_with_130_and_says_how_to_go_on(
    python: str, qmoe: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a terminal, whose Ctrl-C reaches the workers as well."""
    log = tmp_path / "log"
    (tmp_path / "own.toml").write_text(
        f"seconds = 0.05\nlevels = [1.0]\nlog = {json.dumps(str(log))}"
    )
    given = ("study", "small", "--seeds", "30", "--settings", "own.toml", "--workers", "2")
    monkeypatch.setenv("SMALL_TASKS", "processes")
    folder = tmp_path / "runs" / "studies" / "small"
    with subprocess.Popen(
        [python, str(Path(__file__).with_name("small_program.py")), *given],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        limit = time.monotonic() + 240
        while len(list(folder.glob("tasks/*.json"))) < 4:
            assert time.monotonic() < limit
            assert process.poll() is None
            time.sleep(0.005)
        os.killpg(int((tmp_path / "group").read_text()), signal.SIGINT)
        stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == 130, stderr
    assert stdout == ""
    n_kept = len(list(folder.glob("tasks/*.json")))
    expected = (
        f"interrupted: {n_kept} of 30 tasks that were done are kept, go on with qmoe study small "
        "--seeds 30 --out runs/studies/small --settings own.toml --workers 2\n"
    )
    assert stderr == expected

    begun = sum(len(pids(str(log), seed)) for seed in range(30))
    words = shlex.split(stderr.partition("go on with qmoe ")[2])
    outcome = qmoe(*words)
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert sum(len(pids(str(log), seed)) for seed in range(30)) - begun == 30 - n_kept
