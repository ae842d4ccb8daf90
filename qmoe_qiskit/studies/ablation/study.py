"""The study `ablation`: does the quantum router depend on interference?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmoe_qiskit.studies.ablation.settings import AblationSettings
from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.training.train_task import TrainTask

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.results import TaskResult
    from qmoe_qiskit.studies.engine.task import Task
    from qmoe_qiskit.studies.report.summary import Summary


def tasks(settings: AblationSettings, seeds: Sequence[int]) -> list[Task]:
    """Return the trainings: every router with both scalings, on every seed's points."""
    return [
        TrainTask(
            seed=seed,
            router=router,
            n_layers=settings.layers,
            data=settings.data,
            n_samples=settings.n_samples,
            scaling=scaling,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            learning_rates=settings.learning_rates,
        )
        for seed in seeds
        for scaling in settings.scalings
        for router in ("quantum", *settings.routers)
    ]


def summarize(
    settings: AblationSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Return what the study found."""
    from qmoe_qiskit.studies.ablation.summary import summary

    return summary(settings, seeds, results)


STUDY = Study(
    name="ablation",
    title="Does the quantum router depend on interference?",
    settings=AblationSettings,
    quick=AblationSettings(learning_rates=(0.05,)),
    quick_seeds=10,
    tasks=tasks,
    summarize=summarize,
)
