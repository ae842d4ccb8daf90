"""Clients as processes: the results of one process, and what happens when processes are killed.

Each process takes seconds to import its libraries. Where no trial runs, they are forks of a server
that has imported them; the trials start them as users do.
"""

from __future__ import annotations

import _ssl
import os
import signal
import ssl
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nvflare.fuel.f3.comm_config import CommConfigurator

from qmoe_qiskit.data import Dataset, load_dataset
from qmoe_qiskit.errors import FederationError, InputError
from qmoe_qiskit.federated import FederatedRun, Round, federate, partition
from qmoe_qiskit.federated.nvflare import cells
from qmoe_qiskit.federated.nvflare import engine as engines
from qmoe_qiskit.train import QMoEClassifier

pytestmark = pytest.mark.process

SETTINGS: dict[str, Any] = {"rounds": 4, "share": "router", "seed": 6}


@pytest.fixture(scope="module")
def parts() -> tuple[Dataset, ...]:
    return partition(load_dataset("moons", n_samples=120, seed=1), 4, "dirichlet:0.6", seed=2)


@pytest.fixture(autouse=True)
def certificates_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what conftest.py does for all tests that speak no TLS."""
    read = _ssl._SSLContext.load_verify_locations
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", read)


SITE = textwrap.dedent("""
    import os, runpy, sys
    from pathlib import Path

    _, _, module, folder, *_ = sys.argv  # after -m
    Path(folder, "pid").write_text(str(os.getpid()))
    sys.argv = sys.argv[2:]
    runpy.run_module(module, run_name="__main__")
""")


@pytest.fixture(scope="module")
def forking(python: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python whose modules, which are sites, run in forks; they write down their process."""
    folder = tmp_path_factory.mktemp("sites")
    (folder / "site.py").write_text(SITE)
    (folder / "python").write_text(f'#!/bin/sh\nexec "{python}" "{folder}/site.py" "$@"\n')
    (folder / "python").chmod(0o755)
    return str(folder / "python")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[engines.NVFlareEngine]]:
    """The engines that a test starts, whose processes must be gone at its end."""
    known: list[engines.NVFlareEngine] = []
    enter = engines.NVFlareEngine.__enter__

    def remember(engine: engines.NVFlareEngine) -> engines.NVFlareEngine:
        known.append(engine)
        return enter(engine)

    monkeypatch.setattr(engines.NVFlareEngine, "__enter__", remember)
    yield known
    assert [pid for one in known for pid in one.process_ids.values() if is_alive(pid)] == []


def sites_of(engine: engines.NVFlareEngine) -> list[int]:
    """Return the processes of an engine's forked sites, which those that it started stand for."""
    return [int((folder / "pid").read_text()) for folder in engine._sites.values()]


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return status != "Z"


def wait_until_gone(pids: list[int]) -> None:
    while any(map(is_alive, pids)):  # pytest's own timeout ends it
        time.sleep(0.01)


def listening(process: int) -> set[str]:
    """Return the addresses on which a process listens, as /proc has them."""
    links = (path for path in Path(f"/proc/{process}/fd").iterdir() if path.is_symlink())
    sockets = {str(link.readlink()) for link in links if os.path.lexists(link)}
    lines = Path("/proc/self/net/tcp").read_text().splitlines()[1:]
    lines += Path("/proc/self/net/tcp6").read_text().splitlines()[1:]
    entries = [line.split() for line in lines]
    return {
        e[1].partition(":")[0] for e in entries if e[3] == "0A" if f"socket:[{e[9]}]" in sockets
    }


def assert_same_weights(one: FederatedRun, other: FederatedRun, names: Any = None) -> None:
    np.testing.assert_allclose(one.shared_V, other.shared_V, rtol=0, atol=1e-8)
    for name in names or other.models:
        for p, q in zip(
            one.models[name].module_.parameters(),
            other.models[name].module_.parameters(),
            strict=True,
        ):
            np.testing.assert_allclose(p.detach(), q.detach(), rtol=0, atol=1e-8)


def test_a_site_is_killed(
    parts: tuple[Dataset, ...],
    started: list[engines.NVFlareEngine],
    forking: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rounds before are those of the local engine; later ones go on, and say who is missing."""
    monkeypatch.setattr(sys, "executable", forking)
    sites: list[int] = []

    def report(one: Round) -> None:
        assert listening(os.getpid()) == {"0100007F"}  # 127.0.0.1
        if one.number == 1:
            sites.extend(sites_of(started[0]))
            assert all(map(is_alive, sites))
            assert not any(map(listening, sites))
        if one.number == 2:
            os.kill(started[0].process_ids["site-2"], signal.SIGKILL)

    settings = {**SETTINGS, "min_clients": 1}
    model = QMoEClassifier("quantum", n_layers=1)
    run = federate(model, parts[:2], engine="nvflare", report=report, **settings)
    local = federate(model, parts[:2], **settings)
    assert run.rounds[:1] == local.rounds[:1]
    assert run.rounds[1].clients == ("site-1", "site-2")
    for one in run.rounds[2:]:
        assert one.clients == ("site-1",)
        assert one.missing["site-2"].startswith("its process ended with code -9")
    assert list(run.models) == ["site-1"]
    wait_until_gone(sites)


def test_a_process_leads_one_federation_after_another(tmp_path: Path) -> None:
    cells.write_certificates(tmp_path, [cells.SERVER])
    assert (tmp_path / "server.key").stat().st_mode & 0o077 == 0
    for _ in range(3):
        with cells.server_cell(engines._free_port(), tmp_path) as cell:
            cell.start()
            while not listening(os.getpid()):
                time.sleep(0.01)
        assert not listening(os.getpid())


PROGRAM = textwrap.dedent("""
    import sys
    from qmoe_qiskit.data import load_dataset
    from qmoe_qiskit.federated import federate, partition
    from qmoe_qiskit.federated.nvflare import engine
    from qmoe_qiskit.train import QMoEClassifier

    def started(self):
        print(*self.process_ids.values(), flush=True)
    wait = engine.NVFlareEngine._wait_until_connected
    engine.NVFlareEngine._wait_until_connected = lambda self: (started(self), wait(self))
    if len(sys.argv) > 3:
        sys.executable = sys.argv[3]
    parts = partition(load_dataset("moons", n_samples=120, seed=1), 4, "dirichlet:0.6", seed=2)
    n = int(sys.argv[2])
    federate(
        QMoEClassifier("linear"), parts[:n], rounds=4, share="router", seed=6,
        engine="nvflare", out=sys.argv[1], report=lambda one: print(one.number, flush=True),
    )
""")


def begun(
    folder: Path, n_sites: int, forking: str | None = None, python: str = sys.executable
) -> tuple[subprocess.Popen[str], list[int]]:
    """Return a program that trains, and the process numbers of its sites."""
    script = folder.with_name("program.py")
    script.write_text(PROGRAM)
    command = [python, str(script), str(folder), str(n_sites), *([forking] if forking else [])]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert program.stdout is not None
    return program, [int(word) for word in program.stdout.readline().split()]


def test_the_coordinator_is_killed(
    parts: tuple[Dataset, ...], tmp_path: Path, forking: str, python: str
) -> None:
    """Its sites end by themselves, and its folder is gone on with, by any engine."""
    out = tmp_path / "out"
    program, pids = begun(out, 2, forking, python)
    try:
        assert program.stdout is not None
        assert program.stdout.readline() == "1\n"
        sites = [int(path.read_text()) for path in out.rglob("pid")]
        assert all(map(is_alive, sites))
    finally:
        program.kill()
        program.communicate()
    assert len(pids) == len(sites) == 2
    wait_until_gone([*pids, *sites])
    model = QMoEClassifier("linear")
    resumed = federate(model, parts[:2], out=out, resume=True, **SETTINGS)
    whole = federate(model, parts[:2], **SETTINGS)
    assert resumed.rounds == whole.rounds
    assert_same_weights(resumed, whole)


def test_settings_that_lie_about_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NVFlare would look for them in all folders below the current one."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "comm_config.json").write_text('{"allow_adhoc_conns": true}')
    (tmp_path / "certificates").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CommConfigurator, "_config_loaded", False)
    monkeypatch.setattr(CommConfigurator, "_configuration", None)
    cells.write_certificates(tmp_path / "certificates", [cells.SERVER])
    with cells.server_cell(0, tmp_path / "certificates"):
        assert CommConfigurator().get_config() is None


@pytest.mark.trial
def test_ctrl_c(tmp_path: Path) -> None:
    program, pids = begun(tmp_path / "out", 2)
    program.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in program.communicate()[1]
    wait_until_gone(pids)


@pytest.mark.trial
@pytest.mark.parametrize("share", ["all", "router", "experts"])
def test_four_sites_are_the_local_engine(
    parts: tuple[Dataset, ...], started: list[engines.NVFlareEngine], share: str
) -> None:
    settings = {**SETTINGS, "share": share, "method": "fedprox:0.1", "drop": 0.2}
    model = QMoEClassifier("quantum")
    run = federate(model, parts, engine="nvflare", **settings)
    local = federate(model, parts, **settings)
    assert run.rounds == local.rounds
    assert_same_weights(run, local)
    assert len(started) == 1


@pytest.mark.trial
@pytest.mark.parametrize("moment", range(10))
def test_a_site_is_killed_at_any_moment(
    *,
    parts: tuple[Dataset, ...],
    started: list[engines.NVFlareEngine],
    monkeypatch: pytest.MonkeyPatch,
    moment: int,
    tmp_path: Path,
) -> None:
    """From its start over its rounds to its end: the run ends as it says, or names the site."""
    sends = []

    def kill(number: int) -> None:
        sends.append(number)
        if len(sends) == 1 + moment:
            os.kill(started[0].process_ids["site-3"], signal.SIGKILL)

    send = engines.send

    def send_and_kill(*arguments: Any) -> bool:
        done = send(*arguments)
        kill(0)
        return done

    if moment:
        monkeypatch.setattr(engines, "send", send_and_kill)
    else:
        wait = engines.NVFlareEngine._wait_until_connected
        monkeypatch.setattr(
            engines.NVFlareEngine, "_wait_until_connected", lambda self: (kill(0), wait(self))
        )
    settings = {**SETTINGS, "rounds": 3, "out": tmp_path}
    model = QMoEClassifier("linear")
    try:
        run = federate(model, parts[:3], engine="nvflare", **settings)
    except FederationError as error:
        assert "site-3" in str(error)  # noqa: PT017 - both ends are accepted
        assert not moment
    else:
        assert len(run.rounds) == 3
        away = [one.number for one in run.rounds if "site-3" in one.missing]
        assert away == list(range(4 - len(away), 4))
        for one in run.rounds:
            assert set(one.clients) | set(one.missing) == {"site-1", "site-2", "site-3"}


@pytest.mark.trial
@pytest.mark.parametrize("delay_s", np.linspace(0, 4, 10))
def test_the_coordinator_is_killed_at_any_moment(
    parts: tuple[Dataset, ...], tmp_path: Path, delay_s: float
) -> None:
    program, pids = begun(tmp_path / "out", 3)
    time.sleep(delay_s)
    program.kill()
    program.communicate()
    wait_until_gone(pids)
    model = QMoEClassifier("linear")
    resumed = federate(model, parts[:3], out=tmp_path / "out", resume=True, **SETTINGS)
    whole = federate(model, parts[:3], **SETTINGS)
    assert resumed.rounds == whole.rounds
    assert_same_weights(resumed, whole)


@pytest.mark.trial
def test_a_site_that_cannot_start_is_named(
    parts: tuple[Dataset, ...],
    started: list[engines.NVFlareEngine],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = engines._start

    def start(folder: Path, port: int, certificates: Path) -> Any:
        if folder.name == "site-2":
            (folder / "rows.safetensors").unlink()
        return begin(folder, port, certificates)

    monkeypatch.setattr(engines, "_start", start)
    with pytest.raises(FederationError, match=r"site-2 did not start: .*FileNotFoundError"):
        federate(QMoEClassifier("linear"), parts[:2], engine="nvflare", rounds=1)
    assert len(started) == 1


def test_without_nvflare(parts: tuple[Dataset, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'qmoe-qiskit\[federated\]'"):
        federate(QMoEClassifier("linear"), parts, engine="nvflare", rounds=1)
