"""The program `qmoe`, which knows the study of small tasks, run by the fork server of the tests.

Environment:
    SMALL_TASKS: How many tasks the executor, a thread, does before it rests for ever; "processes"
        for the real executor, whose group of processes has the number in the file `group`.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import rich.console
from rich.progress import Progress

from qmoe_qiskit.cli import main
from qmoe_qiskit.studies.engine import processes as executors
from qmoe_qiskit.studies.registry import STUDIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What a task takes by the clock of the bar. It takes no time by any other.
SECONDS = 60.0


class Thread(Executor):
    """Does some tasks, one after the other, and then no more."""

    def __init__(self, n_tasks: int) -> None:
        self._calls: queue.Queue[tuple[Future[Any], Callable[..., Any], Any]] = queue.Queue()
        self._left = n_tasks
        threading.Thread(target=self._work, daemon=True).start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._calls.put((future, fn, args))
        return future

    def _work(self) -> None:
        while self._left:
            future, fn, args = self._calls.get()
            future.set_result(fn(*args))
            self._left -= 1


def in_a_thread(n_tasks: int) -> None:
    """Have tasks done by a thread, and the bar drawn and its clock put forward after each."""

    @contextmanager
    def one_thread(_: int | None = None) -> Iterator[Executor]:
        yield Thread(n_tasks)

    now = 0.0
    update = Progress.update

    def shown(bar: Progress, *given: Any, **changes: Any) -> None:
        nonlocal now
        now += SECONDS
        update(bar, *given, **changes, refresh=True)

    Progress.update = shown  # type: ignore[method-assign]
    rich.console.monotonic = lambda: now
    executors.processes = one_thread
    executors.load_libraries = lambda *_: None


def in_processes() -> None:
    """Have tasks done by processes of one group with this one, as a terminal starts them."""
    os.setpgid(0, 0)
    Path("group").write_text(str(os.getpid()))
    executors.processes.__wrapped__.__kwdefaults__["preloaded"] = ()  # type: ignore[attr-defined]
    executors.load_libraries.__defaults__ = ((),)


if __name__ == "__main__":
    STUDIES["small"] = "studies.engine.small:STUDY"
    tasks = os.environ["SMALL_TASKS"]
    if tasks == "processes":
        in_processes()
    else:
        in_a_thread(int(tasks))
    main()
