"""A program that runs small tasks in processes of its own, to be killed and started again."""

from __future__ import annotations

import argparse
import resource
import sys
from functools import partial
from pathlib import Path

from studies.engine.small import Small

from qmoe_qiskit.errors import QMoEError
from qmoe_qiskit.studies.engine.processes import processes
from qmoe_qiskit.studies.engine.runner import run_tasks

# Workers load this once, and none of the libraries.
PRELOADED = ("studies.engine.small",)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--log", default="")
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=0.02)
    parser.add_argument("--bytes", type=int, help="how large a file may become")
    parser.add_argument("--size", type=int, default=3)
    given = parser.parse_args()
    if given.bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (given.bytes, given.bytes))
    tasks = tasks_of(given.tasks, seconds=given.seconds, log=given.log, size=given.size)
    try:
        results = run_tasks(tasks, given.folder, partial(processes, 2, preloaded=PRELOADED))
    except QMoEError as error:
        sys.exit(f"error: {error}")
    for result in results:
        print(result.result)  # noqa: T201


def tasks_of(n: int, *, seconds: float, log: str, size: int = 3) -> list[Small]:
    """Return tasks."""
    return [Small(seed=seed, seconds=seconds, log=log, size=size) for seed in range(n)]


if __name__ == "__main__":
    main()
