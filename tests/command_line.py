"""Fixtures: ways to call the command line, small runs to call it on, and a service to submit to."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ibm_service import IBMService

PROGRAMS = Path(__file__).parent / "programs"

# Options of a training that takes a tenth of a second: that of the fixture `run`.
SMALL = ("--samples", "60", "--layers", "1", "--epochs", "2")


class Outcome(Protocol):
    exit_code: int
    stdout: str
    stderr: str
    exception: BaseException | None


@pytest.fixture(scope="session")
def small() -> tuple[str, ...]:
    return SMALL


@pytest.fixture(scope="session")
def qmoe(keep: Callable[[str | bytes | None], None]) -> Iterator[Callable[..., Outcome]]:
    """Call the program in this process."""
    from typer import testing

    from qmoe_qiskit.cli import app

    def call(*arguments: object) -> Outcome:
        outcome: Outcome = testing.CliRunner().invoke(
            app, [str(argument) for argument in arguments]
        )
        for said in (outcome.stdout, outcome.stderr, repr(outcome.exception)):
            keep(said)
        return outcome

    with pytest.MonkeyPatch.context() as patch:
        # It would work all commands out anew for each call, which takes longer than most of them.
        patch.setattr(testing, "_get_command", functools.cache(testing._get_command))
        yield call


@pytest.fixture(scope="session")
def real_program() -> str:
    """The installed program: it takes seconds to import what it needs."""
    return str(Path(sys.executable).with_name("qmoe"))


@pytest.fixture(scope="session")
def make_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Make an executable that runs in a fork of a server which has imported everything."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # one server for all workers: it takes seconds to start
        folder = folder.parent
    folder /= "programs"
    folder.mkdir(exist_ok=True)
    address, alive = folder / "socket", folder / "alive"

    def make(kind: str) -> str:
        path = folder / kind
        words = [sys.executable, "-IS", str(PROGRAMS / "client.py"), str(address), kind]
        with alone_in(folder):
            if not path.exists():
                path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
                path.chmod(0o755)
        return str(path)

    server = None
    users = folder / "users"
    with alone_in(folder):
        if not address.exists():
            users.write_text("0")
            os.mkfifo(alive)
            server = start_fork_server(address, alive)
        users.write_text(str(int(users.read_text()) + 1))
        held = os.open(alive, os.O_WRONLY)
    yield make
    with alone_in(folder):
        n_users = int(users.read_text()) - 1
        users.write_text(str(n_users))
        if n_users == 0:  # the next one, if there is one, starts another server
            address.unlink()
            alive.unlink()
    os.close(held)
    if server is not None:
        server.wait()


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep the other workers away."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start_fork_server(address: Path, alive: Path) -> subprocess.Popen[bytes]:
    """Start a fork server, which ends when nobody has the pipe `alive` open any more."""
    reading = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen(64)
        server = subprocess.Popen(
            [sys.executable, str(PROGRAMS / "fork_server.py"), str(listening.fileno())],
            stdin=reading,
            pass_fds=[listening.fileno()],
        )
    os.close(reading)
    return server


@pytest.fixture(scope="session")
def program(make_program: Callable[..., str]) -> str:
    """The program `qmoe` as a process of its own, without the seconds of its imports."""
    return make_program("qmoe")


@pytest.fixture(scope="session")
def python(make_program: Callable[..., str]) -> str:
    """A Python that has imported the libraries and runs the script that comes first."""
    return make_program("script")


@pytest.fixture(scope="session")
def qmoe_process(program: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call the program in a process of its own."""

    def call(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = [program, *(str(argument) for argument in arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)

    return call


@pytest.fixture(scope="session")
def the_document() -> Callable[[str], Any]:
    """Read one JSON document, strictly: nothing around it, and no NaN in it."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in JSON")

    def read(text: str) -> Any:
        return json.loads(text, parse_constant=refuse)

    return read


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file with text labels."""
    from qmoe_qiskit.data import load_dataset

    path = tmp_path_factory.mktemp("data") / "points.csv"
    points = load_dataset("moons", n_samples=60)
    names = ("upper arc", "lower, arc")
    rows = [
        f'{a},{b},"{names[label]}"'
        for (a, b), label in zip(points.features_NF.tolist(), points.labels_N, strict=True)
    ]
    path.write_text("\n".join(["a,b,arc", *rows]) + "\n")
    return path


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run on moons, without figures; not to be changed."""
    from qmoe_qiskit.runs import TrainingRequest, train_run

    out = tmp_path_factory.mktemp("moons") / "run"
    train_run(TrainingRequest(n_samples=60, n_layers=1, max_epochs=2, control="linear"), out)
    return out


@pytest.fixture(scope="session")
def file_run(table: Path) -> Path:
    """A complete run on the CSV file, without figures; not to be changed."""
    from qmoe_qiskit.runs import TrainingRequest, train_run

    out = table.parent / "run"
    request = TrainingRequest(data=str(table), target="arc", max_epochs=2, router="linear")
    train_run(request, out)
    return out


@pytest.fixture
def ibm_devices() -> list[str]:
    """The devices of the service, for modules to replace."""
    return ["ibmq_manila", "ibm_torino"]


@pytest.fixture
def ibm(
    ibm_devices: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[IBMService]:
    """A loopback IBM Quantum service with an account, on the Open plan, and an empty ledger."""
    from ibm_service import IBMService

    with IBMService(ibm_devices) as service:
        talk_to(service, tmp_path, monkeypatch)
        yield service


def talk_to(service: IBMService, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have programs talk to a service, with a ledger of their own in a folder."""
    for name, value in service.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("QMOE_LEDGER", str(home / "ledger.sqlite"))
    # The user's own account is out of reach, here and in programs that are started.
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(
        "qiskit_ibm_runtime.accounts.management._DEFAULT_ACCOUNT_CONFIG_JSON_FILE",
        str(home / ".qiskit" / "qiskit-ibm.json"),
    )


@pytest.fixture(scope="session")
def assert_refused() -> Callable[[Outcome, str], None]:
    """One sentence on stderr, nothing on stdout, exit code 2."""

    def check(outcome: Outcome, words: str) -> None:
        assert outcome.exit_code == 2, (outcome.stderr, outcome.exception)
        assert outcome.stdout == ""
        assert outcome.stderr.startswith("error: ")
        assert outcome.stderr.count("\n") == 1
        assert words in outcome.stderr

    return check


@pytest.fixture
def document(qmoe: Callable[..., Any], the_document: Callable[[str], Any]) -> Callable[..., Any]:
    """Call the program, which must succeed, and return its JSON document."""

    def call(*arguments: object) -> Any:
        outcome = qmoe(*arguments, "--json")
        assert outcome.exit_code == 0, (outcome.stderr, outcome.exception)
        return the_document(outcome.stdout)

    return call


@pytest.fixture
def said(qmoe: Callable[..., Any]) -> Callable[..., str]:
    """Call the program, which must succeed, and return what it says, without line breaks."""

    def call(*arguments: object) -> str:
        outcome = qmoe(*arguments)
        assert outcome.exit_code == 0, (outcome.stderr, outcome.exception)
        assert "…" not in outcome.stdout  # 80 columns suffice
        return " ".join(outcome.stdout.split())

    return call


@pytest.fixture
def refused(
    ibm: IBMService, qmoe: Callable[..., Any], assert_refused: Callable[[Any, str], None]
) -> Callable[..., None]:
    """Call the program, which must refuse, and send nothing."""

    def check(words: str, *arguments: object) -> None:
        requests = len(ibm.requests)
        assert_refused(qmoe(*arguments), words)
        made = {(request["method"], request["path"]) for request in ibm.requests[requests:]}
        assert not {(m, path) for m, path in made if m == "POST" and path.endswith("/jobs")}

    return check
