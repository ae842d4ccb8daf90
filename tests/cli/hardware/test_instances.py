"""Accounts with several instances: which one is used, and what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from command_line import talk_to
from ibm_service import IBMService

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

WORK = ("--backend", "runtime:ibmq_manila", "--samples", "4", "--shots", "16")


@pytest.fixture
def ibm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IBMService]:
    """An account whose second instance is the free one."""
    with IBMService(["ibmq_manila"], instances={"paid": "payg", "free": "open"}) as service:
        talk_to(service, tmp_path, monkeypatch)
        yield service


def used(name: str, plan: str) -> list[str]:
    return [
        f"note: instance {name!r} ({plan} plan) is used, of 2: QISKIT_IBM_INSTANCE names another"
    ]


def test_one_sentence_says_which_is_used(
    ibm: IBMService, qmoe: Callable[..., Any], run: Path
) -> None:
    outcome = qmoe("submit", run, *WORK, "--yes")
    assert outcome.exit_code == 0
    assert used("paid", "payg")[0] in outcome.stderr.splitlines()
    assert [job.crn for job in ibm.jobs] == [ibm.account.instances["paid"].crn]


def test_without_a_default_the_librarys_own_lines_are_not_shown(
    *,
    ibm: IBMService,
    the_document: Callable[[str], Any],
    qmoe_process: Callable[..., subprocess.CompletedProcess[str]],
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unless its log was asked for."""
    monkeypatch.delenv("QISKIT_IBM_INSTANCE")
    ended = qmoe_process("submit", run, *WORK, "--yes", "--wait", "--json", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.splitlines() == used("free", "open")
    assert [job.crn for job in ibm.jobs] == [ibm.account.instances["free"].crn]
    assert the_document(ended.stdout)["execution"]["instance"] == "free"
    monkeypatch.setenv("QISKIT_IBM_RUNTIME_LOG_LEVEL", "WARNING")
    ended = qmoe_process("estimate", run, *WORK, "--json", cwd=tmp_path)
    assert "Instance was not set at service instantiation" in ended.stderr
