"""`qmoe study`, killed again and again: no result is lost, none is made twice.

A sample does so with a study of small tasks, the trials with one that trains.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import itertools
import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from qmoe_qiskit.studies.engine.folder import RECORD

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    import numpy as np

WORKERS = 2
N_TASKS = 32
# The settings of each study, and how many tasks a seed has.
SETTINGS = {
    "ablation": ("n_samples = 120\nepochs = 10\nlayers = 1\nlearning_rates = [0.05]", 16),
    "small": ("seconds = 0.02", 2),
}
# At which change of a file a program dies that has stored no result, but has nearly finished one.
NEARLY = 8
# How often it is looked where a program stands.
LOOK_S = 0.002


class Programs:
    """Starts `qmoe study` in folders, by a fork server."""

    def __init__(
        self,
        study: str,
        start: Callable[..., subprocess.Popen[str]],
        is_running: Callable[[int], bool],
        folder: Path,
    ) -> None:
        self.is_running = is_running
        self._study = study
        self._log = folder / f"log of {study}"
        self._fork_server = start("studies.engine.fork_server", study, self._log)
        # Once a task has ended, the server of the workers has loaded the libraries.
        self.start(folder / study, event=NEARLY)
        assert self.status() == -signal.SIGKILL

    def start(self, cwd: Path, *, event: int = 0) -> int:
        """Start the study in a folder, and return the number of the process."""
        cwd.mkdir(exist_ok=True)
        settings, tasks_per_seed = SETTINGS[self._study]
        (cwd / "small.toml").write_text(settings)
        arguments = (
            *("study", self._study, "--settings", "small.toml", "--out", "study", "--json"),
            *("--workers", str(WORKERS), "--seeds", str(N_TASKS // tasks_per_seed)),
        )
        order = {"cwd": str(cwd), "arguments": arguments, "event": event}
        assert self._fork_server.stdin is not None
        self._fork_server.stdin.write(json.dumps(order) + "\n")
        self._fork_server.stdin.flush()
        return self._read()

    def status(self) -> int:
        """Wait for the process to end."""
        return self._read()

    def begun(self) -> Counter[str]:
        """How often each training has begun, by the hash of its task."""
        return Counter(self._log.read_text().split() if self._log.exists() else ())

    def _read(self) -> int:
        assert self._fork_server.stdout is not None
        return int(self._fork_server.stdout.readline())


@pytest.fixture(scope="module")
def programs_of(
    start_for_all: Callable[..., subprocess.Popen[str]],
    is_running: Callable[[int], bool],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Programs]:
    folder = tmp_path_factory.mktemp("programs")
    return functools.cache(lambda study: Programs(study, start_for_all, is_running, folder))


@pytest.fixture
def programs(programs_of: Callable[[str], Programs], *, whole: bool) -> Programs:
    return programs_of("ablation" if whole else "small")


def names(cwd: Path) -> list[str]:
    """Return the names of the files of the study in a folder, but for parts of files."""
    return [
        (Path(folder) / name).relative_to(cwd / "study").as_posix()
        for folder, _, inside in os.walk(cwd / "study")
        for name in inside
        if not name.endswith(".part")
    ]


def stored(cwd: Path) -> dict[str, bytes]:
    """Return the result files in a folder, by the hash of the task."""
    return {path.stem: path.read_bytes() for path in (cwd / "study" / "tasks").glob("*.json")}


def found(cwd: Path) -> dict[str, Any]:
    """Return all that a finished study says: its files, without times, and what it printed."""
    said: dict[str, Any] = {name: (cwd / "study" / name).read_bytes() for name in names(cwd)}
    for name in names(cwd):
        if name.startswith("tasks/"):
            said[name] = {**json.loads(said[name]), "seconds": None}
    rows = csv.reader(said["tasks.csv"].decode().splitlines())
    said["tasks.csv"] = [row[:-1] for row in rows]
    said["printed"] = json.loads((cwd / "stdout").read_bytes())
    said["printed"]["tasks"]["skipped"] = None
    return said


class Moment(NamedTuple):
    """When to kill: some seconds after there are a number of files of the study."""

    n_files: int
    delay_s: float


def run(programs: Programs, cwd: Path) -> list[float]:
    """Run the study to its end; returns after how many seconds each file was there, and the end."""
    begun = time.monotonic()
    pid = programs.start(cwd)
    came: list[float] = []
    while programs.is_running(pid):
        came += [time.monotonic() - begun] * (len(names(cwd)) - len(came))
        time.sleep(LOOK_S)
    assert programs.status() == 0, (cwd / "stderr").read_text()
    assert said(cwd) == []
    return [*came, time.monotonic() - begun]


def said(cwd: Path) -> list[str]:
    """What the program wrote to stderr, apart from the warning that so few seeds decide nothing."""
    lines = (cwd / "stderr").read_text().splitlines()
    return [line for line in lines if "cannot decide any" not in line]


def moments(came: list[float], rng: np.random.Generator, n_kills: int) -> list[Moment]:
    """Return moments drawn evenly from a life, in order.

    They are told by progress: a program that goes on has less before it than the first one had, and
    a busy machine kills where an idle one does.
    """
    found = []
    for at in sorted(rng.uniform(0, came[-1], size=n_kills)):
        n_files = sum(file_at <= at for file_at in came)
        found.append(Moment(n_files, at - came[n_files - 1] if n_files else at))
    return found


def killed(programs: Programs, cwd: Path, moment: Moment) -> bool:
    """Start the study and kill it; False if it was done before."""
    record = cwd / "study" / RECORD
    before = record.stat().st_ino if record.exists() else None
    pid = programs.start(cwd)

    def is_there() -> bool:
        # Every start writes the record anew.
        changed = record.exists() and record.stat().st_ino != before
        return moment.n_files == 0 or (changed and len(names(cwd)) >= moment.n_files)

    while programs.is_running(pid) and not is_there():
        time.sleep(LOOK_S)
    time.sleep(moment.delay_s)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    status = programs.status()
    assert said(cwd) == []
    assert status in {0, -signal.SIGKILL}
    return status != 0


def test_killed_at_random_moments_it_loses_nothing_and_finds_the_same_bit_for_bit(
    programs: Programs, tmp_path: Path, rng: np.random.Generator, *, whole: bool
) -> None:
    cwd, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    begun = programs.begun()
    came = run(programs, undisturbed)
    trained = programs.begun() - begun
    # A worker of the test before may still begin a task of its own.
    assert len(trained) >= len(stored(undisturbed)) == N_TASKS

    before: dict[str, bytes] = {}
    in_work: list[int] = []
    for moment in moments(came, rng, 20 if whole else 4):
        begun = programs.begun()
        for _ in range(5):
            if killed(programs, cwd, moment):
                break
            moment = moment._replace(delay_s=moment.delay_s / 2)  # noqa: PLW2901
        else:
            pytest.fail(f"it ends sooner than {moment}")
        after, again = stored(cwd), programs.begun() - begun
        assert {key: after.get(key) for key in before} == before
        assert not again.keys() & before.keys()
        in_work.append(again.total() - len(after.keys() - before.keys()))
        before = after
    # Of each worker one under way, and some on their way to where they are stored.
    assert max(in_work) <= 4 * WORKERS

    begun = programs.begun()
    run(programs, cwd)
    assert found(cwd) == found(undisturbed)
    assert {key: stored(cwd)[key] for key in before} == before
    assert (programs.begun() - begun).keys() == stored(cwd).keys() - before.keys()
    assert not list(cwd.rglob("*.part"))


def test_killed_at_each_of_its_first_writes_it_goes_on(programs: Programs, tmp_path: Path) -> None:
    cwd = tmp_path / "killed"
    for event in itertools.count(1):
        programs.start(cwd, event=event)
        assert programs.status() == -signal.SIGKILL, (event, (cwd / "stderr").read_text())
        if stored(cwd):
            break
    assert event > 8  # making the folder, three for the record, four for the first result
    run(programs, cwd)
    assert not list(cwd.rglob("*.part"))
