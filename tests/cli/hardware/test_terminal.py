"""Submission at a terminal and in a pipe, by the real program: questions, progress, Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from cli.terminal import LIMIT_S, Terminal

from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ibm_service import IBMService

SMALL_WORK = ("--backend", "runtime:ibmq_manila", "--samples", "8", "--shots", "64")
QUESTION = "Submit? [y/N]"


@pytest.mark.parametrize(("answer", "code"), [("n\n", 0), (None, 130)], ids=["no", "ctrl-c"])
def test_it_asks_and_takes_no_for_an_answer(
    *, answer: str | None, code: int, ibm: IBMService, program: str, run: Path, tmp_path: Path
) -> None:
    with Terminal([program, "submit", str(run), *SMALL_WORK], tmp_path) as terminal:
        terminal.until(QUESTION)
        if answer is None:
            # Between the question and the reading of its answer, C code would not hear it.
            time.sleep(1.0)
            terminal.process.send_signal(signal.SIGINT)
        else:
            terminal.answer(answer)
        assert terminal.end() == code, terminal.shown
    assert "QPU seconds" in terminal.shown
    assert "of the 600 s left of the allowance" in terminal.shown
    assert "nothing was sent" in terminal.shown
    assert ibm.jobs == []
    with Ledger() as ledger:
        assert ledger.works() == []


def test_a_terminal_shows_what_is_waited_for(
    ibm: IBMService, program: str, run: Path, tmp_path: Path
) -> None:
    ibm.pace.paused = True
    with Terminal([program, "evaluate", str(run), *SMALL_WORK], tmp_path) as terminal:
        terminal.until(QUESTION)
        terminal.answer("y\n")
        terminal.until("queued, place 1 in the queue")
        (job,) = ibm.jobs
        assert job.id in terminal.shown
        ibm.pace.running = 1.0
        ibm.pace.paused = False
        terminal.until("running")
        assert terminal.end() == 0, terminal.shown
    assert "2.1 s" in terminal.shown
    assert "accuracy" in terminal.shown


def test_ctrl_c_in_a_pipe(
    *,
    ibm: IBMService,
    program: str,
    qmoe: Callable[..., Any],
    the_document: Callable[[str], Any],
    run: Path,
    tmp_path: Path,
) -> None:
    """One sentence; the job goes on and is found by the same command."""
    ibm.pace.paused = True
    command = [program, "submit", str(run), *SMALL_WORK, "--budget", "60s", "--wait", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        limit = time.monotonic() + LIMIT_S
        # It looks at the job: its id is in the ledger.
        while not any(request["path"].endswith("/metrics") for request in ibm.requests):
            assert process.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, stdout) == (130, "")
    (sentence,) = stderr.splitlines()
    assert sentence.startswith("interrupted: jobs that were sent go on and are in the ledger;")
    (job,) = ibm.jobs
    assert the_document(qmoe("jobs", "list", "--json").stdout)["jobs"][0]["job_id"] == job.id
    ibm.pace.paused = False
    outcome = qmoe(*command[1:])
    assert outcome.exit_code == 0, outcome.stderr
    assert the_document(outcome.stdout)["cost"]["jobs"] == [job.id]
    assert len(ibm.jobs) == 1
