"""The study `compare`: which router predicts one's own data best?"""

from collections.abc import Sequence

from qmoe_qiskit.studies.comparison.settings import ComparisonSettings
from qmoe_qiskit.studies.comparison.summary import n_claims, summary
from qmoe_qiskit.studies.comparison.task import ComparedTraining
from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task


def _tasks(settings: ComparisonSettings, seeds: Sequence[int]) -> list[Task]:
    """Return the trainings: every router on every seed's rows."""
    return [
        ComparedTraining(
            seed=seed, router=router, settings=settings.executions(router), **settings.training()
        )
        for seed in seeds
        for router in settings.routers
    ]


STUDY = Study(
    name="compare",
    title="Which router is the most accurate?",
    settings=ComparisonSettings,
    quick=ComparisonSettings(learning_rates=(0.05,)),
    tasks=_tasks,
    summarize=summary,
    n_claims=n_claims,
)
