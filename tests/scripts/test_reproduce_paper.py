"""scripts/reproduce_paper.py: every figure of the paper, by one command; and what it refuses."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.errors import QMoEError
from qmoe_qiskit.studies.registry import load_study

if TYPE_CHECKING:
    from types import ModuleType

    from qmoe_qiskit.studies.engine.study import Study

SCRIPT = Path(__file__).parents[2] / "scripts" / "reproduce_paper.py"

# The figures of the paper, phase by phase: accuracy and time, boundary, parameters, noise.
FIGURES = {
    "experts": {"accuracy"},
    "boundary": {"decision_boundary", "routing_map"},
    "efficiency": {"accuracy_by_parameters", "accuracy_by_effective_parameters"},
    "noise": {"depolarizing"},
}
# Of the quick form what takes seconds: all figures, of fewer points, epochs and routers.
TINY: dict[str, dict[str, Any]] = {
    "experts": {"data": ["synthetic"], "n_samples": 100, "epochs": 1, "learning_rates": [0.1, 0.3]},
    "boundary": {"n_samples": 60, "epochs": 1, "layers": 1, "routers": ["quantum", "linear"]},
    "efficiency": {"n_samples": 60, "epochs": 1, "scalings": ["centred"]},
    "noise": {"n_samples": 60, "epochs": 1, "levels": [0, 0.1], "shots": [128], "n_layers": 1},
}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, whose quick form is a tiny one."""
    spec = spec_from_file_location("reproduce_paper", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)

    def tiny(name: str) -> Study:
        study = load_study(name)
        return replace(study, quick=study.quick.changed(**TINY[name]))

    monkeypatch.setattr(module, "load_study", tiny)
    # Processes would import for seconds what this one has.
    monkeypatch.setattr(module, "processes", ThreadPoolExecutor)
    monkeypatch.chdir(tmp_path)
    return module


def call(script: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
    script.main()


def test_every_figure_of_the_paper_is_made_by_one_command(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    arguments = ("--quick", "--seeds", "1", "--out", "paper", "--workers", "1")
    call(script, monkeypatch, *arguments)
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.endswith("Report: paper/index.html\n")
    paper = tmp_path / "paper"
    index = (paper / "index.html").read_text(encoding="utf-8")
    assert set(FIGURES) == set(script.PARTS)
    for name, figures in FIGURES.items():
        assert f'href="{name}/report.html"' in index
        made = {path.stem: path.read_bytes() for path in (paper / name / "figures").iterdir()}
        assert made.keys() == figures
        assert all(png.startswith(b"\x89PNG") and len(png) > 10_000 for png in made.values())
        page = (paper / name / "report.html").read_text(encoding="utf-8")
        assert page.count("<img ") == len(figures)
        assert script.PARTS[name] in said.out

    # Everything is there: the same command makes the same pages without computing anything.
    before = {path: path.read_bytes() for path in paper.rglob("*") if path.is_file()}
    call(script, monkeypatch, *arguments)
    assert {path: path.read_bytes() for path in before} == before
    assert capsys.readouterr().out == said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--seeds", "-1"), "--seeds must be a whole number of at least 1, got -1"),
        (("--seeds", "0"), "--seeds must be a whole number of at least 1, got 0"),
        (("--workers", "0"), "--workers must be a whole number of at least 1, got 0"),
        (("--out", "mine"), "'mine/index.html' exists and is no index of reports"),
        (("--out", "mine/index.html"), "folder 'mine/index.html/experts' cannot be written to"),
    ],
)
def test_what_is_impossible_is_found_before_anything_is_written(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("<p>mine</p>")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(QMoEError, match=re.escape(words)):
        call(script, monkeypatch, "--quick", *arguments)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_error_is_one_sentence(python: str, tmp_path: Path) -> None:
    command = [python, str(SCRIPT), "--seeds", "-1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: --seeds must be a whole number of at least 1, got -1\n"
    assert not list(tmp_path.iterdir())


def test_an_impossible_task_of_a_late_part_is_found_before_the_first_part_runs(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(TINY, "noise", {"n_samples": 3})
    with pytest.raises(QMoEError):
        call(script, monkeypatch, "--quick", "--seeds", "1", "--out", "paper")
    assert not (tmp_path / "paper").exists()
