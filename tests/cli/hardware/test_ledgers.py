"""Ledgers that cannot be used, names that are not in them, and exports that cannot be written."""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from command_line import talk_to
from ibm_service import IBMService

from qmoe_qiskit.hardware.ledger.queries import LedgerReader
from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MANILA = "runtime:ibmq_manila"
FEW = ("--samples", "4", "--shots", "16")


@pytest.fixture(scope="module")
def service() -> Iterator[IBMService]:
    with IBMService(["ibmq_manila"]) as started:
        yield started


@pytest.fixture
def ibm(service: IBMService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IBMService:
    """One service for all tests: none of them sends anything."""
    talk_to(service, tmp_path, monkeypatch)
    return service


@pytest.fixture(scope="module")
def submitted(
    service: IBMService,
    qmoe: Callable[..., Any],
    run: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A ledger with a work whose job is at the service, and has ended there."""
    home = tmp_path_factory.mktemp("submitted")
    with pytest.MonkeyPatch.context() as patch:
        talk_to(service, home, patch)
        outcome = qmoe("submit", run, "--backend", MANILA, *FEW, "--yes")
    assert outcome.exit_code == 0, outcome.stderr
    assert any(r["method"] == "POST" and r["path"].endswith("/jobs") for r in service.requests)
    while not service.jobs[-1].is_final:
        time.sleep(0.005)
    return home / "ledger.sqlite"


@pytest.fixture
def recorded(ibm: IBMService, submitted: Path, tmp_path: Path) -> str:
    """The key of the work in `submitted`, of which there is a copy to spoil."""
    del ibm
    copy_ledger(submitted, tmp_path / "ledger.sqlite")
    with Ledger() as ledger:
        return ledger.works()[0].key


def copy_ledger(there: Path, here: Path) -> None:
    with closing(sqlite3.connect(there)) as source, closing(sqlite3.connect(here)) as copy:
        source.backup(copy)


def test_names_of_jobs(refused: Callable[..., None], recorded: str, run: Path) -> None:
    other = recorded[:5] + ("0" if recorded[5] != "0" else "1") + recorded[6:]
    with Ledger() as ledger:
        work = ledger.work(recorded)
        assert work is not None
        (job,) = ledger.jobs(recorded)
        fresh = {"state": "planned", "attempts": 0, "job_id": None}
        ledger.record(
            dataclasses.replace(work, key=other),
            [dataclasses.replace(job, key=other, tag="another", **fresh)],
        )
    for command in (["show"], ["collect"], ["cancel"], ["export", "--out", run / "out"]):
        refused("no work or job 'feed' in the ledger", "jobs", *command, "feed")
        refused("give at least 4 first characters", "jobs", *command, recorded[:3])
        refused(f"{recorded[:5]!r} begins more than one work", "jobs", *command, recorded[:5])
        refused("no work or job ''", "jobs", *command, "")


def test_where_exports_cannot_go(
    refused: Callable[..., None], recorded: str, tmp_path: Path
) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    (folder / "thesis.tex").write_text("mine")
    refused("is not empty: name a new folder", "jobs", "export", recorded, "--out", folder)
    file = folder / "thesis.tex"
    refused("is a file: name a folder with --out", "jobs", "export", recorded, "--out", file)
    refused("cannot be written", "jobs", "export", recorded, "--out", file / "below")
    assert [path.read_text() for path in folder.iterdir()] == ["mine"]


@pytest.mark.parametrize("damage", ["corrupt", "cut", "newer", "foreign", "folder", "below a file"])
def test_ledgers_that_cannot_be_used(
    *,
    damage: str,
    refused: Callable[..., None],
    recorded: str,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever was in them stays as it was."""
    path = tmp_path / "used.sqlite"
    copy_ledger(tmp_path / "ledger.sqlite", path)
    words = "is damaged, or no ledger"
    if damage == "corrupt":
        path.write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:50])
    elif damage == "newer":
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA user_version = 99")
        words = "is of schema 99, and this version of qmoe-qiskit reads up to"
    elif damage == "foreign":
        path.unlink()
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE mine (x)")
        words = "is the database of another application"
    elif damage == "folder":
        path.unlink()
        path.mkdir()
        words = "is not a file"
    else:
        path = path / "ledger.sqlite"
        words = "cannot be created"
    before = path.read_bytes() if path.is_file() else None
    monkeypatch.setenv("QMOE_LEDGER", str(path))
    submit = ("submit", run, "--backend", MANILA, *FEW, "--yes")
    refused(words, *submit)
    refused("name another ledger with --ledger or QMOE_LEDGER", *submit)
    for command in (["list"], ["show", recorded], ["collect"], ["cancel", recorded]):
        refused(words, "jobs", *command)
    monkeypatch.delenv("QMOE_LEDGER")
    refused(words, "estimate", run, "--backend", MANILA, "--ledger", path)
    assert (path.read_bytes() if path.is_file() else None) == before


# A column, what becomes of it, and the commands of qmoe jobs that have to read it.
DAMAGE = [
    ("jobs", "details", "'{\"a'", ["list", "show", "collect", "cancel", "export"]),
    ("works", "options", "'{'", ["show", "collect", "export"]),
    ("works", "options", "'{\"repetition\": -1}'", ["collect"]),
    ("works", "estimate", "'[]'", ["list", "show", "collect", "export"]),
    ("works", "estimate", "'{}'", ["show"]),
    ("works", "observables", "'[[1]]'", ["collect"]),
    ("works", "physical_qubits", "'7'", ["show", "collect", "export"]),
    ("works", "circuit_qpy", "substr(circuit_qpy, 1, 100)", ["show", "collect", "export"]),
    ("works", "circuit_qpy", "x'00' || circuit_qpy", ["show", "collect", "export"]),
    ("works", "points_PG", "x'00'", ["show", "collect", "export"]),
]


@pytest.mark.parametrize(("table", "column", "content", "commands"), DAMAGE)
def test_records_that_cannot_be_read(
    *,
    table: str,
    column: str,
    content: str,
    commands: list[str],
    refused: Callable[..., None],
    recorded: str,
    tmp_path: Path,
) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as ledger, ledger:
        ledger.execute(f"UPDATE {table} SET {column} = {content}")  # noqa: S608
    for command in commands:
        name = [] if command == "list" else [recorded]
        out = ["--out", tmp_path / "out"] if command == "export" else []
        refused("is damaged", "jobs", command, *name, *out)
        refused(
            "jobs stay at the service and are found by their tags", "jobs", command, *name, *out
        )
    assert not (tmp_path / "out").exists()


def test_a_locked_ledger(
    *,
    refused: Callable[..., None],
    qmoe: Callable[..., Any],
    recorded: str,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(LedgerReader.__init__.__kwdefaults__, "timeout_s", 0.2)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        options = ("--backend", MANILA, "--samples", "3", "--shots", "16", "--yes")
        refused("was locked by another program for 0.2 s: try again", "submit", run, *options)
        assert qmoe("jobs", "list").exit_code == 0  # which only reads
    assert qmoe("jobs", "show", recorded).exit_code == 0


def test_a_ledger_of_another_account(
    *,
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    recorded: str,
    tmp_path: Path,
) -> None:
    """The jobs stay as they are recorded."""
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE jobs SET job_id = 'd1234567890abcdefghi'")
    assert_refused(qmoe("jobs", "collect"), "this account has no job")
    with Ledger() as ledger:
        assert [job.state for job in ledger.jobs(recorded)] == ["submitted"]
