"""The study `ablation`: does the quantum router depend on interference?"""

from collections.abc import Sequence

from qmoe_qiskit.studies.ablation.settings import AblationSettings
from qmoe_qiskit.studies.ablation.summary import summary
from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.training.train_task import TrainTask


def _tasks(settings: AblationSettings, seeds: Sequence[int]) -> list[Task]:
    """Return the trainings: every router with both scalings, on every seed's points."""
    return [
        TrainTask(
            seed=seed,
            router=router,
            n_layers=settings.layers,
            scaling=scaling,
            **settings.training(),
        )
        for seed in seeds
        for scaling in settings.scalings
        for router in ("quantum", *settings.routers)
    ]


STUDY = Study(
    name="ablation",
    title="Does the quantum router depend on interference?",
    settings=AblationSettings,
    quick=AblationSettings(learning_rates=(0.05,)),
    tasks=_tasks,
    summarize=summary,
    n_claims=lambda settings: len(settings.scalings) * len(settings.routers),
)
