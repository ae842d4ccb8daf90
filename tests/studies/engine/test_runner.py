"""The engine: order, equal tasks, results that are there, and what breaks."""

from __future__ import annotations

import json
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from studies.engine.small import Small, pids

from qmoe_qiskit.errors import InputError, StudyError
from qmoe_qiskit.studies.engine.runner import Progress, run_tasks, stored_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


def files(folder: Path) -> list[Path]:
    return sorted((folder / "tasks").glob("*.json"))


def test_results_come_in_the_order_of_the_tasks(tmp_path: Path) -> None:
    tasks = [Small(seed=seed, seconds=0.02 if seed < 2 else 0) for seed in range(10)]
    results = run_tasks(tasks, tmp_path, threads)
    assert [result.task for result in results] == tasks
    assert [result.result for result in results] == [task.run() for task in tasks]


def test_equal_tasks_run_once_and_have_a_result_each(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    tasks = [Small(seed=seed, log=log) for seed in (1, 2, 1, 1)]
    results = run_tasks(tasks, tmp_path, threads)
    assert len(pids(log, 1)) == len(pids(log, 2)) == 1
    assert results[0] == results[2] == results[3] != results[1]
    assert len(files(tmp_path)) == 2


def test_results_that_are_there_are_not_made_again(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    tasks = [Small(seed=seed, log=log) for seed in range(6)]
    first = run_tasks(tasks[:4], tmp_path, threads)
    told: list[Progress] = []
    both = run_tasks(tasks, tmp_path, threads, report=told.append)
    assert both[:4] == first
    assert [len(pids(log, seed)) for seed in range(6)] == [1] * 6
    assert [progress.done for progress in told] == [4, 5, 6]
    assert {(progress.skipped, progress.total) for progress in told} == {(4, 6)}
    assert stored_results(tasks, tmp_path) == both


def test_nothing_is_opened_where_everything_is_there(tmp_path: Path) -> None:
    def closed() -> nullcontext[Executor]:
        raise AssertionError

    tasks = [Small(seed=1)]
    assert run_tasks(tasks, tmp_path, threads) == run_tasks(tasks, tmp_path, closed)


def test_damaged_and_outdated_results_are_made_again_and_said_so(tmp_path: Path) -> None:
    tasks = [Small(seed=seed) for seed in range(4)]
    before = run_tasks(tasks, tmp_path, threads)
    paths = [tmp_path / "tasks" / f"{task.content_hash}.json" for task in tasks]
    paths[0].write_bytes(paths[0].read_bytes()[:-9])
    paths[1].write_bytes(b"")
    document = json.loads(paths[2].read_text())
    document["versions"]["torch"] = "0.1"
    paths[2].write_text(json.dumps(document))
    told: list[Progress] = []
    after = run_tasks(tasks, tmp_path, threads, report=told.append)
    outdated = f"of other versions (torch 0.1, not {version('torch')})"
    assert told[0].redone == {"truncated or damaged": 2, outdated: 1}
    assert told[0].done == 1
    assert [r.result for r in after] == [r.result for r in before]
    assert stored_results(tasks, tmp_path) == after


def test_results_that_do_not_hold_are_missing_and_it_is_said_why(tmp_path: Path) -> None:
    tasks = [Small(seed=seed) for seed in range(5)]
    run_tasks(tasks[:4], tmp_path, threads)
    for number, path in enumerate(files(tmp_path)):
        document = json.loads(path.read_text())
        document["versions"]["torch"] = "0.1"
        path.write_text(json.dumps(document) if number else "{")
    with pytest.raises(StudyError) as error:
        stored_results(tasks, tmp_path)
    said = str(error.value)
    assert said.startswith("5 of 5 tasks of the study")
    for reason in ("1 truncated or damaged", "3 of other versions (torch 0.1", "1 not run yet"):
        assert reason in said, said
    assert "go on with the study, which makes these and keeps the others" in said


def test_an_impossible_task_is_found_before_the_first_one_runs(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    tasks = [Small(seed=1, log=log), Small(seed=2, level=-1)]
    with pytest.raises(InputError, match="level must be at least 0"):
        run_tasks(tasks, tmp_path, threads)
    assert pids(log, 1) == []
    assert not (tmp_path / "tasks").exists()


@dataclass(frozen=True, kw_only=True)
class Faulty(Small):
    kind: ClassVar[str] = "test-faulty"

    def run(self) -> dict[str, Any]:
        raise ZeroDivisionError(self.seed)


def test_a_fault_of_a_task_ends_the_study_and_keeps_the_rest(tmp_path: Path) -> None:
    tasks = [*(Small(seed=seed) for seed in range(3)), Faulty(seed=9)]

    @contextmanager
    def one_thread() -> Iterator[Executor]:
        with ThreadPoolExecutor(1) as executor:
            yield executor

    with pytest.raises(ZeroDivisionError):
        run_tasks(tasks, tmp_path, one_thread)
    assert len(files(tmp_path)) == 3
    with pytest.raises(StudyError, match=r"1 of 4 tasks .* have no result"):
        stored_results(tasks, tmp_path)


class Interrupting(ThreadPoolExecutor):
    """Ctrl-C comes when everything is submitted and done, before any result was looked at."""

    def __init__(self, n_tasks: int) -> None:
        super().__init__(1)
        self._left = n_tasks

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        future.result()
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
        return future


def test_an_interruption_loses_no_result_that_was_finished(tmp_path: Path) -> None:
    tasks = [Small(seed=seed) for seed in range(5)]
    with Interrupting(5) as executor, pytest.raises(KeyboardInterrupt):
        run_tasks(tasks, tmp_path, lambda: nullcontext(executor))
    assert len(files(tmp_path)) == 4  # of the last one the engine never heard


class Forgetful(ThreadPoolExecutor):
    """Drops what it is given after a few calls, as a cluster whose scheduler dies."""

    def __init__(self, keeps: int) -> None:
        super().__init__(1)
        self._keeps = keeps

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self._keeps > 0:
            self._keeps -= 1
            kept = super().submit(fn, *args, **kwargs)
            kept.result()
            return kept
        dropped: Future[Any] = Future()
        dropped.cancel()
        dropped.set_running_or_notify_cancel()
        return dropped


def test_dropped_tasks_are_given_to_a_new_executor(tmp_path: Path) -> None:
    tasks = [Small(seed=seed) for seed in range(7)]
    told: list[Progress] = []
    results = run_tasks(tasks, tmp_path, lambda: Forgetful(2), report=told.append)
    assert [result.task for result in results] == tasks
    assert told[-1].restarts == 3


def test_executors_that_never_finish_anything_are_given_up(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="died 3 times without finishing a task"):
        run_tasks([Small(seed=1)], tmp_path, lambda: Forgetful(0))


GATE = threading.Event()


@dataclass(frozen=True, kw_only=True)
class Gated(Small):
    kind: ClassVar[str] = "test-gated"

    def run(self) -> dict[str, Any]:
        result = super().run()
        if self.seed > 0:
            assert GATE.wait(60)
        return result


def test_after_an_interruption_nothing_more_begins(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    tasks = [Gated(seed=seed, log=log) for seed in range(9)]

    def interrupt(progress: Progress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(KeyboardInterrupt):
            run_tasks(tasks, tmp_path, lambda: nullcontext(executor), report=interrupt)
        GATE.set()
    assert len(files(tmp_path)) == 1
    assert [len(pids(log, task.seed)) for task in tasks[2:]] == [0] * 7
