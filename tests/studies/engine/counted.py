"""Loaded by the server of a fork server: its workers write down every task that they begin."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.task import Task

_LOG = Path(os.environ["STUDIES_LOG"])
_MODULE, _NAME = os.environ["STUDIES_TASK"].split(":")
_CLASS = getattr(import_module(_MODULE), _NAME)
_run = _CLASS.run


def _counted(task: Task) -> dict[str, Any]:
    with _LOG.open("a") as file:
        file.write(f"{task.content_hash}\n")
    result: dict[str, Any] = _run(task)
    return result


_CLASS.run = _counted
