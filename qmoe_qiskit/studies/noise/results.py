"""The results of a study of noise, by seed, for its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.stats import breakdown_point
from qmoe_qiskit.stats.types import Breakdown
from qmoe_qiskit.studies.report.summary import Cell
from qmoe_qiskit.studies.training.routers import label
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.results import TaskResult
    from qmoe_qiskit.studies.engine.task import Task
    from qmoe_qiskit.studies.noise.settings import NoiseSettings
Result = dict[str, Any]
Read = Callable[[Result], float]
TaskOf = Callable[[int], "Task"]  # of a seed


class Found:
    """Results, found again by the task that they belong to.

    Args:
        seeds: Seeds of the study.
        results: All results.
    """

    def __init__(self, seeds: Sequence[int], results: Sequence[TaskResult]) -> None:
        self._seeds = tuple(seeds)
        self._results = {result.task: result.result for result in results}

    def values(self, task_of: TaskOf, read: Read) -> FloatArray:
        """Return a number of each seed's result, in the order of the seeds, (N,)."""
        return np.array([read(self._results[task_of(seed)]) for seed in self._seeds])

    def columns(self, tasks_of: Sequence[TaskOf], read: Read) -> FloatArray:
        """Return a number of each seed's results of K tasks, (N, K)."""
        return np.stack([self.values(task_of, read) for task_of in tasks_of], axis=1)

    def settings(
        self, task_of: TaskOf, indices: Sequence[int], read: Callable[[Result, int], float]
    ) -> FloatArray:
        """Return a number of each seed's result on K of one training's settings, (N, K)."""
        results = [self._results[task_of(seed)] for seed in self._seeds]
        return np.array([[read(result, k) for k in indices] for result in results])

    def controls(self, settings: NoiseSettings) -> dict[str, FloatArray]:
        """Return the held-out accuracies of each classical router, (N,)."""
        return {
            router: self.values(partial(settings.control, router=router), accuracy)
            for router in settings.controls
        }

    def source(self, what: str) -> str:
        """Return what numbers come from."""
        n, names = len(self._seeds), [str(seed) for seed in self._seeds]
        shown = ", ".join(names if n <= 3 else (names[0], "...", names[-1]))
        return f"{n} {'seed' if n == 1 else 'seeds'} ({shown}), each with {what}"


def accuracy(result: Result, index: int = 0) -> float:
    """Read the held-out accuracy on one of a training's settings."""
    value: float = result["settings"][index]["accuracy"]
    return value


def flips(result: Result, index: int = 0) -> float:
    """Read the share of rows that another expert serves than without noise."""
    value: float = result["settings"][index]["routing_flips"]
    return value


def with_shots(result: Result, place: int = 0, *, index: int) -> float:
    """Read the held-out accuracy with one of a `ShotsTask`'s numbers of shots, at a place."""
    value: float = result["shots"][place][index]["accuracy"]
    return value


def breakdown_rows(
    levels: Sequence[float],
    columns: Sequence[FloatArray],
    controls: dict[str, FloatArray],
    threshold: float,
) -> tuple[tuple[Cell, ...], ...]:
    """Return the rows of a table of breakdown points: against each control, and in accuracy.

    Args:
        levels: L levels of noise.
        columns: For each column of the table its accuracies, (N, L).
        controls: Accuracies of each control, (N,).
        threshold: Accuracy below which a router has broken down.
    """
    names = [
        *(f"falls behind {label(name)}" for name in controls),
        f"has an accuracy under {threshold:g}",
    ]
    points = [breakdown_points(levels, values_NL, controls, threshold) for values_NL in columns]
    return tuple(zip(names, *points, strict=True))


def breakdown_points(
    levels: Sequence[float],
    values_NL: FloatArray,
    controls: dict[str, FloatArray],
    threshold: float,
) -> tuple[Breakdown, ...]:
    """Return where accuracies fall behind those of each control, and under a threshold.

    Args:
        levels: L levels of noise.
        values_NL: Accuracies.
        controls: Accuracies of each control, (N,).
        threshold: Accuracy below which a router has broken down.
    """
    return (
        *(
            breakdown_point(levels, values_NL - control_N[:, None])
            for control_N in controls.values()
        ),
        breakdown_point(levels, values_NL, threshold=threshold),
    )
