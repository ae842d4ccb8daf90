"""Programs that tests of the engine start, kill and start again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from functools import partial
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from studies.engine.small_run import PRELOADED

from qmoe_qiskit.studies.engine.processes import load_libraries, processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qmoe_qiskit.studies.engine.runner import OpenExecutor

TESTS = Path(__file__).parents[1]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a module of the tests in a group of processes of its own; ended with the test."""
    with starting(tmp_path) as begin:
        yield begin


@contextlib.contextmanager
def starting(cwd: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start modules in a folder, each in a group of processes of its own; they end in the end."""
    started: list[subprocess.Popen[str]] = []

    def begin(module: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="module")
def start_for_all(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start what all tests of a file share."""
    with starting(tmp_path_factory.mktemp("shared")) as begin:
        yield begin


@pytest.fixture(scope="session")
def is_running() -> Callable[[int], bool]:
    """Whether a process does anything any more."""

    def look(pid: int) -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        return state != "Z"

    return look


@pytest.fixture(scope="module")
def two_processes() -> Iterator[OpenExecutor]:
    """Two processes, forked from a server that has loaded small tasks, and not from any before."""
    forkserver._forkserver._stop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS))
        load_libraries(PRELOADED)
        yield partial(processes, 2, preloaded=PRELOADED)
    forkserver._forkserver._stop()
