"""The study `kernel`."""

from collections.abc import Sequence
from dataclasses import replace

from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.kernel.effective_dimension import DimensionTask
from qmoe_qiskit.studies.kernel.results import n_claims
from qmoe_qiskit.studies.kernel.settings import KernelSettings
from qmoe_qiskit.studies.kernel.summary import summarize
from qmoe_qiskit.studies.kernel.task import KernelTask
from qmoe_qiskit.studies.training.train_task import TrainTask


def _tasks(settings: KernelSettings, seeds: Sequence[int]) -> list[Task]:
    return [task for seed in seeds for task in _of_seed(settings, seed)]


def _of_seed(settings: KernelSettings, seed: int) -> list[Task]:
    training = TrainTask(
        seed=seed,
        data=settings.data[0],
        learning_rates=(settings.learning_rate,),
        **settings.part(
            "n_layers", "n_samples", "test_fraction", "epochs", "batch_size", "scaling"
        ),
    )
    return [
        *(
            KernelTask(
                training=replace(training, data=data),
                **settings.part("uploads", "bandwidths", "gammas", "costs", "folds"),
            )
            for data in settings.data
        ),
        *(
            DimensionTask(
                training=replace(training, router=router),
                box=box,
                n_parameters=settings.draws,
                n_rows=settings.rows,
                sizes=settings.sizes,
            )
            for box, router in settings.dimension_cases
        ),
    ]


STUDY = Study(
    name="kernel",
    title="Is the quantum router a better kernel method than a classical one?",
    settings=KernelSettings,
    quick=KernelSettings(data=("moons",), boxes=("initial",), dimension_controls=("mlp:4",)),
    tasks=_tasks,
    summarize=summarize,
    n_claims=n_claims,
)
