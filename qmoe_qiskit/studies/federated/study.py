"""The study `federated`."""

from collections.abc import Sequence

from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.federated.settings import FederatedSettings
from qmoe_qiskit.studies.federated.summary import n_claims, summarize
from qmoe_qiskit.studies.federated.task import FederatedTask


def _tasks(settings: FederatedSettings, seeds: Sequence[int]) -> list[Task]:
    shared = settings.part(
        *("data", "n_samples", "test_fraction", "clients", "partition", "rounds", "batch_size"),
        *("learning_rate", "proximal"),
    )
    return [
        FederatedTask(
            seed=seed,
            router=router,
            way=way,
            layers=settings.layers if router == "quantum" else 1,
            **shared,
        )
        for seed in seeds
        for router, way in settings.cases
    ]


STUDY = Study(
    name="federated",
    title="What do clients gain by sharing the router alone?",
    settings=FederatedSettings,
    quick=FederatedSettings(
        n_samples=400,
        clients=4,
        rounds=10,
        ways=("central", "alone", "fedavg", "router"),
        controls=("linear",),
        control_ways=("fedavg", "router"),
    ),
    tasks=_tasks,
    summarize=summarize,
    n_claims=n_claims,
)
