"""Tables of jobs on a screen of 80 columns: a line for each job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from command_line import talk_to
from ibm_service import IBMService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# As long as names of devices are.
DEVICE = "ibm_marrakesh"
WORK = ("--backend", f"runtime:{DEVICE}", "--samples", "4", "--yes")


@pytest.fixture
def ibm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IBMService]:
    """A service whose jobs wait."""
    with IBMService({DEVICE: "fake_manila"}) as service:
        talk_to(service, tmp_path, monkeypatch)
        monkeypatch.setenv("COLUMNS", "80")
        service.pace.paused = True
        yield service


def test_a_job_has_a_line(ibm: IBMService, qmoe: Callable[..., Any], run: Path) -> None:
    def shown(*arguments: object) -> list[str]:
        outcome = qmoe(*arguments)
        assert outcome.exit_code == 0, outcome.stderr
        lines: list[str] = outcome.stdout.splitlines()
        assert all(len(line) <= 80 for line in lines if "──" in line)
        return [line for line in lines if any(job.id in line for job in ibm.jobs)]

    (line,) = shown("submit", run, *WORK, "--shots", "100000")
    key, job_id, device, state, seconds, date, time = line.split()
    assert (job_id, device, state) == (ibm.jobs[0].id, DEVICE, "submitted")
    assert (len(key), len(job_id)) == (8, 20)
    assert (seconds[0], float(seconds[1:]) > 100) == ("~", True)
    assert (len(date), len(time)) == (5, 5)
    qmoe("submit", run, *WORK, "--shots", "16")
    assert shown("jobs", "list")[1] == line
    assert len(shown("jobs", "list")) == len(ibm.jobs) == 2

    (line,) = shown("jobs", "show", key)
    executions = f"{ibm.jobs[0].executions:,}"
    assert line.split() == [job_id, "0", "to", "3", "submitted", executions, seconds[1:]]
    ibm.pace.paused = False
    rows = shown("jobs", "collect", "--wait")
    charged = [f"{job.charge:.1f}" for job in ibm.jobs]
    assert [row.split()[4] for row in rows] == charged[::-1]
    (line,) = shown("jobs", "show", key)
    assert line.split()[-2:] == [seconds[1:], charged[0]]
