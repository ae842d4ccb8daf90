"""A Dask cluster: a real scheduler and real workers, which die."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from studies.engine.small import Deadly, Small, pids

from qmoe_qiskit.errors import InputError, StudyError
from qmoe_qiskit.studies.engine.dask_cluster import Cluster
from qmoe_qiskit.studies.engine.runner import Progress, run_tasks
from qmoe_qiskit.studies.registry import STUDIES

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any

    from qmoe_qiskit.studies.engine.runner import OpenExecutor

pytest.importorskip("distributed", reason="needs the extra cluster")


OUTS = ("here", "there")


class Dask:
    """A scheduler and its workers; tests kill them, and the next one starts what it lacks."""

    def __init__(self, start: Callable[..., subprocess.Popen[str]]) -> None:
        self._start = start
        self.port = free_port()
        self.cluster = Cluster(address=f"tcp://127.0.0.1:{self.port}", patience_s=60)
        self.scheduler: subprocess.Popen[str] | None = None
        self.workers: list[subprocess.Popen[str]] = []

    def with_workers(self, n: int) -> Dask:
        """Start a scheduler and workers, as far as they do not run."""
        if self.scheduler is None or self.scheduler.poll() is not None:
            self.kill()
            here = ("--host", "127.0.0.1", "--port", self.port, "--no-dashboard")
            self.scheduler = self._start("distributed.cli.dask_scheduler", *here)
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < n:
            self.add_worker()
        return self

    def add_worker(self) -> None:
        here = ("--host", "127.0.0.1", "--nthreads", 1, "--no-nanny", "--no-dashboard")
        worker = self._start("distributed.cli.dask_worker", self.cluster.address, *here)
        self.workers.append(worker)

    def kill(self) -> None:
        """Kill the scheduler and all workers."""
        for process in (*self.workers, *([self.scheduler] if self.scheduler else [])):
            process.kill()
            process.wait(60)

    def wait(self) -> None:
        """Wait until the scheduler answers."""
        limit = time.monotonic() + 240
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            assert time.monotonic() < limit
            time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def dask(start_for_all: Callable[..., subprocess.Popen[str]]) -> Dask:
    return Dask(start_for_all)


def tasks_of(n: int, log: Path) -> list[Small]:
    return [Small(seed=seed, seconds=0.02, log=str(log)) for seed in range(n)]


def test_a_cluster_without_workers_is_one_sentence(tmp_path: Path, dask: Dask) -> None:
    dask.kill()
    dask.with_workers(0).wait()
    impatient = Cluster(address=dask.cluster.address, patience_s=2)
    with pytest.raises(StudyError, match=r"has no worker: start one \(dask worker tcp://"):
        run_tasks([Small(seed=1)], tmp_path, impatient)


def test_a_cluster_gives_what_this_machine_gives_though_a_worker_is_killed(
    tmp_path: Path, dask: Dask
) -> None:
    workers = dask.with_workers(2).workers[:2]
    tasks = tasks_of(60, tmp_path / "log")
    told: list[Progress] = []

    def report(progress: Progress) -> None:
        told.append(progress)
        used = {pid for task in tasks for pid in pids(task.log, task.seed)}
        if {worker.pid for worker in workers} <= used and workers[0].poll() is None:
            workers[0].kill()

    results = run_tasks(tasks, tmp_path, dask.cluster, report=report)
    assert workers[0].wait(60) == -9
    assert [result.task for result in results] == tasks
    assert [r.result for r in results] == [Small(seed=task.seed).run() for task in tasks]
    assert told[-1].restarts == 0


def test_the_program_finds_on_a_cluster_what_it_finds_here_though_a_worker_is_killed(
    tmp_path: Path,
    dask: Dask,
    qmoe: Callable[..., Any],
    two_processes: OpenExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`qmoe study --cluster`, to its report."""
    assert two_processes  # their server serves `qmoe study` too
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(STUDIES, "small", "studies.engine.small:STUDY")
    workers = dask.with_workers(2).workers[:2]
    seeds, log = range(30), str(tmp_path / "log")
    (tmp_path / "small.toml").write_text(f"seconds = 0.02\nlog = {json.dumps(log)}")
    study = ("study", "small", "--seeds", len(seeds), "--settings", "small.toml", "--json")
    n_done: list[int] = []
    is_over = threading.Event()

    def kill_one() -> None:
        wanted = {worker.pid for worker in workers}
        while not wanted <= {pid for seed in seeds for pid in pids(log, seed)}:
            if is_over.wait(0.005):
                return
        workers[0].kill()
        n_done.append(len(list((tmp_path / "there" / "tasks").glob("*.json"))))

    killing = threading.Thread(target=kill_one)
    killing.start()
    there = qmoe(*study, "--out", "there", "--cluster", dask.cluster.address)
    is_over.set()
    killing.join()
    assert (there.exit_code, there.stderr) == (0, "")
    assert n_done[0] < 2 * len(seeds)
    found = json.loads(there.stdout)
    assert found["tasks"] == {"total": 2 * len(seeds), "skipped": 0, "redone": {}}
    assert [worker.poll() for worker in workers] == [-9, None]

    here = qmoe(*study, "--out", "here", "--workers", 1)
    assert (here.exit_code, here.stderr) == (0, "")
    assert json.loads(here.stdout) == {**found, "out": "here"}
    tables = [name for name in found["files"] if name.startswith("tables/")]
    contents = [[(tmp_path / out / name).read_bytes() for name in tables] for out in OUTS]
    assert contents[0] == contents[1] != []
    results = [
        {path.name: json.loads(path.read_text())["result"] for path in paths}
        for paths in ((tmp_path / out / "tasks").glob("*.json") for out in OUTS)
    ]
    assert results[0] == results[1]
    assert len(results[0]) == 2 * len(seeds)


def test_tasks_go_on_when_a_scheduler_returns(tmp_path: Path, dask: Dask) -> None:
    dask.with_workers(1)
    tasks = tasks_of(30, tmp_path / "log")
    told: list[Progress] = []

    def report(progress: Progress) -> None:
        told.append(progress)
        if progress.done == 10:
            dask.kill()
            dask.with_workers(1)

    results = run_tasks(tasks, tmp_path, dask.cluster, report=report)
    assert [r.result for r in results] == [Small(seed=task.seed).run() for task in tasks]
    assert told[-1].restarts == 1


def test_a_scheduler_that_dies_for_good_is_an_error_that_says_how_to_go_on(
    tmp_path: Path, dask: Dask
) -> None:
    dask.with_workers(1)
    scheduler = dask.scheduler
    assert scheduler is not None
    tasks = tasks_of(30, tmp_path / "log")
    patient = dask.cluster
    impatient = Cluster(address=patient.address, patience_s=0.5)
    opened = []

    def open_cluster() -> AbstractContextManager[Executor]:
        opened.append(1)
        return (patient if len(opened) == 1 else impatient)()

    def report(progress: Progress) -> None:
        if progress.done == 5:
            scheduler.kill()

    with pytest.raises(StudyError, match="no Dask scheduler answers") as error:
        run_tasks(tasks, tmp_path, open_cluster, report=report)
    assert patient.address in str(error.value)
    assert "finished results are kept, and the same command goes on" in str(error.value)
    assert len(list((tmp_path / "tasks").iterdir())) >= 5


@pytest.mark.trial
def test_a_task_that_kills_every_worker_is_given_up(tmp_path: Path, dask: Dask) -> None:
    dask.kill()
    dask.with_workers(0)
    n_started = 0
    log = tmp_path / "log"
    deadly = Deadly(seed=1, times=1000, log=str(log))

    def open_cluster() -> AbstractContextManager[Executor]:
        nonlocal n_started
        # Dask gives a task up when it has killed more than three workers.
        for _ in range(4):
            dask.add_worker()
            n_started += 1
        return dask.cluster()

    with pytest.raises(StudyError, match="workers died 3 times"):
        run_tasks([deadly], tmp_path, open_cluster)
    assert len(pids(str(log), 1)) == n_started == 12


def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    absent = Cluster(address=f"tcp://127.0.0.1:{free_port()}", patience_s=0.5)
    with pytest.raises(StudyError, match=r"no Dask scheduler answers at 'tcp://.*' within 0.5 s"):
        run_tasks([Small(seed=1)], tmp_path, absent)


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:8786", "http://127.0.0.1:80", "tcp://host", "tcp://host:x"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="no address of a Dask scheduler"):
        Cluster(address=address)


def test_without_dask_what_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match="pip install dask distributed"):
        Cluster(address="tcp://127.0.0.1:8786")
