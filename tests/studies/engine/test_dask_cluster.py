"""A Dask cluster: a real scheduler and real workers, which die."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest
from studies.engine.small import Deadly, Small, pids

from qmoe_qiskit.errors import InputError, StudyError
from qmoe_qiskit.studies.engine.dask_cluster import Cluster
from qmoe_qiskit.studies.engine.runner import Progress, run_tasks

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager
    from pathlib import Path

pytest.importorskip("distributed", reason="needs the extra cluster")


OUTS = ("here", "there")


class Dask:
    """A scheduler and its workers."""

    def __init__(self, start: Callable[..., subprocess.Popen[str]]) -> None:
        self._start = start
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.cluster = Cluster(address=f"tcp://127.0.0.1:{self.port}", patience_s=60)

    def scheduler(self) -> subprocess.Popen[str]:
        here = ("--host", "127.0.0.1", "--port", self.port, "--no-dashboard")
        return self._start("distributed.cli.dask_scheduler", *here)

    def wait(self) -> None:
        """Wait until the scheduler answers."""
        limit = time.monotonic() + 240
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            assert time.monotonic() < limit
            time.sleep(0.01)

    def worker(self) -> subprocess.Popen[str]:
        here = ("--host", "127.0.0.1", "--nthreads", 1, "--no-nanny", "--no-dashboard")
        return self._start("distributed.cli.dask_worker", self.cluster.address, *here)


@pytest.fixture
def dask(start: Callable[..., subprocess.Popen[str]]) -> Dask:
    return Dask(start)


def tasks_of(n: int, log: Path) -> list[Small]:
    return [Small(seed=seed, seconds=0.02, log=str(log)) for seed in range(n)]


def test_a_cluster_gives_what_this_machine_gives_though_a_worker_is_killed(
    tmp_path: Path, dask: Dask
) -> None:
    dask.scheduler()
    workers = [dask.worker(), dask.worker()]
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
    tmp_path: Path, dask: Dask, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """`qmoe study --cluster`, to its report."""
    dask.scheduler()
    workers = [dask.worker(), dask.worker()]
    seeds, log = range(30), str(tmp_path / "log")
    (tmp_path / "small.toml").write_text(f"seconds = 0.02\nlog = {json.dumps(log)}")
    study = ("study", "small", "--seeds", len(seeds), "--settings", "small.toml", "--json")
    remote = start(
        "studies.engine.small_program", *study, "--out", "there", "--cluster", dask.cluster.address
    )
    while not {worker.pid for worker in workers} <= {p for seed in seeds for p in pids(log, seed)}:
        assert remote.poll() is None, remote.communicate()
        time.sleep(0.001)
    workers[0].kill()
    n_done = len(list((tmp_path / "there" / "tasks").glob("*.json")))
    stdout, stderr = remote.communicate(timeout=240)
    assert (remote.returncode, stderr) == (0, "")
    assert n_done < 2 * len(seeds)
    found = json.loads(stdout)
    assert found["tasks"] == {"total": 2 * len(seeds), "skipped": 0, "redone": {}}
    assert workers[1].poll() is None

    here = start("studies.engine.small_program", *study, "--out", "here", "--workers", 1)
    stdout, stderr = here.communicate(timeout=240)
    assert (here.returncode, stderr) == (0, "")
    assert json.loads(stdout) == {**found, "out": "here"}
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
    scheduler, worker = dask.scheduler(), dask.worker()
    tasks = tasks_of(30, tmp_path / "log")
    told: list[Progress] = []

    def report(progress: Progress) -> None:
        told.append(progress)
        if progress.done == 10:
            scheduler.kill()
            worker.kill()
            scheduler.wait(60)
            dask.scheduler()
            dask.worker()

    results = run_tasks(tasks, tmp_path, dask.cluster, report=report)
    assert [r.result for r in results] == [Small(seed=task.seed).run() for task in tasks]
    assert told[-1].restarts == 1


def test_a_scheduler_that_dies_for_good_is_an_error_that_says_how_to_go_on(
    tmp_path: Path, dask: Dask
) -> None:
    scheduler, _ = dask.scheduler(), dask.worker()
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
    dask.scheduler()
    n_started = 0
    log = tmp_path / "log"
    deadly = Deadly(seed=1, times=1000, log=str(log))

    def open_cluster() -> AbstractContextManager[Executor]:
        nonlocal n_started
        # Dask gives a task up when it has killed more than three workers.
        for _ in range(4):
            dask.worker()
            n_started += 1
        return dask.cluster()

    with pytest.raises(StudyError, match="workers died 3 times"):
        run_tasks([deadly], tmp_path, open_cluster)
    assert len(pids(str(log), 1)) == n_started == 12


def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path: Path, dask: Dask) -> None:
    absent = Cluster(address=dask.cluster.address, patience_s=0.5)
    with pytest.raises(StudyError, match=r"no Dask scheduler answers at 'tcp://.*' within 0.5 s"):
        run_tasks([Small(seed=1)], tmp_path, absent)


def test_a_cluster_without_workers_is_one_sentence(tmp_path: Path, dask: Dask) -> None:
    dask.scheduler()
    dask.wait()
    impatient = Cluster(address=dask.cluster.address, patience_s=2)
    with pytest.raises(StudyError, match=r"has no worker: start one \(dask worker tcp://"):
        run_tasks([Small(seed=1)], tmp_path, impatient)


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
