"""Begin or resume the training in the folder that is named: a program of a user's does this.

training_script.py FOLDER [EVENT DELAY]: with the last two it is killed so many seconds after its
event of this number. Events are files opened and renamed, and requests sent.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.hardware.devices.ibm import IBMDevice
from qmoe_qiskit.hardware.jobs.timeouts import Timeouts
from qmoe_qiskit.train import HardwareTraining, QMoEClassifier

STEPS, BUDGET_S = 4, 60.0
EVENTS = {"open", "os.rename", "socket.connect", "http.client.send", "sqlite3.connect"}


def train(folder: Path) -> QMoEClassifier:
    """Begin or resume the training in a folder."""
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
        hardware_training=HardwareTraining(method="spsa", max_steps=STEPS, budget_s=BUDGET_S),
        checkpoint=folder / "checkpoint",
        random_state=3,
        verbose=False,
    )
    moons = load_dataset("moons", n_samples=40)
    begin = model.resume if (folder / "checkpoint").exists() else model.fit
    return begin(moons.features_NF, moons.labels_N)


def count_events(last: int | None, delay_s: float) -> itertools.count[int]:
    """Count the events from now on; after the `last`, this process is killed."""
    numbers = itertools.count(1)

    def note(event: str, _: Any) -> None:
        if event in EVENTS and next(numbers) == last:
            timer = threading.Timer(delay_s, os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True
            timer.start()

    sys.addaudithook(note)
    return numbers


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    event, delay = sys.argv[2:] or (None, "0")
    events = count_events(event and int(event), float(delay))
    train(folder).save(folder / "model", overwrite=True)
    n_events = next(events) - 1
    (folder / "events").write_text(str(n_events))
