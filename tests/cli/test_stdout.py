"""Output that is not taken: one sentence, or none for a closed pipe, and a documented code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REAL = [sys.executable, "-m", "qmoe_qiskit"]


@pytest.fixture
def qmoe(request: pytest.FixtureRequest, program: str) -> list[str]:
    return REAL if request.param == "real" else [program]


@pytest.mark.parametrize(
    ("qmoe", "arguments"),
    [
        ("real", ["profiles", "list"]),
        ("forked", ["profiles", "list", "--json"]),
        ("forked", ["--help"]),
    ],
    indirect=["qmoe"],
)
def test_full_disk(qmoe: list[str], arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*qmoe, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 74
    assert done.stderr.count("\n") == 1
    assert "the output could not be written (no space left on device)" in done.stderr


@pytest.mark.parametrize(
    ("qmoe", "arguments"),
    [("forked", ["profiles", "list"]), ("real", ["--help"])],
    indirect=["qmoe"],
)
def test_closed_pipe(qmoe: list[str], arguments: list[str]) -> None:
    command = subprocess.Popen(
        [*qmoe, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert command.stdout is not None
    command.stdout.close()
    command.stdout = None
    _, said = command.communicate()
    assert (command.returncode, said.strip()) == (141, "")


def test_mistakes_keep_their_sentence_and_code(program: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [program, "info", "/nowhere"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "there is no run folder" in done.stderr
