"""The study `efficiency`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmoe_qiskit.studies.efficiency.settings import EfficiencySettings
from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.training.train_task import TrainTask

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.results import TaskResult
    from qmoe_qiskit.studies.engine.task import Task
    from qmoe_qiskit.studies.report.summary import Summary


def tasks(settings: EfficiencySettings, seeds: Sequence[int]) -> list[Task]:
    """Return the trainings: every router with both scalings, on every seed's points."""
    routers = [("quantum", layers) for layers in settings.layers]
    routers += [(control, TrainTask.n_layers) for control in settings.controls]
    return [
        TrainTask(
            seed=seed,
            router=router,
            n_layers=layers,
            data=settings.data,
            n_samples=settings.n_samples,
            scaling=scaling,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            learning_rates=settings.learning_rates,
            validate=True,  # sizes are chosen on these rows too
        )
        for seed in seeds
        for scaling in settings.scalings
        for router, layers in routers
    ]


def summarize(
    settings: EfficiencySettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Return what the study found."""
    from qmoe_qiskit.studies.efficiency.summary import summary

    return summary(settings, seeds, results)


STUDY = Study(
    name="efficiency",
    title="Does the quantum router need fewer parameters than classical ones?",
    settings=EfficiencySettings,
    quick=EfficiencySettings(
        learning_rates=(0.1,),
        layers=(1, 3),
        controls=("linear", "mlp:4", "mlp:16", "fourier", "rff:8"),
        compared=("linear", "mlp:4", "fourier"),
    ),
    quick_seeds=10,
    tasks=tasks,
    summarize=summarize,
)
