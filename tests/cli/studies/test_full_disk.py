"""`qmoe study` and `qmoe report` on a full disk: one sentence, and nothing is lost."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any

import pytest
from studies.engine.small import pids
from typer.testing import CliRunner

from qmoe_qiskit.cli import app
from qmoe_qiskit.studies.registry import STUDIES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEEDS = 3
STUDY = ("study", "small", "--seeds", SEEDS, "--settings", "small.toml", "--out", "out")
ONE = ("--workers", 1)


@pytest.fixture(autouse=True)
def small_study(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(STUDIES, "small", "studies.engine.small:STUDY")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text('levels = [1.0]\nlog = "log"')


def on_full_disk(size: int, *arguments: object) -> Any:
    """Call the program where no file can grow beyond a size in bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def ran() -> list[int]:
    """How often each task ran."""
    return [len(pids("log", seed)) for seed in range(SEEDS)]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_record_of_a_study(
    qmoe: Callable[..., Any], assert_refused: Callable[..., None], tmp_path: Path
) -> None:
    outcome = on_full_disk(100, *STUDY, *ONE)
    assert_refused(outcome, "folder 'out' cannot be written to (File too large): make room, or")
    assert contents(tmp_path / "out") == {}
    assert qmoe(*STUDY, *ONE).exit_code == 0

    before = contents(tmp_path / "out")
    outcome = on_full_disk(100, "study", "small", "--seeds", 9, *STUDY[4:], *ONE)
    assert_refused(outcome, "folder 'out' cannot be written to (File too large): make room, or")
    assert contents(tmp_path / "out") == before
    assert ran() == [1] * SEEDS


def test_the_report_of_a_study(
    qmoe: Callable[..., Any], assert_refused: Callable[..., None], tmp_path: Path
) -> None:
    outcome = on_full_disk(3000, *STUDY, *ONE)  # enough for a result, too little for a page
    words = "the report cannot be written to 'out' (File too large): the results are kept; make"
    assert_refused(outcome, words)
    assert "then qmoe report makes it" in outcome.stderr
    there = contents(tmp_path / "out")
    assert sum(name.startswith("tasks/") for name in there) == SEEDS
    assert not [name for name in there if name.endswith((".part", ".html"))]

    assert_refused(on_full_disk(3000, "report", "out"), words)
    assert contents(tmp_path / "out") == there

    outcome = qmoe("report", "out")
    assert outcome.exit_code == 0, outcome.stderr
    made = contents(tmp_path / "out")
    assert made.items() >= there.items()
    assert "report.html" in made

    assert_refused(on_full_disk(3000, "report", "out"), words)  # one that is there stays
    assert contents(tmp_path / "out") == made
    assert qmoe(*STUDY, *ONE).exit_code == 0
    assert ran() == [1] * SEEDS


def test_the_index_of_several_reports(
    qmoe: Callable[..., Any], assert_refused: Callable[..., None], tmp_path: Path
) -> None:
    assert qmoe(*STUDY, *ONE).exit_code == 0
    folders = [str(number) for number in range(30)]
    for name in folders:
        (tmp_path / name).symlink_to("out")
    report = ("report", *folders, "--index", "index.html")
    page = (tmp_path / "out" / "report.html").stat().st_size
    outcome = on_full_disk(page, *report)
    assert_refused(outcome, "index.html' cannot be written (File too large): make room, or name")
    assert not list(tmp_path.glob("*index*"))
    assert qmoe(*report).exit_code == 0
    assert (tmp_path / "index.html").stat().st_size > page
