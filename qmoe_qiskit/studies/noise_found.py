"""The results of a study of noise, by seed, for its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qmoe_qiskit.studies.noise_settings import NoiseSettings
    from qmoe_qiskit.studies.results import TaskResult
    from qmoe_qiskit.studies.task import Task

FloatArray = NDArray[np.float64]


class Found:
    """Results, found again by the task that they belong to.

    Args:
        seeds: Seeds of the study.
        results: All results.
    """

    def __init__(self, seeds: Sequence[int], results: Sequence[TaskResult]) -> None:
        self.seeds = tuple(seeds)
        self._by_hash = {result.task.content_hash: result.result for result in results}

    def values(
        self, task_of: Callable[[int], Task], read: Callable[[dict[str, Any]], float]
    ) -> FloatArray:
        """Return one number a seed, in their order: what `read` takes from the task's result."""
        return np.array([read(self._by_hash[task_of(seed).content_hash]) for seed in self.seeds])

    def controls(self, settings: NoiseSettings) -> dict[str, FloatArray]:
        """Return the held-out accuracies of each classical router."""
        return {
            router: self.values(lambda seed, r=router: settings.control(seed, r), accuracy)
            for router in settings.controls
        }

    def source(self, what: str) -> str:
        """Return what numbers come from."""
        n = len(self.seeds)
        return f"{n} {'seed' if n == 1 else 'seeds'}; for each {what}; held-out rows"


def accuracy(result: dict[str, Any], index: int = 0) -> float:
    """Read the held-out accuracy on one of a training's settings."""
    value: float = result["settings"][index]["accuracy"]
    return value


def flips(result: dict[str, Any], index: int = 0) -> float:
    """Read the share of rows that another expert serves than without noise."""
    value: float = result["settings"][index]["routing_flips"]
    return value
