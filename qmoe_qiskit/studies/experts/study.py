"""The study `experts`."""

from collections.abc import Sequence

from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.experts.settings import CONTENDERS, ExpertsSettings
from qmoe_qiskit.studies.experts.summary import CLAIMS, summarize
from qmoe_qiskit.studies.experts.task import ExpertsTask


def _tasks(settings: ExpertsSettings, seeds: Sequence[int]) -> list[Task]:
    return [
        ExpertsTask(
            seed=seed,
            data=data,
            model=contender.model,
            n_layers=settings.deep_layers if contender.deep else settings.n_layers,
            backend=settings.backend if contender.quantum else "statevector",
            learning_rates=rates,
            **settings.part("n_samples", "test_fraction", "n_experts", "epochs", "batch_size"),
        )
        for seed in seeds
        for data in settings.data
        for contender in CONTENDERS
        for rates in ((settings.paper_learning_rate,), settings.learning_rates)
    ]


STUDY = Study(
    name="experts",
    title="Are mixtures with quantum experts better than one circuit, or than classical mixtures?",
    settings=ExpertsSettings,
    quick=ExpertsSettings(n_samples=500, learning_rates=(0.03, 0.1)),
    tasks=_tasks,
    summarize=summarize,
    n_claims=lambda settings: len(settings.data) * len(CLAIMS),
)
