"""A run of tests fails that writes a planted secret anywhere, with one process or several."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from leak_check import SAID

HERE = Path(__file__).parent
TESTS = """
import subprocess, sys
import leak_check, pytest

@pytest.mark.parametrize("number", range(2))
def test_harmless(tmp_path, number):
    (tmp_path / "qiskit-ibm.json").write_text(leak_check.API_KEY)
    (tmp_path / "log").write_text("nothing")

def test_file(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "ledger.sqlite").write_bytes(bytes(5000) + leak_check.API_KEY.encode())

def test_log():
    print("debug:", leak_check.ACCESS_CODED + "xyz")

def test_program():
    command = [sys.executable, "-c", "import leak_check; print(leak_check.API_KEY)"]
    assert subprocess.run(command, capture_output=True, check=True).stdout
"""


@pytest.mark.parametrize(
    "options",
    [["-k", "harmless"], [], ["-n", "2"]],
    ids=["no leak", "one process", "two workers"],
)
def test_a_run_that_leaks_fails(options: list[str]) -> None:
    # Elsewhere than the temporary files of this run, which would fail itself.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(HERE / "conftest.py", folder)
        (folder / "test_run.py").write_text(TESTS)
        (folder / "pytest.ini").touch()
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", f"--basetemp={folder / 'temp'}", *options],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(HERE)},
            capture_output=True,
            text=True,
            check=False,
        )
    places = re.findall("a planted secret is in (.*)", ended.stdout)
    if "harmless" in options:
        assert (ended.returncode, places) == (0, [])
        return
    assert re.search("5 passed", ended.stdout), ended.stdout
    assert ended.returncode == 1
    assert places[0] == "what test_run.py::test_log wrote"
    assert sorted(Path(place).name for place in places[1:]) == ["ledger.sqlite", SAID]
