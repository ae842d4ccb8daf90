"""A training on a device that is killed at any moment goes on, and pays for no job twice."""

from __future__ import annotations

import os
import signal
import time
import traceback
import warnings
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ibm_service import IBMService
from leak_check import API_KEY
from safetensors.torch import load_file

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.hardware.devices.ibm import IBMDevice
from qmoe_qiskit.hardware.jobs.timeouts import Timeouts
from qmoe_qiskit.train import HardwareTraining, QMoEClassifier

if TYPE_CHECKING:
    from pathlib import Path

STEPS, BUDGET_S = 4, 60.0
SETTINGS = {"method": "spsa", "max_steps": STEPS, "budget_s": BUDGET_S}


def service(port: int = 0) -> IBMService:
    return IBMService(
        ["ibmq_manila"], plan="premium", api_key=API_KEY, creations_per_minute=1000, port=port
    )


def train(folder: Path, **settings: Any) -> QMoEClassifier:
    """Begin or resume the training in a folder, as a program of a user's does."""
    backend = open_backend(
        "runtime:ibmq_manila",
        shots=128,
        seed=0,
        slots=2,
        options={"resilience_level": 0},
        ledger=folder / "ledger.sqlite",
    )
    assert isinstance(backend, RuntimeBackend)
    device = backend.device
    assert isinstance(device, IBMDevice)
    device.timeouts = Timeouts(settle_s=0.4, poll_s=0.05, read_timeout_s=10.0)
    device.limits = replace(device.limits, creations_per_minute=1000)
    model = QMoEClassifier(
        n_layers=1,
        backend=backend,
        hardware_training=HardwareTraining(**(SETTINGS | settings)),
        checkpoint=folder / "checkpoint",
        random_state=3,
        verbose=False,
    )
    moons = load_dataset("moons", n_samples=40)
    begin = model.resume if (folder / "checkpoint").exists() else model.fit
    return begin(moons.features_NF, moons.labels_N)


def attempt(folder: Path, ibm: IBMService, kill_after_s: float | None) -> bool:
    """Train in a child that is killed after a time; return whether it ended by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of the service: unused
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.environ.update(ibm.environment())
            train(folder).save(folder / "model", overwrite=True)
            status = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(status)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in {0, -signal.SIGKILL}
    return status == 0


def weights(folder: Path) -> dict[str, bytes]:
    return {name: one.numpy().tobytes() for name, one in load_file(folder / "model").items()}


def check_jobs(ibm: IBMService) -> None:
    tags = Counter(tag for job in ibm.jobs for tag in job.tags)
    assert len(tags) == STEPS
    assert set(tags.values()) == {1}
    assert sum(job.charge for job in ibm.jobs) <= BUDGET_S


@pytest.mark.parametrize("n_kills", [2, pytest.param(20, marks=pytest.mark.trial)])
def test_a_killed_training_ends_as_an_undisturbed_one(
    n_kills: int, tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One training to its end, again and again, until it was killed so often."""
    calm = tmp_path / "calm"
    calm.mkdir()
    with service() as ibm:
        for name, value in ibm.environment().items():
            monkeypatch.setenv(name, value)
        begun = time.monotonic()
        assert attempt(calm, ibm, None)
        took_s = time.monotonic() - begun
        check_jobs(ibm)
        port, consumed = int(ibm.url.rpartition(":")[2]), ibm.account.consumed
    kills = round_ = 0
    while kills < n_kills:
        killed = tmp_path / f"killed-{round_}"
        killed.mkdir()
        # The address of the service decides the draw of the slots.
        with service(port) as ibm:
            while kills < n_kills and not attempt(killed, ibm, rng.uniform(0.1, 1) * took_s):
                kills += 1
            assert (killed / "model").exists() or attempt(killed, ibm, None)
            check_jobs(ibm)
            assert weights(killed) == weights(calm)
            assert ibm.account.consumed == consumed
        round_ += 1
