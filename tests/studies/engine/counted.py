"""Loaded by the server of a fork server: its workers write down every task that they begin.

The server outlives the programs that it serves, also one that is killed while it asks for a worker.
"""

from __future__ import annotations

import errno
import os
from importlib import import_module
from multiprocessing import reduction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.task import Task

_LOG = Path(os.environ["STUDIES_LOG"])
_MODULE, _NAME = os.environ["STUDIES_TASK"].split(":")
_CLASS = getattr(import_module(_MODULE), _NAME)
_run = _CLASS.run
_receive = reduction.recvfds


def _counted(task: Task) -> dict[str, Any]:
    with _LOG.open("a") as file:
        file.write(f"{task.content_hash}\n")
    result: dict[str, Any] = _run(task)
    return result


_CLASS.run = _counted


def _received(*arguments: Any) -> list[int]:
    try:
        return _receive(*arguments)
    except EOFError as error:  # Python's server would end
        raise OSError(errno.ECONNABORTED, "the program was killed") from error


reduction.recvfds = _received
