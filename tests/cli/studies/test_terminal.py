"""`qmoe study` at a terminal, with a bar and the time left, and in a pipe, where it is quiet."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cli.studies.small_program import SECONDS
from cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS = 24
PROGRAM = str(Path(__file__).with_name("small_program.py"))


@pytest.fixture
def command(python: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A study whose tasks take a minute each by the clock of the bar."""
    monkeypatch.setenv("SMALL_TASKS", str(TASKS))
    monkeypatch.setenv("TERM", "xterm")
    (tmp_path / "small.toml").write_text("levels = [1.0]")
    return [
        *(python, PROGRAM, "study", "small", "--seeds", str(TASKS)),
        *("--settings", "small.toml", "--out", "study"),
    ]


def bars(shown: str) -> list[tuple[int, float | None]]:
    """Return what bars were shown: tasks done, and seconds left where they are told."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    found = re.findall(rf"small [━╸╺ ]+(\d+)/{TASKS} +\d:\d\d:\d\d left (\S+)", plain)
    times = [None if left == "-:--:--" else left.split(":") for _, left in found]
    return [
        (int(done), None if time is None else int(time[1]) * 60.0 + int(time[2]))
        for (done, _), time in zip(found, times, strict=True)
    ]


def test_a_terminal_shows_how_far_it_is_and_how_long_it_will_take(
    command: list[str], tmp_path: Path
) -> None:
    with Terminal(command, tmp_path) as terminal:
        assert terminal.end() == 0, terminal.shown
    shown = bars(terminal.shown)
    assert [n for n, _ in shown] == sorted(n for n, _ in shown)
    assert {n for n, _ in shown} >= set(range(1, TASKS + 1))
    told = {n: left for n, left in shown if left is not None and n < TASKS}
    # A time needs two results.
    assert told == {n: (TASKS - n) * SECONDS for n in range(2, TASKS)}
    # What stays on the screen is the result, without a bar.
    after = terminal.shown.rpartition(f"{TASKS}/{TASKS}")[2]
    assert "\x1b[2K" in after
    assert "Values" in after
    assert "Report: study/report.html" in after


def test_ctrl_c_leaves_one_sentence_and_what_is_done_makes_nothing_look_quicker(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMALL_TASKS", "16")
    with Terminal(command, tmp_path) as terminal:
        terminal.until(f"16/{TASKS}")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130, terminal.shown
    after = terminal.shown.rpartition("\x1b[2K")[2]
    assert after.strip().startswith(f"interrupted: 16 of {TASKS} tasks that were done are kept")
    assert "Traceback" not in terminal.shown

    with Terminal(command, tmp_path) as terminal:
        assert terminal.end() == 0, terminal.shown
    begun, left = bars(terminal.shown)[0]
    assert begun >= 16
    assert left is None  # nothing is known yet
    told = {n: left for n, left in bars(terminal.shown) if left is not None and n < TASKS}
    assert told == {n: (TASKS - n) * SECONDS for n in range(18, TASKS)}


def test_a_pipe_is_told_nothing_but_what_it_asks_for(
    command: list[str], tmp_path: Path, the_document: Callable[[str], object]
) -> None:
    quiet = [*command, "--seeds", "3", "--json"]
    done = subprocess.run(quiet, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    the_document(done.stdout)
    assert "━" not in done.stdout
