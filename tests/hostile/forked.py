"""Run `qmoe` many times, each in a fork with little memory and processor time to spend.

One line of JSON on the standard input is the folder and the arguments of one program; one line on
the standard output is how it ended. A program may take `SECONDS` of processor time and `ROOM` bytes
beyond what this process, which has imported everything, has taken before. The only argument is the
time, in seconds, after which a program that waits is ended.
"""

from __future__ import annotations

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
from typing import IO

SECONDS, ROOM = 5, 2**30
MODULES = (
    "qiskit_aer",
    "qmoe_qiskit.backends.gradients.spsa",
    "qmoe_qiskit.backends.runtime.backend",
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


def main() -> None:
    """Serve until the standard input ends."""
    for name in MODULES:
        import_module(name)
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            child = os.fork()
            if child == 0:
                os.chdir(order["folder"])
                signal.alarm(int(sys.argv[1]))
                _be_the_program(order["arguments"], out, err)
            _, status = os.waitpid(child, 0)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            said = []
            for stream in (out, err):
                stream.seek(0)
                said.append(stream.read(100_000).decode(errors="backslashreplace"))
        seconds = sum(after[:2]) - sum(before[:2])
        ending: dict[str, object] = {
            "status": os.waitstatus_to_exitcode(status),
            "seconds": seconds,
        }
        ending |= {"stdout": said[0], "stderr": said[1]}
        sys.stdout.write(json.dumps(ending) + "\n")
        sys.stdout.flush()


def _be_the_program(words: list[str], out: IO[bytes], err: IO[bytes]) -> None:
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", errors="backslashreplace", closefd=False)  # noqa: SIM115
        taken = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, taken + ROOM))
        limit = round(used) + SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        sys.argv = ["qmoe", *words]
        from qmoe_qiskit.cli import main as qmoe

        qmoe()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - it ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
