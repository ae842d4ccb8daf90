"""Running the tasks of a study: tasks with a result are skipped, and no result is lost."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from qmoe_qiskit.errors import StudyError
from qmoe_qiskit.studies.engine.results import TaskResult, load_result, run_task, store_result
from qmoe_qiskit.studies.engine.task import Task, unique_tasks

# Opens an executor for a `with` block; called again after the executor has broken.
OpenExecutor = Callable[[], AbstractContextManager[Executor]]

# How many times in a row the executor may break without finishing a task.
_BREAKS = 3


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Progress of a study.

    Attributes:
        done: Number of tasks with a result, stored ones included.
        total: Number of tasks.
        skipped: Number of tasks whose stored result holds.
        redone: Number of stored results that do not hold and are made again, by reason.
        restarts: Number of times that workers died and were started again.
    """

    done: int
    total: int
    skipped: int
    redone: dict[str, int]
    restarts: int


Report = Callable[[Progress], None]


def run_tasks(
    tasks: Sequence[Task],
    folder: Path,
    open_executor: OpenExecutor,
    *,
    report: Report = lambda _: None,
) -> list[TaskResult]:
    """Run tasks, each to one result file, and return all results in the order of the tasks.

    Equal tasks run once. After an interruption or a kill at any moment the same call goes on with
    the tasks that have no result. This process writes the files: workers need no access to the
    folder. A second process that runs the same tasks in the same folder does no harm.

    Args:
        tasks: The tasks.
        folder: Folder of the study.
        open_executor: Opens the executor that runs the tasks; `lambda: nullcontext(executor)` takes
            any executor, which an error or an interruption shuts down.
        report: Receives the progress, first before any task runs and then after every task.

    Raises:
        InputError: If a task is impossible; no task has run then.
        StudyError: If a result cannot be written, or workers die again and again.
    """
    collection = _Collection(unique_tasks(tasks), folder, report)
    breaks = 0
    while missing := collection.missing():
        if breaks % 2:
            missing.reverse()  # if the first task kills its worker, let the others finish before
        try:
            with open_executor() as executor:
                _run_all(missing, executor, collection.store)
        except BrokenExecutor as error:
            breaks = 1 if len(collection.missing()) < len(missing) else breaks + 1
            if breaks == _BREAKS:
                raise StudyError(
                    f"the workers died {_BREAKS} times without finishing a task (out of memory?): "
                    "try fewer of them; finished results are kept, and the same command goes on"
                ) from error
            collection.restarts += 1
    return [collection.results[task.content_hash] for task in tasks]


def stored_results(tasks: Sequence[Task], folder: Path) -> list[TaskResult]:
    """Return the stored results of tasks, in the order of the tasks.

    Raises:
        InputError: If a task is impossible.
        StudyError: If a task has no result, or one that no longer holds; the message says why.
    """
    collection = _Collection(unique_tasks(tasks), folder, lambda _: None)
    if missing := collection.missing():
        reasons = [f"{count} {fault}" for fault, count in collection.redone.items()]
        if never := len(missing) - collection.redone.total():
            reasons.append(f"{never} not run yet")
        raise StudyError(
            f"{len(missing)} of {len(missing) + len(collection.results)} tasks of the study in "
            f"{str(folder)!r} have no result that holds ({', '.join(reasons)}): go on with the "
            "study, which makes these and keeps the others"
        )
    return [collection.results[task.content_hash] for task in tasks]


class _Collection:
    """Tasks, and the results that exist."""

    def __init__(self, tasks: dict[str, Task], folder: Path, report: Report) -> None:
        self.results: dict[str, TaskResult] = {}
        self.restarts = 0
        self._tasks = tasks
        self._folder = folder
        self._report = report
        self.redone: Counter[str] = Counter()
        for key, task in tasks.items():
            result, fault = load_result(task, folder)
            if result is not None:
                self.results[key] = result
            elif fault is not None:
                self.redone[fault] += 1
        self._skipped = len(self.results)
        self._tell()

    def missing(self) -> list[Task]:
        """Return the tasks that have no result."""
        return [task for key, task in self._tasks.items() if key not in self.results]

    def store(self, task: Task, text: str) -> None:
        """Store a result, unless the task already has one."""
        if task.content_hash not in self.results:
            self.results[task.content_hash] = store_result(task, text, self._folder)
            self._tell()

    def _tell(self) -> None:
        self._report(
            Progress(
                done=len(self.results),
                total=len(self._tasks),
                skipped=self._skipped,
                redone=dict(self.redone),
                restarts=self.restarts,
            )
        )


def _run_all(tasks: list[Task], executor: Executor, store: Callable[[Task, str], None]) -> None:
    """Run tasks; keep every finished result on any way out, and run nothing more after an error.

    The executor itself cancels what has not begun: a future that is cancelled from outside makes
    the thread of a `ProcessPoolExecutor` fail if its workers die at the same time.
    """
    futures: dict[Future[str], Task] = {}
    try:
        for task in tasks:
            futures[executor.submit(run_task, task)] = task
        for future in as_completed(futures):
            store(futures[future], future.result())
    except CancelledError as error:
        raise BrokenExecutor("the executor has dropped a task") from error
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    finally:
        for future, task in futures.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                store(task, future.result())
