"""The study `experts`."""

from __future__ import annotations

from collections.abc import Sequence

from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.experts.settings import CONTENDERS, ExpertsSettings
from qmoe_qiskit.studies.experts.summary import summarize
from qmoe_qiskit.studies.experts.task import ExpertsTask


def _tasks(settings: ExpertsSettings, seeds: Sequence[int]) -> list[Task]:
    return [
        ExpertsTask(
            seed=seed,
            data=data,
            n_samples=settings.n_samples,
            test_fraction=settings.test_fraction,
            model=contender.model,
            n_experts=settings.n_experts,
            n_layers=settings.deep_layers if contender.deep else settings.n_layers,
            backend=settings.backend if contender.quantum else "statevector",
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            learning_rates=rates,
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
    quick_seeds=9,
    tasks=_tasks,
    summarize=summarize,
)
