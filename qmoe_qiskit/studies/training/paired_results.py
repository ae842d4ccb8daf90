"""Results of trainings, by what was trained, paired by seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.stats import mean_estimates
from qmoe_qiskit.studies.training.routers import label
from qmoe_qiskit.studies.training.train_task import TrainTask
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.stats.types import Estimate
    from qmoe_qiskit.studies.engine.results import TaskResult
Result = dict[str, Any]

# Scalings as sentences name them.
INPUTS = {"paper": "inputs in [0, pi]", "centred": "inputs in [-pi/2, pi/2]"}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A router on inputs of one scaling.

    Attributes:
        scaling: See `SCALINGS`.
        router: See `studies.routers`.
        layers: Of a quantum router, where the study has several numbers of them.
    """

    scaling: str
    router: str
    layers: int | None = None

    @property
    def label(self) -> str:
        """The router's name for tables."""
        return label(self.router, self.layers)


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Results by contender, one a seed, in the order of the seeds.

    Attributes:
        results: For each contender its results.
    """

    results: dict[Contender, list[Result]]

    def values(self, contender: Contender, read: Callable[[Result], float]) -> FloatArray:
        """Return a number of each seed's result, (N,)."""
        return np.array([read(result) for result in self.results[contender]], dtype=np.float64)

    def lead(self, one: Contender, other: Contender) -> FloatArray:
        """Return by how much one is more accurate than another, by seed, (N,)."""
        # Accuracies are shares of rows: beyond 12 digits there is only rounding.
        return np.round(self.values(one, accuracy) - self.values(other, accuracy), 12)

    def means(self, columns: Sequence[FloatArray]) -> list[Estimate]:
        """Return the mean of each column of numbers, one a seed, with its interval."""
        return mean_estimates(np.stack(columns, axis=1)) if columns else []


def paired(
    results: Sequence[TaskResult], seeds: Sequence[int], *, by_layers: bool = False
) -> Paired:
    """Group the results of trainings.

    Args:
        results: Of tasks that are trainings; of every contender one for each seed.
        seeds: The order within a group.
        by_layers: Whether quantum routers of different depth are different contenders.
    """
    found: dict[Contender, dict[int, Result]] = {}
    for result in results:
        task = result.task
        assert isinstance(task, TrainTask)
        layers = task.n_layers if by_layers and task.router == "quantum" else None
        contender = Contender(scaling=task.scaling, router=task.router, layers=layers)
        found.setdefault(contender, {})[task.seed] = result.result
    return Paired(
        results={name: [by_seed[seed] for seed in seeds] for name, by_seed in found.items()}
    )


def accuracy(result: Result) -> float:
    """Return the held-out accuracy on the first setting."""
    value: float = result["settings"][0]["accuracy"]
    return value


def validation_accuracy(result: Result) -> float:
    """Return the accuracy with the chosen rate on the part of the training rows kept for that."""
    rate = result["learning_rate"]
    return next(
        float(tried["accuracy"]) for tried in result["validation"] if tried["learning_rate"] == rate
    )


def parameters(result: Result) -> float:
    """Return the number of parameters of the router."""
    return float(result["n_parameters"])


def effective(result: Result) -> float:
    """Return the number of effective parameters of the trained router."""
    return float(result["effective_parameters"])


def source_of(results: Sequence[TaskResult], seeds: Sequence[int]) -> str:
    """Return what the numbers of a table come from."""
    named = ", ".join(map(str, seeds)) if len(seeds) <= 5 else f"{seeds[0]} ... {seeds[-1]}"
    return f"{len(results)} trainings with {counted(len(seeds), 'seed')}: {named}"


def counted(number: int, what: str) -> str:
    """Return a number of things, in words."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
