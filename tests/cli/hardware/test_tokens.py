"""No token in anything that is written: files, ledger, logs, messages."""

from __future__ import annotations

import base64
import logging
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from ibm_service import IBMService
from leak_check import API_KEY, FORMS, WRONG_API_KEY, files_with_secrets, forms_of, is_in
from qiskit_ibm_runtime import QiskitRuntimeService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WORK = ("--backend", "runtime:ibmq_manila", "--samples", "4", "--shots", "16")


def test_the_search_finds_what_it_looks_for(ibm: IBMService, tmp_path: Path) -> None:
    for secret in (API_KEY, WRONG_API_KEY):
        assert is_in(base64.b64encode(b"apikey:" + secret.encode() + b"!"))
        assert is_in(f"Bearer {secret}".encode())
    QiskitRuntimeService()
    access = next(iter(ibm.account._tokens))
    (tmp_path / "log").write_text(f"sent {access} there")
    (tmp_path / "log.txt").write_text("sent nothing")
    assert files_with_secrets(tmp_path) == [tmp_path / "log"]
    (tmp_path / "log").unlink()  # or the run of tests fails


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A file with all that any logger in this process says, at its most talkative."""
    path = tmp_path / "debug.log"
    handler = logging.FileHandler(path)
    loggers = [
        logging.getLogger(name)
        for name in ("", "qmoe_qiskit", "qiskit_ibm_runtime", "ibm_cloud_sdk_core", "urllib3")
    ]
    before = [(logger, logger.level) for logger in loggers]
    for logger, _ in before:
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
    yield path
    for logger, level in before:
        logger.setLevel(level)
        logger.removeHandler(handler)
    handler.close()


@pytest.mark.parametrize(
    "place", ["environment", pytest.param("account file", marks=pytest.mark.trial)]
)
def test_no_token_is_written(
    *,
    place: str,
    ibm: IBMService,
    qmoe: Callable[..., Any],
    qmoe_process: Callable[..., subprocess.CompletedProcess[str]],
    run: Path,
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts = tmp_path / ".qiskit" / "qiskit-ibm.json"
    environment = ibm.environment()
    if place == "account file":
        QiskitRuntimeService.save_account(
            channel="ibm_quantum_platform",
            token=API_KEY,
            url=environment["QISKIT_IBM_URL"],
            instance=environment["QISKIT_IBM_INSTANCE"],
            set_as_default=True,
        )
        for name in ("CHANNEL", "TOKEN", "URL", "INSTANCE"):
            monkeypatch.delenv(f"QISKIT_IBM_{name}")
    (tmp_path / "bad.toml").write_text("pec = true")
    said: list[str] = []

    def call(code: int, *arguments: object) -> None:
        outcome = qmoe(*arguments)
        assert outcome.exit_code == code, (arguments, outcome.stderr, outcome.exception)
        said.extend((outcome.stdout, outcome.stderr, repr(outcome.exception)))

    def in_a_process(code: int, *arguments: object) -> None:
        """With the client library's own log file, in the place that its users name."""
        monkeypatch.setenv("QISKIT_IBM_RUNTIME_LOG_LEVEL", "DEBUG")
        monkeypatch.setenv("QISKIT_IBM_RUNTIME_LOG_FILE", str(tmp_path / "ibm.log"))
        ended = qmoe_process(*arguments, cwd=tmp_path)
        assert ended.returncode == code, (arguments, ended.stderr)
        said.extend((ended.stdout, ended.stderr))

    call(0, "estimate", run, *WORK)
    call(0, "submit", run, *WORK, "--budget", "60s")
    in_a_process(0, "jobs", "collect", "--wait")
    call(0, "evaluate", run, *WORK, "--json")
    ibm.faults.arm("drop", when="after")
    call(0, "submit", run, *WORK, "--repetition", "1", "--yes", "--wait", "--settle", "0.2")
    ibm.faults.arm("fail_job")
    call(2, "submit", run, *WORK, "--repetition", "2", "--yes", "--wait")
    ibm.account.expire_tokens()
    call(0, "jobs", "list")
    key = qmoe("jobs", "list").stdout.split("─")[-1].split()[0]
    call(0, "jobs", "show", key, "--json")
    call(0, "jobs", "cancel", key)
    call(0, "jobs", "export", key, "--out", tmp_path / "out")
    for wrong in (
        ["--backend", "runtime:ibmq_manilla"],
        ["--mode", "session"],
        ["--options", tmp_path / "bad.toml"],
        ["--shots", "0"],
    ):
        call(2, "submit", run, *WORK, "--repetition", "3", "--yes", *wrong)
    ibm.faults.arm("over_quota")
    call(2, "submit", run, *WORK, "--repetition", "3", "--yes")
    ibm.faults.clear()
    access = {*ibm.account._tokens}
    ibm.account.api_key = "another"
    call(2, "submit", run, *WORK, "--repetition", "3", "--yes")
    in_a_process(2, "estimate", run, *WORK)
    monkeypatch.setenv("QISKIT_IBM_TOKEN", WRONG_API_KEY)
    for name in ("CHANNEL", "URL", "INSTANCE"):
        monkeypatch.setenv(f"QISKIT_IBM_{name}", environment[f"QISKIT_IBM_{name}"])
    call(2, "evaluate", run, *WORK, "--repetition", "3", "--yes")
    assert len(ibm.jobs) == 3

    assert access
    secrets = {form for secret in access for form in forms_of(secret)} | FORMS
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    if place == "account file":
        assert API_KEY.encode() in written.pop(accounts)
    for name in ("debug.log", "ibm.log", "ledger.sqlite", "out/work.json"):
        assert tmp_path / name in written
    assert all(len(written[path]) > 1000 for path in (log, tmp_path / "ibm.log"))
    hits = [str(path) for path, content in written.items() if any(s in content for s in secrets)]
    assert hits == []
    assert not any(secret.decode() in text for secret in secrets for text in said)
