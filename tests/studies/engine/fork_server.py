"""A fork server: it has loaded everything once, and forks a `qmoe` for each order that it reads.

Orders and replies are lines of JSON. Every `qmoe` runs the whole program; only the start is shared:
the libraries, and the server that its workers are forked from.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from qmoe_qiskit.cli import main as qmoe
from qmoe_qiskit.studies.engine import processes as executors
from qmoe_qiskit.studies.registry import STUDIES

# What a study loads, loaded once, beside what its workers do.
PRELOADED = (
    "matplotlib.backends.backend_agg",
    "qmoe_qiskit.cli.output.study",
    "qmoe_qiskit.studies.report.write",
    "qmoe_qiskit.studies.report_from_folder",
)
# The class of a study's tasks, and what its workers load.
TASKS = {
    "ablation": (
        "qmoe_qiskit.studies.training.train_task:TrainTask",
        (*executors.PRELOADED, "qmoe_qiskit.studies.ablation.summary"),
    ),
    "small": ("studies.engine.small:Small", ("studies.engine.small",)),
}


def main() -> None:
    """Fork a program for each order, and tell its number and how it ended.

    The arguments are the study, and the file that workers write to, see `counted.py`. Keys of an
    order:
        cwd: Where it runs; its output goes to the files "stdout" and "stderr" there.
        arguments: Of the program.
        event: At which change of a file under `cwd` it is killed, from 1; 0 for never.
    """
    _, study, log = sys.argv
    STUDIES["small"] = "studies.engine.small:STUDY"
    task, libraries = TASKS[study]
    for name in (*PRELOADED, *libraries):
        __import__(name)
    os.environ |= {"STUDIES_LOG": log, "STUDIES_TASK": task}
    executors.load_libraries((*libraries, "studies.engine.counted"))
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _run(order)
        _tell(pid)
        _tell(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _run(order: dict[str, Any]) -> None:
    """Be the program."""
    # The server runs, but as a child of the fork server: this process cannot look after it.
    forkserver.ensure_running = forkserver._forkserver.ensure_running = lambda: None
    os.chdir(order["cwd"])
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["qmoe", *order["arguments"]]
    if order["event"]:
        _die_at(order["event"], Path.cwd())
    status: Any = 1
    try:
        qmoe()
    except SystemExit as end:
        status = end.code or 0
    finally:
        if status:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(status)


def _die_at(number: int, folder: Path) -> None:
    """Be killed right before a file or folder is made, renamed or removed for the n-th time."""
    seen = 0

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in {"open", "os.mkdir", "os.rename", "os.remove"}:
            return
        path = arguments[0]
        if isinstance(path, int) or (event == "open" and not arguments[2] & os.O_CREAT):
            return
        if Path(os.fsdecode(path)).absolute().is_relative_to(folder):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hear)


def _tell(number: int) -> None:
    os.write(1, f"{number}\n".encode())


if __name__ == "__main__":
    main()
