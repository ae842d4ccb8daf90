"""The numbers in the results of a study: found by a key, one value per seed."""

from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

import numpy as np

from qmoe_qiskit.stats import mean_estimates
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.typing import FloatArray

Key = TypeVar("Key", bound=Hashable)
AnyTask = TypeVar("AnyTask", bound=Task)


class ResultsFrame(Generic[Key]):
    """Results of one kind of task, grouped by a key and paired by seed.

    Tasks with the same key differ in their seed only. A path leads to a number in a result: names,
    indices, and slices, each of which adds an axis to the array.

    Shapes: N seeds, K keys.

    Args:
        kind: Class of the tasks; results of other tasks are left out.
        seeds: Seeds of the study; they order the rows of every array.
        results: Results of the study, in any order; each key has a result for every seed.
        key: Takes a task to its key.
        seed: Takes a task to its seed.

    >>> from qmoe_qiskit.studies.engine.results import TaskResult
    >>> from qmoe_qiskit.studies.training.train_task import TrainTask
    >>> results = [
    ...     TaskResult(task=TrainTask(seed=seed, router=router), result={"loss": loss}, seconds=1.0)
    ...     for seed, router, loss in ((5, "linear", 0.5), (4, "linear", 0.25), (4, "mlp:2", 0.125))
    ... ]
    >>> frame = ResultsFrame(TrainTask, [4], results, lambda task: task.router)
    >>> frame.keys
    ('linear', 'mlp:2')
    >>> frame.values("linear", "loss")
    array([0.25])
    >>> frame.difference("linear", "mlp:2", "loss")
    array([0.125])
    """

    def __init__(
        self,
        kind: type[AnyTask],
        seeds: Sequence[int],
        results: Sequence[TaskResult],
        key: Callable[[AnyTask], Key],
        seed: Callable[[AnyTask], int] = attrgetter("seed"),
    ) -> None:
        found: dict[Key, dict[int, TaskResult]] = {}
        for result in results:
            if isinstance(result.task, kind):
                found.setdefault(key(result.task), {})[seed(result.task)] = result
        self.seeds = tuple(seeds)
        self._found = {
            name: [by_seed[seed] for seed in self.seeds] for name, by_seed in found.items()
        }

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys, in the order of their first results."""
        return tuple(self._found)

    @property
    def n_results(self) -> int:
        """Number of results of all keys and seeds."""
        return sum(map(len, self._found.values()))

    def results(self, key: Key) -> list[dict[str, Any]]:
        """Return the result of each seed."""
        return [found.result for found in self._found[key]]

    def seconds(self, key: Key) -> FloatArray:
        """Return how long the task of each seed took, (N,), s."""
        return np.array([found.seconds for found in self._found[key]])

    def values(self, key: Key, *path: str | int | slice) -> FloatArray:
        """Return the number at a path in each seed's result, (N, ...)."""
        return np.array([_read(result, path) for result in self.results(key)], dtype=np.float64)

    def columns(self, keys: Sequence[Key], *path: str | int) -> FloatArray:
        """Return the number at a path in each seed's result of several keys, (N, K)."""
        return np.stack([self.values(key, *path) for key in keys], axis=1)

    def difference(self, one: Key, other: Key, *path: str | int) -> FloatArray:
        """Return by how much the number of one key is above that of another, seed by seed, (N,)."""
        # Numbers such as accuracies are shares of rows: beyond 12 digits there is only rounding,
        # and equal differences must be equal.
        return np.round(self.values(one, *path) - self.values(other, *path), 12)

    def means(self, keys: Sequence[Key], *path: str | int) -> list[Estimate]:
        """Return the mean of each key's numbers over the seeds, with its interval."""
        return mean_estimates(self.columns(keys, *path))


def _read(value: Any, path: Sequence[str | int | slice]) -> Any:  # noqa: ANN401 - JSON values
    for index, step in enumerate(path):
        if isinstance(step, slice):
            return [_read(item, path[index + 1 :]) for item in value[step]]
        value = value[step]
    return value
