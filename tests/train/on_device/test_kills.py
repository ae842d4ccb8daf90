"""A training on a device that is killed at any moment goes on, and pays for no job twice."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ibm_service import IBMService
from leak_check import API_KEY
from safetensors.torch import load_file

if TYPE_CHECKING:
    import numpy as np

# The numbers of the script.
STEPS, BUDGET_S = 4, 60.0
SCRIPT = Path(__file__).with_name("training_script.py")


def service(port: int = 0) -> IBMService:
    return IBMService(
        ["ibmq_manila"], plan="premium", api_key=API_KEY, creations_per_minute=1000, port=port
    )


def attempt(python: str, folder: Path, ibm: IBMService, *kill: float) -> bool:
    """Train in a process that is killed after an event; return whether it ended by itself."""
    done = subprocess.run(
        [python, SCRIPT, folder, *map(str, kill)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=os.environ | ibm.environment(),
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stdout
    return done.returncode == 0


def weights(folder: Path) -> dict[str, bytes]:
    return {name: one.numpy().tobytes() for name, one in load_file(folder / "model").items()}


def check_jobs(ibm: IBMService) -> None:
    tags = Counter(tag for job in ibm.jobs for tag in job.tags)
    assert len(tags) == STEPS
    assert set(tags.values()) == {1}
    assert sum(job.charge for job in ibm.jobs) <= BUDGET_S


@pytest.mark.parametrize("n_kills", [1, pytest.param(20, marks=pytest.mark.trial)])
def test_a_killed_training_ends_as_an_undisturbed_one(
    n_kills: int,
    python: str,
    tmp_path: Path,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One training to its end, again and again, until it was killed so often."""
    calm = tmp_path / "calm"
    calm.mkdir()
    with service() as ibm:
        for name, value in ibm.environment().items():
            monkeypatch.setenv(name, value)
        assert attempt(python, calm, ibm)
        check_jobs(ibm)
        port, consumed = int(ibm.url.rpartition(":")[2]), ibm.account.consumed
    n_events = int((calm / "events").read_text())
    kills = round_ = 0
    while kills < n_kills:
        killed = tmp_path / f"killed-{round_}"
        killed.mkdir()
        # The address of the service decides the draw of the slots.
        with service(port) as ibm:
            while kills < n_kills and not attempt(
                python, killed, ibm, int(rng.integers(1, n_events)), rng.uniform(0, 0.02)
            ):
                kills += 1
            assert (killed / "model").exists() or attempt(python, killed, ibm)
            check_jobs(ibm)
            assert weights(killed) == weights(calm)
            assert ibm.account.consumed == consumed
        round_ += 1
