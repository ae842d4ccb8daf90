"""Be a program of the fork server, see `fork_server.py`: signals are passed on to it.

python -IS client.py ADDRESS qmoe|script ARGUMENTS
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys


def main() -> None:
    """Start the program, wait for it, and end as it does."""
    _, address, kind, *arguments = sys.argv
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # until it is known whom to pass them on to
    server = socket.socket(socket.AF_UNIX)
    server.connect(address)
    socket.send_fds(server, [b"x"], [0, 1, 2])
    order = {
        "is_script": kind == "script",
        "arguments": arguments,
        "cwd": os.getcwd(),  # noqa: PTH109
        "environment": dict(os.environ),
    }
    server.sendall(json.dumps(order).encode() + b"\n")
    replies = server.makefile()
    program = int(replies.readline())
    for number in signals:
        signal.signal(number, lambda number, _: os.kill(program, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    status = int(replies.readline())
    if status < 0:
        if -status != signal.SIGKILL:  # which nobody can catch
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


main()
