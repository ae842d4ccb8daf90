"""Processes: one thread each, started again when they die, gone when nobody wants them."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from multiprocessing import forkserver
from typing import TYPE_CHECKING

import pytest
from studies.engine.small import Deadly, Small, Threads, pids
from studies.engine.small_run import tasks_of

from qmoe_qiskit.errors import InputError, StudyError
from qmoe_qiskit.studies.engine.processes import processes
from qmoe_qiskit.studies.engine.results import load_result
from qmoe_qiskit.studies.engine.runner import OpenExecutor, Progress, run_tasks

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path


def wait_until(condition: Callable[[], bool], seconds: float = 240) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_processes_give_what_threads_give(tmp_path: Path, two_processes: OpenExecutor) -> None:
    tasks = [Small(seed=seed, log=str(tmp_path / "log")) for seed in range(20)]
    results = run_tasks(tasks, tmp_path, two_processes)
    assert [result.result for result in results] == [Small(seed=seed).run() for seed in range(20)]
    used = {pid for seed in range(20) for pid in pids(str(tmp_path / "log"), seed)}
    assert os.getpid() not in used
    assert len(used) in (1, 2)  # on a busy machine one of them may be quick enough for all


def test_a_process_uses_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_processes: OpenExecutor
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    forkserver._forkserver._stop()  # that of other tests has seen another number
    (result,) = run_tasks([Threads()], tmp_path, two_processes)
    assert result.result == {"torch": 1, "openmp": "1"}
    assert os.environ["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize("workers", [0, -1, 1.5])
def test_impossible_numbers_of_processes_are_refused(workers: int) -> None:
    with pytest.raises(InputError, match="workers must be a whole number"), processes(workers):
        pass


def test_a_killed_worker_costs_nothing_but_time(
    tmp_path: Path, two_processes: OpenExecutor
) -> None:
    log = str(tmp_path / "log")
    plain = [Small(seed=seed, seconds=0.01, log=log) for seed in range(12)]
    deadly = [Deadly(seed=20, log=log), Deadly(seed=21, times=2, log=log)]
    tasks = [deadly[0], *plain, deadly[1]]
    told: list[Progress] = []
    results = run_tasks(tasks, tmp_path, two_processes, report=told.append)
    assert [result.task for result in results] == tasks
    assert [len(pids(log, task.seed)) for task in deadly] == [2, 3]
    assert 2 <= told[-1].restarts <= 3  # both may have died at once


def test_a_task_that_always_kills_its_worker_is_given_up_and_the_others_are_done(
    tmp_path: Path, two_processes: OpenExecutor
) -> None:
    plain = [Small(seed=seed) for seed in range(6)]
    deadly = Deadly(seed=9, times=1000, log=str(tmp_path / "log"), others=len(plain))
    with pytest.raises(StudyError, match="died 3 times without finishing a task"):
        run_tasks([deadly, *plain], tmp_path, two_processes)
    assert all(load_result(task, tmp_path)[0] is not None for task in plain)


def test_an_interruption_leaves_the_hook_of_threads_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_processes: OpenExecutor
) -> None:
    failed: list[threading.ExceptHookArgs] = []
    hook = failed.append
    monkeypatch.setattr(threading, "excepthook", hook)
    before = set(threading.enumerate())

    def interrupt(progress: Progress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    log = str(tmp_path / "log")
    tasks = [Small(seed=seed, seconds=0.01, log=log) for seed in range(40)]
    with pytest.raises(KeyboardInterrupt):
        run_tasks(tasks, tmp_path, two_processes, report=interrupt)
    wait_until(lambda: set(threading.enumerate()) <= before)
    assert threading.excepthook is hook
    assert failed == []
    kept = [task for task in tasks if load_result(task, tmp_path)[0] is not None]
    assert 1 <= len(kept) < len(tasks)
    begun = sum(len(pids(log, task.seed)) for task in tasks)
    assert begun - len(kept) <= 4  # for each process one task under way, one on its way


def running(log: Path) -> list[int]:
    """Return the processes of all tasks that have begun."""
    return [int(line) for path in log.parent.glob("log-*") for line in path.read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_when_the_program_that_started_them_is_killed(
    number: signal.Signals,
    tmp_path: Path,
    start: Callable[..., subprocess.Popen[str]],
    is_running: Callable[[int], bool],
) -> None:
    log = tmp_path / "log"
    program = start("studies.engine.small_run", tmp_path, "--log", log, "--seconds", 30)
    wait_until(lambda: len(running(log)) == 2)
    program.send_signal(number)  # to it alone
    program.wait(10)
    wait_until(lambda: not any(map(is_running, running(log))), 10)


def test_ctrl_c_ends_at_once_and_keeps_what_is_done(
    tmp_path: Path,
    start: Callable[..., subprocess.Popen[str]],
    is_running: Callable[[int], bool],
    two_processes: OpenExecutor,
) -> None:
    log, done = tmp_path / "log", tmp_path / "tasks"
    tasks = ("--log", log, "--tasks", 40)
    program = start("studies.engine.small_run", tmp_path, *tasks, "--seconds", 0.05)
    wait_until(lambda: len(list(done.glob("*.json"))) >= 5)
    os.killpg(program.pid, signal.SIGINT)  # what a terminal sends: to every process
    _, stderr = program.communicate(timeout=240)
    assert stderr.count("KeyboardInterrupt") == 1  # that of the program itself
    assert stderr.rstrip().endswith("KeyboardInterrupt")
    assert "Exception in thread" not in stderr
    kept = {path: path.read_bytes() for path in done.glob("*.json")}
    assert len(running(log)) - len(kept) <= 4  # of each process one under way, one on its way
    wait_until(lambda: not any(map(is_running, running(log))), 10)

    begun = len(running(log))
    run_tasks(tasks_of(40, seconds=0.05, log=str(log)), tmp_path, two_processes)
    assert len(running(log)) - begun == 40 - len(kept)
    assert all(path.read_bytes() == content for path, content in kept.items())


def test_ctrl_c_while_processes_start_shows_no_traceback_of_theirs(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    program = start("studies.engine.small_run", tmp_path, "--seconds", 30)
    children = f"/proc/{program.pid}/task/{program.pid}/children"

    def has_children() -> bool:
        with contextlib.suppress(FileNotFoundError), open(children) as file:  # noqa: PTH123
            return len(file.read().split()) >= 2  # the server of processes, and its tracker
        return False

    wait_until(has_children)
    os.killpg(program.pid, signal.SIGINT)
    _, stderr = program.communicate(timeout=240)
    assert stderr.count("Traceback") == 1, stderr
    assert stderr.rstrip().endswith("KeyboardInterrupt")


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]], two_processes: OpenExecutor
) -> None:
    tasks = ("--tasks", 6, "--size", 300, "--seconds", 0)
    full = start("studies.engine.small_run", tmp_path, *tasks, "--bytes", 2000)
    _, stderr = full.communicate(timeout=240)
    assert stderr.startswith("error: results cannot be written to")
    assert "File too large" in stderr
    assert "the same command goes on" in stderr
    assert stderr.count("\n") == 1
    assert list((tmp_path / "tasks").iterdir()) == []

    run_tasks(tasks_of(6, seconds=0, log="", size=300), tmp_path, two_processes)
    assert len(list((tmp_path / "tasks").iterdir())) == 6


def test_two_programs_in_one_folder_do_no_harm(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    both = [start("studies.engine.small_run", tmp_path, "--seconds", 0.005) for _ in range(2)]
    outputs = [program.communicate(timeout=240) for program in both]
    assert [program.returncode for program in both] == [0, 0], outputs
    assert outputs[0] == outputs[1]
    assert outputs[0][0].splitlines() == [str(Small(seed=seed).run()) for seed in range(40)]
    assert len(list((tmp_path / "tasks").iterdir())) == 40
