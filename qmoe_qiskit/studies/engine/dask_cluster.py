"""A Dask cluster that runs the tasks of a study."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from urllib.parse import urlsplit

from qmoe_qiskit.errors import InputError, StudyError

if TYPE_CHECKING:
    from distributed import Client
    from distributed import Future as DaskFuture

P = ParamSpec("P")
T = TypeVar("T")

_RESUME = "finished results are kept, and the same command goes on"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A Dask cluster; calling it opens an executor.

    Another worker takes over a task whose worker dies; Dask's workers should have one thread each.
    When the scheduler is gone, the executor is broken, and the next call waits for the scheduler to
    return.

    Attributes:
        address: Address of the scheduler, such as "tcp://127.0.0.1:8786".
        patience_s: How long to wait for the scheduler, and then for a first worker, in seconds.

    Raises:
        InputError: If the address is malformed, or the extra "cluster" is not installed.
    """

    address: str
    patience_s: float = 30.0

    def __post_init__(self) -> None:
        if not _is_address(self.address):
            raise InputError(
                f"{self.address!r} is no address of a Dask scheduler: give one such as "
                "tcp://127.0.0.1:8786"
            )
        try:
            import distributed  # noqa: F401
        except ImportError as error:
            raise InputError(
                "a cluster needs Dask, which is not installed: pip install dask distributed"
            ) from error

    @contextmanager
    def __call__(self) -> Iterator[Executor]:
        """Connect to the scheduler; it stays running afterwards.

        Raises:
            StudyError: If no scheduler answers, it has no worker, or no worker has this program.
            BrokenExecutor: If the scheduler is gone, or a task has killed several workers.
        """
        from distributed import Client

        with _silence():
            try:
                client = Client(self.address, timeout=self.patience_s, set_as_default=False)
            except OSError as error:
                raise StudyError(
                    f"no Dask scheduler answers at {self.address!r} within {self.patience_s:g} s: "
                    f"start it (dask scheduler), or leave --cluster out; {_RESUME}"
                ) from error
            with client:
                try:
                    client.wait_for_workers(1, timeout=self.patience_s)
                except TimeoutError as error:
                    raise StudyError(
                        f"the Dask scheduler at {self.address!r} has no worker: start one "
                        f"(dask worker {self.address} --nthreads 1); {_RESUME}"
                    ) from error
                except OSError as error:
                    raise BrokenExecutor(str(error)) from error
                yield _ClusterExecutor(client)


class _ClusterExecutor(Executor):
    """Runs calls on a Dask cluster; a result that is lost for good raises `BrokenExecutor`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        remote = self._client.submit(fn, *args, pure=False, **kwargs)
        arriving: Future[T] = asyncio.run_coroutine_threadsafe(
            self._result_of(remote), self._client.loop.asyncio_loop
        )
        # Cancelling must not reach into Dask's own waiting, which would log an error: Dask drops
        # unwanted results when the client closes.
        future: Future[T] = Future()
        arriving.add_done_callback(lambda arrived: _hand_over(arrived, future))
        return future

    async def _result_of(self, remote: DaskFuture[T]) -> T:
        from distributed import CancelledError, KilledWorker
        from distributed.comm import CommClosedError

        try:
            results = await self._client.gather([remote], asynchronous=True)
        except (CancelledError, CommClosedError, KilledWorker) as error:
            raise BrokenExecutor(str(error)) from error
        except RuntimeError as error:
            if isinstance(error.__cause__, ImportError):
                raise StudyError(
                    f"a worker of the cluster cannot run the tasks ({error.__cause__}): install "
                    f"the same version of qmoe-qiskit there; {_RESUME}"
                ) from error
            raise
        result: T = results[0]
        return result


def _hand_over(arrived: Future[T], future: Future[T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    if arrived.cancelled():
        future.set_exception(BrokenExecutor("the connection to the cluster was closed"))
    elif (error := arrived.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(arrived.result())


@contextmanager
def _silence() -> Iterator[None]:
    """Keep Dask from logging lost connections with tracebacks; the executor reports them."""
    logger = logging.getLogger("distributed.client")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"tcp", "tls"} and bool(parts.hostname and parts.port)
    except ValueError:  # the port is not a number
        return False
