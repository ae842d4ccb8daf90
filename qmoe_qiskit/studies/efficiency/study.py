"""The study `efficiency`."""

from collections.abc import Sequence

from qmoe_qiskit.studies.efficiency.settings import EfficiencySettings
from qmoe_qiskit.studies.efficiency.summary import n_claims, summary
from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.training.train_task import TrainTask


def _tasks(settings: EfficiencySettings, seeds: Sequence[int]) -> list[Task]:
    """Return the trainings: every router with both scalings, on every seed's points."""
    routers = [("quantum", layers) for layers in settings.layers]
    routers += [(control, TrainTask.n_layers) for control in settings.controls]
    return [
        TrainTask(
            seed=seed,
            router=router,
            n_layers=layers,
            scaling=scaling,
            **settings.training(),
            validate=True,  # sizes are chosen on these rows too
        )
        for seed in seeds
        for scaling in settings.scalings
        for router, layers in routers
    ]


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
    tasks=_tasks,
    summarize=summary,
    n_claims=n_claims,
)
