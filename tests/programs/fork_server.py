"""A fork server: it has imported what a `qmoe` imports, and forks a program per connection.

A program takes a tenth of a second this way instead of the five that its imports take. The client,
`client.py`, passes its arguments, folder, environment, and standard streams along.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

# What commands import; but of IBM's client, which looks at the environment when it is imported,
# only the libraries that it needs.
PRELOADED = (
    "ibm_platform_services",
    "matplotlib.backends.backend_agg",
    "qiskit_aer",
    "qmoe_qiskit.backends.gradients.spsa",
    "qmoe_qiskit.cli.output.figures",
    "qmoe_qiskit.cli.output.study",
    "qmoe_qiskit.figures.device",
    "qmoe_qiskit.runs.training",
    "qmoe_qiskit.studies.report_from_folder",
    "qmoe_qiskit.train",
    "requests_ntlm",
    "rich.progress",
    "samplomatic",
    "scipy.stats",
    "sklearn.datasets",
    "torch._dynamo",  # by the first optimizer
)


def main() -> None:
    """Serve at the socket whose number is the only argument, until the standard input ends."""
    gc.disable()  # hardly anything of what is imported is garbage
    for name in PRELOADED:
        import_module(name)
    from qmoe_qiskit.cli import main as qmoe

    gc.enable()
    gc.freeze()  # else every program would look through, and so copy, all that was imported
    order = _serve(socket.socket(fileno=int(sys.argv[1])))
    if order is None:
        return
    # From here on, this process is the program.
    status = 1
    try:
        if order["is_script"]:
            sys.argv = order["arguments"]
            sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
            runpy.run_path(sys.argv[0], run_name="__main__")
        else:
            sys.argv = ["qmoe", *order["arguments"]]
            qmoe()
        status = 0
    except SystemExit as end:
        status = _status(end)
    finally:
        if isinstance(sys.exception(), Exception):
            traceback.print_exc()
        _end(status)


def _end(status: int) -> None:
    """End as Python does, but for taking apart what was imported: that takes longer than most."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def _status(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1


def _serve(listening: socket.socket) -> dict[str, Any] | None:
    """Fork for each connection; returns the order in the program, None in the server."""
    with listening:
        while True:
            ready, _, _ = select.select([listening, sys.stdin], [], [])
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if listening not in ready:
                return None
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                return _watch(connection)
            connection.close()


def _watch(connection: socket.socket) -> dict[str, Any]:
    """Fork the program, and tell the client its process and how it ends; returns in the program."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    order: dict[str, Any] = json.loads(connection.makefile().readline())
    awakened, waking = socket.socketpair()
    waking.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waking.fileno())
    program = os.fork()
    if program == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for opened in (connection, awakened, waking):
            opened.close()
        _move_in(order, streams)
        return order
    for stream in streams:
        os.close(stream)
    connection.sendall(b"%d\n" % program)
    ready, _, _ = select.select([connection, awakened], [], [])
    if connection in ready:  # the client was killed
        os.kill(program, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    with contextlib.suppress(OSError):
        connection.sendall(b"%d\n" % status)
    os._exit(0)


def _move_in(order: dict[str, Any], streams: list[int]) -> None:
    """Take over the folder, the environment and the standard streams of the client."""
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(  # noqa: SIM115
        2, "w", buffering=1, errors="backslashreplace", closefd=False
    )


if __name__ == "__main__":
    main()
