"""scripts/submit_to_ibm.py, which readers copy, against a service."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ibm_service import IBMService

SCRIPT = Path(__file__).parents[2] / "scripts" / "submit_to_ibm.py"


def test_it_is_safe_to_give_again(ibm: IBMService, run: Path, python: str, tmp_path: Path) -> None:
    options = ("--backend", "runtime:ibmq_manila", "--samples", "8", "--shots", "64")
    command = [python, str(SCRIPT), str(run), *options]
    said = []
    for _ in range(2):
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
        said.append(ended.stdout.splitlines())
    assert len(ibm.jobs) == 1
    assert ibm.jobs[0].cost is not None
    assert ibm.jobs[0].cost <= 60
    assert said[0] == said[1]
    assert said[0][0].startswith("runtime:ibmq_manila: accuracy 0.")
    assert said[0][1].startswith("rows that another expert serves than by the exact router: ")


def test_it_refuses_in_a_sentence(ibm: IBMService, run: Path, python: str, tmp_path: Path) -> None:
    options = ("--backend", "runtime:ibmq_manila", "--samples", "8", "--budget", "1s")
    command = [python, str(SCRIPT), str(run), *options]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith("error: an estimated ")
    assert "is more than the 1.0 s left of a budget of 1 s: nothing more was sent" in sentence
    assert ibm.jobs == []
