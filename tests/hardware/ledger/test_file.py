"""The file of the ledger: its path, its permissions, and the disk it lies on."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hardware.ledger.full_ledger import fill, read_all
from hardware.ledger.job_rows import all_jobs

from qmoe_qiskit.errors import HardwareError, InputError, LedgerError
from qmoe_qiskit.hardware.ledger import schema as ledger_schema
from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime


@pytest.fixture
def full(tmp_path: Path, plan: Callable[..., Any], noon: datetime) -> Path:
    path = tmp_path / "ledger.sqlite"
    fill(path, plan, noon)
    return path


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The most permissive umask: the ledger itself must restrict access."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.usefixtures("open_umask")
def test_only_the_owner_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Callable[..., Any]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("QMOE_LEDGER", raising=False)
    with Ledger() as book, book.exclusive():
        book.record(*plan())
        assert book.path == tmp_path / ".qmoe" / "ledger.sqlite"
        assert mode(book.path.parent) == 0o700
        names = {"ledger.sqlite" + end for end in ("", "-wal", "-shm", ".lock")}
        assert {file.name for file in book.path.parent.iterdir()} == names
        assert {mode(file) for file in book.path.parent.iterdir()} == {0o600}


@pytest.mark.usefixtures("open_umask")
def test_an_empty_file_is_a_new_ledger_and_a_ledger_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.touch()
    for wanted in (0o600, 0o640):
        with Ledger(path):
            assert mode(path) == wanted & ~0o040 or mode(path) == wanted
        path.chmod(0o640)
    assert mode(path) == 0o640


def test_the_environment_names_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value, expected in (("~/my.sqlite", "my.sqlite"), ("", ".qmoe/ledger.sqlite")):
        monkeypatch.setenv("QMOE_LEDGER", value)
        with Ledger() as book:
            assert book.path == tmp_path / expected
    with Ledger(tmp_path / "given.sqlite") as book:
        assert book.path.name == "given.sqlite"
    (tmp_path / "link.sqlite").symlink_to(tmp_path / "given.sqlite")
    with Ledger(tmp_path / "link.sqlite") as book:  # one lock for both names
        assert book.path == tmp_path / "given.sqlite"


def test_opening_is_quick(full: Path) -> None:
    times = []
    for _ in range(20):
        start = time.process_time()
        book = Ledger(full)
        times.append(time.process_time() - start)
        book.close()
    assert min(times) < 0.02


def test_what_a_power_loss_may_take(full: Path) -> None:
    with Ledger(full) as book:
        (journal,) = book._connection.execute("PRAGMA journal_mode").fetchone()
        (synchronous,) = book._connection.execute("PRAGMA synchronous").fetchone()
        (foreign,) = book._connection.execute("PRAGMA foreign_keys").fetchone()
    assert (journal, synchronous, foreign) == ("wal", 2, 1)  # 2: FULL


def test_a_locked_ledger_can_be_read_and_says_so_when_written(
    full: Path, plan: Callable[..., Any]
) -> None:
    other = sqlite3.connect(full, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Ledger(full, timeout_s=0.05) as book:
        assert len(read_all(book)) == 16
        with pytest.raises(LedgerError, match=rf"{full}.* locked by another .* 0\.05 s"):
            book.record(*plan(9))
        other.execute("ROLLBACK")
        assert book.record(*plan(9))
    other.close()


def test_a_ledger_that_is_locked_while_it_is_created(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerError, match="locked by another"):
        Ledger(path, timeout_s=0.05)
    other.close()
    Ledger(path).close()


def test_creating_a_ledger_waits_for_others(tmp_path: Path) -> None:
    """Turning the write-ahead log on: here SQLite itself gives up at once."""
    path = tmp_path / "ledger.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    leave = threading.Timer(0.1, lambda: other.execute("ROLLBACK"))
    leave.start()
    Ledger(path).close()
    leave.join()
    other.close()


def test_a_newer_schema_is_left_alone(full: Path) -> None:
    other = sqlite3.connect(full)
    other.execute(f"PRAGMA user_version = {ledger_schema.VERSION + 1}")
    other.close()
    before = full.read_bytes()
    with pytest.raises(LedgerError, match=r"schema 3, .* reads up to 2: update qmoe-qiskit"):
        Ledger(full)
    assert full.read_bytes() == before


def test_an_older_schema_is_led_to_the_present_one(
    full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = {2: ("ALTER TABLE jobs ADD COLUMN plan TEXT",), 3: ("CREATE TABLE teams (name TEXT)",)}
    monkeypatch.setattr(ledger_schema, "MIGRATIONS", steps)
    monkeypatch.setattr(ledger_schema, "VERSION", 4)
    for _ in range(2):
        with Ledger(full) as book:
            assert len(read_all(book)) == 16
            assert book._connection.execute("SELECT plan FROM jobs").fetchall()
            assert not book._connection.execute("SELECT * FROM teams").fetchall()


def test_a_ledger_of_schema_1_is_led_to_the_present_one(
    full: Path, plan: Callable[..., Any]
) -> None:
    """In schema 1, circuits had no checksum."""
    with closing(sqlite3.connect(full)) as other, other:
        other.execute(
            "UPDATE works SET circuit_qpy = substr(circuit_qpy, 1, length(circuit_qpy) - 4)"
        )
        other.execute("PRAGMA user_version = 1")
    for _ in range(2):
        with Ledger(full) as book:
            assert len(read_all(book)) == 16
            for number in range(4):
                expected, jobs = plan(number)
                assert book.find(jobs[0].tag).circuit_qpy == expected.circuit_qpy
    with closing(sqlite3.connect(full)) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (2,)


@pytest.mark.parametrize("application_id", [0, 7])
def test_the_database_of_another_application_is_left_alone(
    tmp_path: Path, application_id: int
) -> None:
    path = tmp_path / "places.sqlite"
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA application_id = {application_id}")
    other.execute("CREATE TABLE jobs (tag TEXT)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(
        LedgerError, match=rf"{path}.* another application.*--ledger or QMOE_LEDGER"
    ):
        Ledger(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_full_disk_takes_nothing_away(
    full: Path, plan: Callable[..., Any], noon: datetime
) -> None:
    with Ledger(full) as book:
        before = all_jobs(book)
        (pages,) = book._connection.execute("PRAGMA page_count").fetchone()
        book._connection.execute(f"PRAGMA max_page_count = {pages}")
        book.submitted("qmoe-0-1", "job-x", noon)
        wide_PO = np.ones((2, 5000))
        big: dict[str, Any] = {"values_PO": wide_PO, "std_errors_PO": wide_PO, "at": noon}
        with pytest.raises(LedgerError, match=rf"{full}.*full.*make room"):
            book.finished("qmoe-0-1", "done", **big)
        with pytest.raises(LedgerError, match="make room"):
            book.record(*plan(9, circuit_qpy=bytes(100_000)))
        assert [job.state for job in book.jobs(plan(0)[0].key)] == ["done", "submitted"]
        assert len(all_jobs(book)) == len(before)
        book._connection.execute(f"PRAGMA max_page_count = {pages + 100}")
        book.finished("qmoe-0-1", "done", **big)
        np.testing.assert_array_equal(book.results("qmoe-0-1")[0], wide_PO)


def test_a_disk_that_refuses_writes(full: Path, plan: Callable[..., Any], children: Any) -> None:
    """The operating system's limit on the size of a file, in the middle of a transaction."""

    def write() -> None:
        with Ledger(full) as book:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
            with pytest.raises(LedgerError, match="make room"):
                book.record(*plan(9, circuit_qpy=bytes(200_000)))
            assert book.work(plan(9)[0].key) is None
            assert book.record(*plan(10))

    assert children.wait(children.start(write)) == 0
    with Ledger(full) as book:
        assert len(book.works()) == 5
        assert len(read_all(book)) == 18


def test_places_where_no_ledger_can_be(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=f"'{tmp_path}' is not a file"):
        Ledger(tmp_path)
    with pytest.raises(LedgerError, match="'/dev/null' is not a file"):
        Ledger("/dev/null")
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "ledger.sqlite", tmp_path / ("x" * 300)):
        with pytest.raises(LedgerError, match=rf"{path}.*cannot be created"):
            Ledger(path)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in (tmp_path / "loop", "nul\0character"):
        with pytest.raises(LedgerError, match=r"(loop|nul).* cannot be .*QMOE_LEDGER"):
            Ledger(name)


def test_without_the_right_to_write(
    plan: Callable[..., Any], noon: datetime, children: Any
) -> None:
    with tempfile.TemporaryDirectory() as name:  # other users must be able to enter the folder
        folder = Path(name)
        fill(folder / "ledger.sqlite", plan, noon)
        shutil.copy(folder / "ledger.sqlite", folder / "readonly.sqlite")
        for file in folder.iterdir():
            file.chmod(0o444)

        def use() -> None:
            if os.geteuid() == 0:
                os.setuid(65534)  # root can write anywhere
            with pytest.raises(LedgerError, match=r"new\.sqlite.* writable"):
                Ledger(folder / "new.sqlite")
            with pytest.raises(LedgerError, match=r"ledger\.sqlite.* folder writable"):
                fill(folder / "ledger.sqlite", plan, noon)
            with pytest.raises(LedgerError, match=r"sub.* writable"):
                Ledger(folder / "sub" / "ledger.sqlite")

        folder.chmod(0o555)
        assert children.wait(children.start(use)) == 0
        folder.chmod(0o777)

        def use_file() -> None:
            if os.geteuid() == 0:
                os.setuid(65534)
            with Ledger(folder / "readonly.sqlite") as book:
                assert len(read_all(book)) == 16
                with pytest.raises(LedgerError, match=r"readonly\.sqlite.* writable"):
                    book.record(*plan(9))

        assert children.wait(children.start(use_file)) == 0


def test_a_ledger_error_is_an_error_of_hardware_and_not_of_input() -> None:
    assert issubclass(LedgerError, HardwareError)
    assert not issubclass(LedgerError, InputError)
