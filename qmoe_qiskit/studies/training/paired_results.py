"""Results of trainings by router and scaling, and the paths to their numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmoe_qiskit.stats import Estimate, median_estimate, success_rate
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.results_frame import ResultsFrame
from qmoe_qiskit.studies.report.summary import Row, column
from qmoe_qiskit.studies.training.routers import label
from qmoe_qiskit.studies.training.train_task import TrainTask
from qmoe_qiskit.typing import FloatArray

# Scalings as sentences name them.
INPUTS = {"paper": "inputs in [0, pi]", "centred": "inputs in [-pi/2, pi/2]"}
# Path to the held-out accuracy on the first setting that a training is measured on.
ACCURACY = ("settings", 0, "accuracy")


@dataclass(frozen=True, kw_only=True)
class ScaledRouter:
    """A router on inputs of one scaling.

    Attributes:
        scaling: Name of the scaling, see `SCALINGS`.
        router: Name of the router, see `studies.training.routers`.
        layers: Number of layers of a quantum router, where the study has several.
    """

    scaling: str
    router: str
    layers: int | None = None

    @property
    def label(self) -> str:
        """The router's name for tables."""
        return label(self.router, self.layers)


RouterResults = ResultsFrame[ScaledRouter]


def router_results(
    seeds: Sequence[int], results: Sequence[TaskResult], *, by_layers: bool = False
) -> RouterResults:
    """Group the results of trainings by router and scaling.

    Args:
        seeds: Seeds of the study.
        results: Results of trainings.
        by_layers: Whether quantum routers of different depth are different routers.
    """

    def key(task: TrainTask) -> ScaledRouter:
        layers = task.n_layers if by_layers and task.router == "quantum" else None
        return ScaledRouter(scaling=task.scaling, router=task.router, layers=layers)

    return ResultsFrame(TrainTask, seeds, results, key)


def size_cells(frame: RouterResults, router: ScaledRouter) -> Row:
    """Return the cells of a table that name a router and its numbers of parameters."""
    return {
        "inputs": router.scaling,
        "router": router.label,
        column("parameters", 0): int(frame.values(router, "n_parameters")[0]),
        column("effective parameters, median", 0): float(
            np.median(frame.values(router, "effective_parameters"))
        ),
    }


def accuracy_cells(
    frame: RouterResults, router: ScaledRouter, mean: Estimate, threshold: float
) -> Row:
    """Return the cells of a table for a router's held-out accuracy, whose mean is given."""
    accuracies_N = frame.values(router, *ACCURACY)
    return {
        "mean accuracy": mean,
        "median accuracy": median_estimate(accuracies_N),
        column(f"share of seeds with {threshold:g} or more", 2): success_rate(
            accuracies_N, threshold
        ),
    }


def validation_accuracies(frame: RouterResults, router: ScaledRouter) -> FloatArray:
    """Return each seed's accuracy on validation rows with the chosen learning rate, (N,)."""
    return np.array(
        [
            next(
                float(tried["accuracy"])
                for tried in result["validation"]
                if tried["learning_rate"] == result["learning_rate"]
            )
            for result in frame.results(router)
        ]
    )


def source_of(frame: RouterResults) -> str:
    """Return what the numbers of a table come from."""
    seeds = frame.seeds
    named = ", ".join(map(str, seeds)) if len(seeds) <= 5 else f"{seeds[0]} ... {seeds[-1]}"
    return f"{frame.n_results} trainings with {counted(len(seeds), 'seed')}: {named}"


def counted(number: int, what: str) -> str:
    """Return a number of things, in words.

    >>> counted(1, "seed"), counted(2, "seed")
    ('1 seed', '2 seeds')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
