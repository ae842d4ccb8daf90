"""Output that is not taken: one sentence, or none for a closed pipe, and a documented code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

QMOE = [sys.executable, "-m", "qmoe_qiskit"]


@pytest.mark.parametrize(
    "arguments", [["profiles", "list"], ["profiles", "list", "--json"], ["--help"]]
)
def test_full_disk(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*QMOE, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 74
    assert done.stderr.count("\n") == 1
    assert "the output could not be written (no space left on device)" in done.stderr


@pytest.mark.parametrize("arguments", [["profiles", "list"], ["--help"]])
def test_closed_pipe(arguments: list[str]) -> None:
    command = subprocess.Popen(
        [*QMOE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert command.stdout is not None
    command.stdout.close()
    command.stdout = None
    _, said = command.communicate()
    assert (command.returncode, said.strip()) == (141, "")


def test_mistakes_keep_their_sentence_and_code() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*QMOE, "info", "/nowhere"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert "there is no run folder" in done.stderr
