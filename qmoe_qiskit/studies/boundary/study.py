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


def _n_claims(settings: BoundarySettings) -> int:
    """Count the routers that the quantum router is compared with."""
    return len(settings.routers) - 1 if "quantum" in settings.routers else 0


STUDY = Study(
    name="boundary",
    title="Where does each router draw its lines?",
    settings=BoundarySettings,
    quick=BoundarySettings(),
    tasks=_tasks,
    summarize=summary,
    n_claims=_n_claims,
)
