"""The study `boundary`."""

from collections.abc import Sequence

from qmoe_qiskit.studies.boundary.settings import BoundarySettings
from qmoe_qiskit.studies.boundary.summary import summary
from qmoe_qiskit.studies.boundary.task import BoundaryTask
from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task


def _tasks(settings: BoundarySettings, seeds: Sequence[int]) -> list[Task]:
    """Return the trainings: every router on every seed's points."""
    return [
        BoundaryTask(
            seed=seed,
            router=router,
            n_layers=settings.layers,
            learning_rates=(settings.learning_rate,),
            **settings.part(
                "data", "n_samples", "test_fraction", "epochs", "batch_size", "scaling"
            ),
        )
        for seed in seeds
        for router in settings.routers
    ]


STUDY = Study(
    name="boundary",
    title="Where does each router draw its lines?",
    settings=BoundarySettings,
    quick=BoundarySettings(),
    quick_seeds=10,
    tasks=_tasks,
    summarize=summary,
)
