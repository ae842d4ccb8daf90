"""The program `qmoe`, whose training waits for Ctrl-C after some epochs; for the fork server.

The number of epochs is in the environment, as WAIT_BEHIND. While it waits, there is a file
`waiting` in its folder.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from qmoe_qiskit.cli import main
from qmoe_qiskit.train import fit
from qmoe_qiskit.train.stored.checkpoint import Checkpoint, save_checkpoint


def save_and_wait(path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(path, checkpoint)
    if len(checkpoint.history) == int(os.environ["WAIT_BEHIND"]):
        Path("waiting").touch()
        time.sleep(240)


if __name__ == "__main__":
    fit.save_checkpoint = save_and_wait
    main()
