"""`qmoe report`: reports made anew from results, an index of several, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from studies.engine.small import STUDY, SmallSettings

from qmoe_qiskit.studies.engine.folder import prepare_folder
from qmoe_qiskit.studies.engine.runner import run_tasks
from qmoe_qiskit.studies.registry import STUDIES
from qmoe_qiskit.studies.report_from_folder import report_folder

SEEDS = range(3)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STUDIES, "small", "studies.engine.small:STUDY")


def finished(folder: Path, *levels: float) -> Path:
    """A study whose tasks have all been run."""
    settings = SmallSettings(levels=levels or (1.0, 2.0))
    prepare_folder(folder, STUDY, settings, SEEDS, ["qmoe", "study", "small"])
    run_tasks(STUDY.tasks(settings, SEEDS), folder, partial(ThreadPoolExecutor, 1))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_report_is_made_anew_bit_by_bit(qmoe: Callable[..., Any], tmp_path: Path) -> None:
    folder = finished(tmp_path / "small")
    report_folder(folder)
    before = contents(folder)
    (folder / "report.html").unlink()
    (folder / "tables" / "values.csv").write_text("damaged")
    outcome = qmoe("report", folder)
    assert outcome.exit_code == 0, outcome.stderr
    assert contents(folder) == before
    assert "Are small tasks done?" in outcome.stdout
    assert f"Report: {folder / 'report.html'}" in outcome.stdout
    assert not (tmp_path / "index.html").exists()
    page = before["report.html"].decode()
    assert "qmoe study small" in page
    assert "3 seeds: 0 to 2" in page
    assert "value (nat)" in page


def test_several_reports_have_an_index_around_them(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], tmp_path: Path
) -> None:
    folders = [finished(tmp_path / "a"), finished(tmp_path / "deep" / "b", 3.0)]
    outcome = qmoe("report", *folders, folders[0], "--json")
    assert outcome.exit_code == 0, outcome.stderr
    document = the_document(outcome.stdout)
    assert document["index"] == str(tmp_path / "index.html")
    assert [report["out"] for report in document["reports"]] == [str(path) for path in folders]
    first = document["reports"][0]
    assert (first["study"], first["title"]) == ("small", "Are small tasks done?")
    assert first["verdicts"] == []
    assert "report.html" in first["files"]
    assert [len(report["tables"][0]["rows"]) for report in document["reports"]] == [2, 1]
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="a/report.html"' in index
    assert 'href="deep/b/report.html"' in index


def test_an_index_stands_where_it_is_wanted(
    qmoe: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    assert_refused: Callable[[Any, str], None],
) -> None:
    finished(tmp_path / "small")
    monkeypatch.chdir(tmp_path / "small")
    (tmp_path / "pages").mkdir()
    outcome = qmoe("report", ".", "--index", "../pages/all.html")
    assert outcome.exit_code == 0, outcome.stderr
    assert "Index: ../pages/all.html" in outcome.stdout
    text = (tmp_path / "pages" / "all.html").read_text(encoding="utf-8")
    assert 'href="../small/report.html"' in text
    (tmp_path / "mine.html").write_text("mine")
    assert_refused(qmoe("report", ".", "--index", "../mine.html"), "no index of reports")
    assert_refused(qmoe("report", ".", "--index", "missing/all.html"), "cannot be written")
    assert (tmp_path / "mine.html").read_text() == "mine"
    (tmp_path / "small" / "report.html").unlink()
    assert_refused(qmoe("report", ".", "--index", "../mine.html"), "no index of reports")
    assert not (tmp_path / "small" / "report.html").exists()  # it is seen at once


def test_what_is_no_finished_study_is_refused(
    qmoe: Callable[..., Any], tmp_path: Path, assert_refused: Callable[[Any, str], None]
) -> None:
    assert_refused(qmoe("report", tmp_path), "no folder of a study")
    folder = finished(tmp_path / "small")
    next((folder / "tasks").iterdir()).unlink()
    outcome = qmoe("report", folder)
    assert_refused(outcome, "1 of 6 tasks")
    assert "qmoe study small" in outcome.stderr
    assert not (folder / "report.html").exists()


def test_results_that_no_longer_hold_are_named_with_the_reason_and_the_way_on(
    qmoe: Callable[..., Any], tmp_path: Path, assert_refused: Callable[[Any, str], None]
) -> None:
    folder = finished(tmp_path / "small")
    for path in (folder / "tasks").iterdir():
        path.write_text(path.read_text().replace(version("torch"), "0.1"))
    outcome = qmoe("report", folder)
    assert_refused(outcome, "6 of 6 tasks")
    assert f"(6 of other versions (torch 0.1, not {version('torch')}))" in outcome.stderr
    assert "go on with the study, which makes these and keeps the others" in outcome.stderr
    assert outcome.stderr.endswith(", by qmoe study small\n")
