"""`qmoe study` at a terminal, with a bar and the time left, and in a pipe, where it is quiet."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS, SECONDS = 24, 0.25
COMMAND = (
    *(
        sys.executable,
        "-m",
        "studies.engine.small_program",
        "study",
        "small",
        "--seeds",
        str(TASKS),
    ),
    *("--settings", "small.toml", "--out", "study", "--workers", "1"),
)


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("TERM", "xterm")
    (tmp_path / "small.toml").write_text(f"levels = [1.0]\nseconds = {SECONDS}")


def bars(shown: str) -> list[tuple[int, int | None]]:
    """Return what bars were shown: tasks done, and seconds left where they are told."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    found = re.findall(rf"small [━╸╺ ]+(\d+)/{TASKS} +\d:\d\d:\d\d left (\S+)", plain)
    times = [None if left == "-:--:--" else left.split(":") for _, left in found]
    return [
        (int(done), None if time is None else int(time[1]) * 60 + int(time[2]))
        for (done, _), time in zip(found, times, strict=True)
    ]


def test_a_terminal_shows_how_far_it_is_and_how_long_it_will_take(tmp_path: Path) -> None:
    begun = time.monotonic()
    with Terminal([*COMMAND], tmp_path) as terminal:
        assert terminal.end() == 0, terminal.shown
    busy = max(1.0, (time.monotonic() - begun) / (TASKS * SECONDS))  # tasks wait for a machine too
    shown = bars(terminal.shown)
    done = [n for n, _ in shown]
    assert done == sorted(done)
    assert done[0] <= 1
    assert done[-1] == TASKS
    told = {n: left for n, left in shown if left is not None and 6 <= n < TASKS}
    assert len(told) > 6
    for n, left in told.items():
        expected = (TASKS - n) * SECONDS
        assert 0.5 * expected - 1 <= left <= 3 * busy * expected + 1, (n, left)
    # What stays on the screen is the result, without a bar.
    after = terminal.shown.rpartition(f"{TASKS}/{TASKS}")[2]
    assert "\x1b[2K" in after
    assert "Values" in after
    assert "Report: study/report.html" in after


def test_ctrl_c_leaves_one_sentence_and_what_is_done_makes_nothing_look_quicker(
    tmp_path: Path,
) -> None:
    with Terminal([*COMMAND], tmp_path) as terminal:
        terminal.until(f"16/{TASKS}")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130, terminal.shown
    after = terminal.shown.rpartition("\x1b[2K")[2]
    assert after.strip().startswith("interrupted: ")
    assert "Traceback" not in terminal.shown

    with Terminal([*COMMAND], tmp_path) as terminal:
        assert terminal.end() == 0, terminal.shown
    begun, left = bars(terminal.shown)[0]
    assert begun >= 16
    assert left is None  # nothing is known yet
    told = [(n, left) for n, left in bars(terminal.shown) if left is not None and n < TASKS]
    assert told
    assert all(left >= 0.5 * (TASKS - n) * SECONDS - 1 for n, left in told), told


def test_a_pipe_is_told_nothing_but_what_it_asks_for(
    tmp_path: Path, the_document: Callable[[str], object]
) -> None:
    command = [*COMMAND, "--seeds", "3", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    the_document(done.stdout)
    assert "━" not in done.stdout
