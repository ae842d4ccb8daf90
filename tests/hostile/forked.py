"""Run `qmoe` many times, each with little memory and processor time to spend.

One line of JSON on the standard input is the folder and the arguments of one program; one line on
the standard output is how it ended. A program may take `SECONDS` of processor time and `ROOM` bytes
beyond what was taken before it. The only argument is the time, in seconds, after which a program
that waits is ended.

Programs run one after another in a worker, a fork of this process that has imported everything: a
fork for each would take longer than most of them. A worker that a program has ended, or that is not
as it was, is replaced; so no program takes another one with it.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import resource
import signal
import sys
import tempfile
import traceback
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import typer.main

SECONDS, ROOM = 5, 2**30
# What programs before may have left in a worker.
LEFT = 2**26
# The end of a program that has done its work, and of one that was refused.
ORDERLY = (0, 2)
MODULES = (
    "qiskit_aer",
    "qmoe_qiskit.backends.gradients.spsa",
    "qmoe_qiskit.backends.runtime.backend",
    "qmoe_qiskit.cli",
    "qmoe_qiskit.hardware.devices.fake",
    "qmoe_qiskit.hardware.options",
    "qmoe_qiskit.runs.on_hardware",
    "qmoe_qiskit.runs.training",
    "qmoe_qiskit.studies.report_from_folder",
    "qmoe_qiskit.studies.training.train_task",
    "qmoe_qiskit.train",
    "sklearn.datasets",
    "torch._dynamo",
)


class Worker:
    """A fork that runs programs; what they write goes to two files."""

    def __init__(self, out: IO[bytes], err: IO[bytes], patience_s: int) -> None:
        orders, self._orders = os.pipe()
        self._endings, endings = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._orders)
            os.close(self._endings)
            _work(orders, endings, (out.fileno(), err.fileno()), patience_s)
        os.close(orders)
        os.close(endings)

    def run(self, order: str) -> tuple[int, bool]:
        """Run a program: its status, and whether the worker can run another."""
        os.write(self._orders, order.encode())
        with os.fdopen(os.dup(self._endings)) as endings:
            line = endings.readline()
        if line:
            ending = json.loads(line)
            if ending["status"] in ORDERLY and ending["left"] < LEFT:
                return ending["status"], True
        os.close(self._orders)
        os.close(self._endings)
        _, status = os.waitpid(self._pid, 0)
        return ending["status"] if line else os.waitstatus_to_exitcode(status), False


def main() -> None:
    """Serve until the standard input ends."""
    patience_s = int(sys.argv[1])
    for name in MODULES:
        import_module(name)
    # Else every program would work all commands out anew, which takes longer than most of them.
    typer.main.get_command = functools.cache(typer.main.get_command)
    gc.collect()
    gc.freeze()
    worker = None
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        for line in sys.stdin:
            for stream in (out, err):
                stream.seek(0)
                stream.truncate()
            worker = worker or Worker(out, err, patience_s)
            status, goes_on = worker.run(line)
            if not goes_on:
                worker = None
            said = []
            for stream in (out, err):
                stream.seek(0)
                said.append(stream.read(100_000).decode(errors="backslashreplace"))
            ending = {"status": status, "stdout": said[0], "stderr": said[1]}
            sys.stdout.write(json.dumps(ending) + "\n")
            sys.stdout.flush()


def _work(orders: int, endings: int, said: tuple[int, int], patience_s: int) -> None:
    """Be the worker: run programs until there are no more orders."""
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(said[0], 1)
        os.dup2(said[1], 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        begun = _taken()
        with os.fdopen(orders) as lines:
            for line in lines:
                order = json.loads(line)
                os.chdir(order["folder"])
                signal.alarm(patience_s)
                status = _be_the_program(order["arguments"])
                signal.alarm(0)
                ending = {"status": status, "left": _taken() - begun}
                os.write(endings, json.dumps(ending).encode() + b"\n")
        status = 0
    finally:
        os._exit(status)


def _be_the_program(words: list[str]) -> int:
    """Run a program within its limits, which end the worker."""
    sys.argv = ["qmoe", *words]
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", errors="backslashreplace", closefd=False)  # noqa: SIM115
    room = _taken() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (room, resource.RLIM_INFINITY))
    seconds = round(sum(resource.getrusage(resource.RUSAGE_SELF)[:2])) + SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
    status = 1
    try:
        _qmoe()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - it ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for limit in (resource.RLIMIT_AS, resource.RLIMIT_CPU):
            resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return status


def _taken() -> int:
    """Return the bytes of this process's memory, whether in use or not."""
    return 4096 * int(Path("/proc/self/statm").read_text().split()[0])


def _qmoe() -> Any:
    from qmoe_qiskit.cli import main as qmoe

    return qmoe()


if __name__ == "__main__":
    main()
