"""Processes of this machine that run the tasks of a study."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import connection, forkserver, get_context, resource_tracker
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar

from qmoe_qiskit.errors import require_positive

P = ParamSpec("P")
T = TypeVar("T")

# Every worker starts clean: it inherits no threads or generators of this process. On Linux workers
# are forked from a server that has loaded the libraries: starting two of them again takes 0.1 s
# instead of 3 s, and starting the first two takes half of the computing time.
_METHOD = "forkserver" if sys.platform == "linux" else "spawn"

# Modules that the server imports once for all workers. scikit-learn and torch import the last two
# late: without them the first training of a worker takes 1.3 s instead of 0.2 s.
PRELOADED = (
    "qmoe_qiskit.studies.engine.results",
    "qmoe_qiskit.train",
    "sklearn.datasets",
    "torch._dynamo",
)


def load_libraries(names: Sequence[str] = PRELOADED) -> None:
    """Start the server that workers are forked from, unless it runs, and return at once.

    The server loads the libraries meanwhile. It ignores Ctrl-C and has one thread: it inherits the
    signal mask and the environment, which must be set before it loads the libraries.
    """
    if _METHOD != "forkserver":
        return
    get_context(_METHOD).set_forkserver_preload(list(names))
    resource_tracker.ensure_running()  # the server would start it with the signal unblocked
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        forkserver.ensure_running()
    finally:
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = threads
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def processes(
    workers: int | None = None, *, preloaded: Sequence[str] = PRELOADED
) -> Iterator[Executor]:
    """Open an executor of processes with one thread each.

    The processes end at once when an exception, Ctrl-C included, leaves the `with` block, and when
    this process is killed.

    Args:
        workers: Number of processes; by default one per core.
        preloaded: Modules that the tasks need; see `load_libraries`.

    Raises:
        InputError: If workers is below 1.
    """
    n_workers = _cores() if workers is None else require_positive("workers", workers)
    load_libraries(preloaded)
    context = get_context(_METHOD)
    # Nothing is ever written to the pipe: workers notice when it closes.
    ended, end = context.Pipe(duplex=False)
    executor = ProcessPoolExecutor(
        n_workers, mp_context=context, initializer=_begin_worker, initargs=(ended,)
    )
    try:
        with ThreadPoolExecutor(1) as thread:
            yield _Submitting(executor, thread)
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        end.close()
        raise
    finally:
        executor.shutdown(cancel_futures=True)
        end.close()
        ended.close()


class _Submitting(Executor):
    """Submits calls in a separate thread, where Ctrl-C cannot interrupt the start of a process."""

    def __init__(self, executor: Executor, thread: Executor) -> None:
        self._executor = executor
        self._thread = thread

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return self._thread.submit(self._executor.submit, fn, *args, **kwargs).result()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait, cancel_futures=cancel_futures)


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _begin_worker(ended: Connection) -> None:
    # Ctrl-C reaches every process of a terminal; only the main process reacts to it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    threading.Thread(target=_end_with, args=(ended,), daemon=True).start()


def _end_with(ended: Connection) -> None:
    """End this process when the process that started it closes the pipe, or is gone."""
    connection.wait([ended])
    os._exit(1)
