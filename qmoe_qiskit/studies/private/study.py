"""The study `private`."""

from collections.abc import Sequence

from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.private.settings import PrivateSettings
from qmoe_qiskit.studies.private.summary import n_claims, summarize
from qmoe_qiskit.studies.private.task import ControlTask, PrivateTask


def _tasks(settings: PrivateSettings, seeds: Sequence[int]) -> list[Task]:
    tasks: list[Task] = []
    for seed in seeds:
        tasks += [
            PrivateTask(
                seed=seed,
                router=case.router,
                epsilon=case.epsilon,
                n_layers=settings.n_layers if case.router == "quantum" else 1,
                **settings.training(),
            )
            for case in settings.cases
        ]
        tasks.append(ControlTask(seed=seed, **settings.part("data", "n_samples", "test_fraction")))
    return tasks


STUDY = Study(
    name="private",
    title="What does differential privacy cost each router?",
    settings=PrivateSettings,
    quick=PrivateSettings(
        n_samples=400, controls=("linear",), epsilons=(4.0,), epochs=10, learning_rates=(0.1,)
    ),
    tasks=_tasks,
    summarize=summarize,
    n_claims=n_claims,
)
