"""Killed and concurrent processes: the ledger keeps every event that it has confirmed."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qmoe_qiskit.errors import LedgerError
from qmoe_qiskit.hardware.ledger import errors as ledger_errors
from qmoe_qiskit.hardware.ledger import queries as ledger_reader
from qmoe_qiskit.hardware.ledger import records
from qmoe_qiskit.hardware.ledger import schema as ledger_schema
from qmoe_qiskit.hardware.ledger import store as ledger
from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

OWN_FILES = {
    module.__file__ for module in (ledger, ledger_errors, ledger_reader, ledger_schema, records)
}
VALUES = np.array([[0.25, -0.5], [0.0, 1.0]])


def kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def script(plan: Callable[..., Any], noon: datetime) -> list[Callable[[Ledger], object]]:
    """The events of a work with two jobs, from its record to its results."""
    work, (first, second) = plan()
    results = {"values_PO": VALUES, "std_errors_PO": VALUES**2}
    at = [noon + timedelta(seconds=seconds) for seconds in range(9)]
    return [
        lambda book: book.record(work, [first, second]),
        lambda book: book.sending(first.tag, at[1]),
        lambda book: book.submitted(first.tag, "job-0", at[2]),
        lambda book: book.sending(second.tag, at[3]),
        lambda book: book.sending(second.tag, at[4]),
        lambda book: book.submitted(second.tag, "job-1", at[5]),
        lambda book: book.finished(second.tag, "failed", error="calibration", at=at[6]),
        lambda book: book.finished(first.tag, "done", **results, calibration="{}", at=at[7]),
    ]


def contents(book: Ledger) -> list[Any]:
    """The whole content of a ledger, after a check of its file."""
    assert book._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert not book._connection.execute("PRAGMA foreign_key_check").fetchall()
    tables = ("works", "jobs", "attempts", "results", "calibrations")
    return [
        [tuple(row) for row in book._connection.execute(f"SELECT * FROM {table}")]  # noqa: S608
        for table in tables
    ]


@pytest.fixture
def story(plan: Callable[..., Any], noon: datetime) -> list[Callable[[Ledger], object]]:
    return script(plan, noon)


@pytest.fixture
def chapters(story: list[Callable[[Ledger], object]], tmp_path: Path) -> list[list[Any]]:
    """The content of an undisturbed ledger after 0, 1, 2, ... events."""
    with Ledger(tmp_path / "undisturbed.sqlite") as book:
        states = [contents(book)]
        for event in story:
            event(book)
            states.append(contents(book))
    return states


class Trial:
    """A child process that records the events in a new ledger, and is killed on its way."""

    def __init__(self, story: list[Callable[[Ledger], object]], folder: Path) -> None:
        self.story = story
        self.path = folder / "ledger.sqlite"
        self.reading, self.writing = os.pipe()

    def run(self, way: str = "", k: int = 0) -> None:
        """Run in the child: send a byte through the pipe after each event that returned."""
        if way == "line":
            kill_at_line(k)
        book = Ledger(self.path)
        if way == "step":
            kill_at_step(book._connection, k)
        for event in self.story:
            event(book)
            os.write(self.writing, b".")
        book.close()

    def check(self, chapters: list[list[Any]]) -> None:
        """Check that the ledger holds all events that returned, at most one more, and can go on."""
        os.close(self.writing)
        with os.fdopen(self.reading, "rb") as pipe:
            returned = len(pipe.read())
        with Ledger(self.path) as book:
            found = contents(book)
            assert found in chapters[returned : returned + 2]
            for event in self.story[chapters.index(found) :]:
                event(book)
            assert contents(book) == chapters[-1]


def kill_at_line(k: int) -> None:
    """Kill this process when the k-th line of the ledger's code is reached."""
    left = [k]

    def trace(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in OWN_FILES:
            return None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                kill_myself()
        return trace

    sys.settrace(trace)


def kill_at_step(connection: sqlite3.Connection, k: int) -> None:
    """Kill this process at the k-th step of SQLite's virtual machine, within a statement."""
    left = [k]

    def step() -> int:
        left[0] -= 1
        if left[0] == 0:
            kill_myself()
        return 0

    connection.set_progress_handler(step, 1)


@pytest.mark.parametrize("way", ["line", "step"])
def test_killed_at_any_point(
    way: str,
    story: list[Callable[[Ledger], object]],
    chapters: list[list[Any]],
    tmp_path: Path,
    children: Any,
    *,
    whole: bool,
) -> None:
    # These numbers of steps do not coincide with the ledger's loops; the last trial survives.
    for k in range(1, 10_000, 13 if whole else 211):
        folder = tmp_path / f"{way}-{k}"
        folder.mkdir()
        trial = Trial(story, folder)
        code = children.wait(children.start(lambda: trial.run(way, k)))  # noqa: B023 - at once
        trial.check(chapters)
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert code == 0
    assert k > 300


def test_killed_at_random_moments(
    story: list[Callable[[Ledger], object]],
    chapters: list[list[Any]],
    tmp_path: Path,
    rng: np.random.Generator,
    children: Any,
    *,
    whole: bool,
) -> None:
    codes = []
    for number, delay_s in enumerate(rng.uniform(0, 0.02, size=30 if whole else 8)):
        folder = tmp_path / str(number)
        folder.mkdir()
        trial = Trial(story, folder)
        pid = children.start(trial.run)
        time.sleep(delay_s)
        os.kill(pid, signal.SIGKILL)
        codes.append(children.wait(pid))
        trial.check(chapters)
    assert set(codes) <= {0, -signal.SIGKILL}


def test_a_log_that_was_cut_anywhere_gives_an_earlier_state(
    story: list[Callable[[Ledger], object]], chapters: list[list[Any]], tmp_path: Path
) -> None:
    """A loss of power can leave any beginning of the log, followed by garbage."""
    path = tmp_path / "ledger.sqlite"
    found = []
    with Ledger(path) as book:
        for event in story:
            event(book)
        log = path.with_name(f"{path.name}-wal").read_bytes()
        for number, size in enumerate([*range(0, len(log), 1371), len(log)]):
            copy = tmp_path / f"{number}.sqlite"
            shutil.copy(path, copy)
            copy.with_name(f"{copy.name}-wal").write_bytes(log[:size] + b"\xa5" * 2000)
            with Ledger(copy) as cut:
                found.append(chapters.index(contents(cut)))
    assert found == sorted(found)
    assert set(found) == set(range(len(chapters)))


def test_two_processes_lose_nothing(
    plan: Callable[..., Any],
    noon: datetime,
    tmp_path: Path,
    children: Any,
) -> None:
    path = tmp_path / "ledger.sqlite"
    won = [tmp_path / "won-0", tmp_path / "won-1"]

    def write(me: int) -> None:
        """Record own works, even or odd, and shared works that both processes try to record."""
        firsts = 0
        for number in range(me, 30, 2):
            with Ledger(path) as book:
                work, jobs = plan(number)
                assert book.record(work, jobs)
                firsts += book.record(*plan(100 + number // 2))
                for job in jobs:
                    book.sending(job.tag, noon)
                    book.submitted(job.tag, f"id-{job.tag}", noon)
                    book.finished(
                        job.tag, "done", values_PO=VALUES + me, std_errors_PO=VALUES, at=noon
                    )
        won[me].write_text(str(firsts))

    pids = [children.start(lambda me=me: write(me)) for me in (0, 1)]
    assert [children.wait(pid) for pid in pids] == [0, 0]
    assert sum(int(file.read_text()) for file in won) == 15  # exactly one process recorded each
    with Ledger(path) as book:
        contents(book)
        assert len(book.works()) == 45
        for number in range(30):
            for job in book.jobs(plan(number)[0].key):
                assert (job.state, job.attempts) == ("done", 1)
                np.testing.assert_array_equal(book.results(job.tag)[0], VALUES + number % 2)
        assert len(book.created_since(noon)) == 60


def test_several_processes_create_the_same_ledger(
    plan: Callable[..., Any],
    tmp_path: Path,
    children: Any,
    *,
    whole: bool,
) -> None:
    for trial in range(20 if whole else 4):
        path = tmp_path / f"{trial}" / "ledger.sqlite"
        start = time.monotonic() + 0.02

        def create(number: int, path: Path = path, start: float = start) -> None:
            time.sleep(max(0.0, start - time.monotonic() - 0.001))
            while time.monotonic() < start:
                pass
            with Ledger(path) as book:
                assert book.record(*plan(number))

        pids = [children.start(lambda number=number: create(number)) for number in range(4)]
        assert [children.wait(pid) for pid in pids] == [0] * 4
        with Ledger(path) as book:
            assert len(book.works()) == 4


def test_threads_share_a_ledger(plan: Callable[..., Any], noon: datetime, tmp_path: Path) -> None:
    failed = []
    with Ledger(tmp_path / "ledger.sqlite") as book:
        book.record(*plan())

        def send(number: int) -> None:
            try:
                for _ in range(20):
                    book.sending("qmoe-0-0", noon)
                    book.record(*plan(1 + number))
                    assert book.find(plan(1 + number)[0].key).title
            except BaseException:
                failed.append(number)
                raise

        threads = [threading.Thread(target=send, args=[number]) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        job = book.job("qmoe-0-0")
        assert job == replace(plan()[1][0], state="sending", attempts=120, sent_at=noon)
        assert len(book.created_since(noon)) == 120
        assert len(book.works()) == 7


def test_one_process_submits_at_a_time(
    tmp_path: Path,
    children: Any,
) -> None:
    path, counter = tmp_path / "ledger.sqlite", tmp_path / "counter"
    counter.write_text("0")

    def count() -> None:
        with Ledger(path) as book:
            for _ in range(10):
                with book.exclusive(timeout_s=60):
                    value = int(counter.read_text())
                    time.sleep(0.001)
                    counter.write_text(str(value + 1))

    threads = [threading.Thread(target=count) for _ in range(2)]
    pids = [children.start(count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [children.wait(pid) for pid in pids] == [0, 0]
    assert counter.read_text() == "40"


def test_the_holder_is_named_and_its_death_lets_go(
    tmp_path: Path,
    children: Any,
) -> None:
    path = tmp_path / "ledger.sqlite"
    reading, writing = os.pipe()

    def hold() -> None:
        with Ledger(path) as book, book.exclusive():
            os.write(writing, b".")
            time.sleep(60)

    pid = children.start(hold)
    os.read(reading, 1)
    with Ledger(path, timeout_s=0.2) as book:
        for wait in (None, 0.0, 0.1):
            with (
                pytest.raises(LedgerError, match=f"process {pid} on .*{path}"),
                book.exclusive(wait),
            ):
                pytest.fail("two at once")
        os.kill(pid, signal.SIGKILL)
        assert children.wait(pid) == -signal.SIGKILL
        with book.exclusive(timeout_s=1.0):
            pass
    os.close(reading)
    os.close(writing)


def test_a_failure_inside_lets_go(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as book:
        with pytest.raises(RuntimeError, match="mine"), book.exclusive():
            raise RuntimeError("mine")
        with book.exclusive(timeout_s=0.0):
            pass
