"""A word on a terminal while libraries load."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
from cli.terminal import Terminal

from qmoe_qiskit.cli.first_word import first_word

if TYPE_CHECKING:
    from pathlib import Path


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_it_stays_until_something_else_is_written(
    stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    with first_word("loading ..."):
        assert screen.getvalue() == "loading ..."
        getattr(sys, stream).write("a\n")
        getattr(sys, stream).write("b\n")
    assert screen.getvalue() == "loading ...\r\x1b[Ka\nb\n"
    assert sys.stdout is screen


def test_it_goes_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with pytest.raises(ValueError, match="x"), first_word("loading ..."):
        raise ValueError("x")
    assert screen.getvalue() == "loading ...\r\x1b[K"


def test_a_pipe_stays_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    with first_word("loading ..."):
        assert sys.stderr is pipe
    assert pipe.getvalue() == ""


@pytest.mark.process
def test_the_program_says_a_word_first(real_program: str, tmp_path: Path) -> None:
    with Terminal([real_program, "info", "absent"], tmp_path) as terminal:
        assert terminal.end() == 2
        assert terminal.shown.startswith("qmoe info: loading ...\r\x1b[K")
        assert "no run folder 'absent'" in terminal.shown
