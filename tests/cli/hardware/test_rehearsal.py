"""A rehearsal as its user has it: the service started as `make rehearse` does, and commands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ibm_service.command import DEVICES

from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
# Of an account that exists already.
BEFORE = ("QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE", "QMOE_LEDGER")


def recipe(python: str) -> list[str]:
    """The command of `make rehearse`, with another Python."""
    rule = re.search(r"^rehearse:.*\n\t(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert rule is not None
    words = rule[1].replace("$(BIN)/python", python).replace("$(ARGS)", "")
    return shlex.split(words)


@pytest.fixture
def exported(
    python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """What a service that is started as a rehearsal says is to be exported."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in BEFORE:
        monkeypatch.delenv(name, raising=False)
    with subprocess.Popen(recipe(python), cwd=ROOT, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        try:
            said: list[str] = []
            for line in service.stdout:
                said.append(line)
                if "Ctrl-C" in line:
                    break
            assert said[0].startswith("# Paste these lines into another shell")
            lines = [shlex.split(line) for line in said if line.startswith("export ")]
            yield dict(words[1].split("=", 1) for words in lines)
            assert service.poll() is None, "the service has died"
        finally:
            service.terminate()


def test_it_offers_the_devices_of_the_documentation() -> None:
    pages = (path.read_text() for path in (ROOT / "README.md", *ROOT.glob("docs/*.md")))
    named = {name for page in pages for name in re.findall(r"runtime:(ibmq?_[a-z]+)", page)}
    assert named <= set(DEVICES)


def test_one_command_after_the_other(
    exported: dict[str, str],
    program: str,
    run: Path,
    tmp_path: Path,
    the_document: Callable[[str], Any],
) -> None:
    def qmoe(*arguments: object) -> Any:
        command = [program, *(str(argument) for argument in arguments), "--json"]
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, env=os.environ | exported
        )
        assert ended.returncode == 0, ended.stderr
        return the_document(ended.stdout)

    work = ("--backend", "runtime:ibmq_manila", "--samples", "4", "--shots", "16", "--yes")
    # The connections of each command end with it, and with them the service's threads.
    for repetition in (0, 1):
        (job,) = qmoe("submit", run, *work, "--repetition", repetition)["jobs"]
        assert job["job_id"]
    states = [job["state"] for job in qmoe("jobs", "collect", "--wait")["jobs"]]
    assert states == ["done", "done"]
    # In a ledger of its own, away from that of real devices.
    assert list(tmp_path.rglob("*.sqlite*")) == []
    with Ledger(exported["QMOE_LEDGER"]) as ledger:
        assert len(ledger.works()) == 2
