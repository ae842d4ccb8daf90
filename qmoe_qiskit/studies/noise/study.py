"""The study of noise: what does noise cost the quantum router, and where does it break down?

Phase 3B of arXiv:2512.22296, then calibrations of real devices, shots, drift and mitigation.
"""

from collections.abc import Sequence
from typing import Protocol

from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.noise import depolarizing, devices, drift, mechanisms, mitigation, scales
from qmoe_qiskit.studies.noise.results import NoiseResults
from qmoe_qiskit.studies.noise.settings import NoiseSettings
from qmoe_qiskit.studies.report.sections import StudySection, combine_sections
from qmoe_qiskit.studies.report.summary import Summary


class _Part(Protocol):
    """A part of the study: its tasks of one seed, the section of their results, and its claims."""

    def tasks(self, settings: NoiseSettings, seed: int, /) -> list[Task]: ...
    def summarize(self, settings: NoiseSettings, found: NoiseResults, /) -> StudySection: ...
    def n_claims(self, settings: NoiseSettings, /) -> int: ...


# In the order of `PARTS`.
_PARTS: dict[str, _Part] = {
    "depolarizing": depolarizing,
    "devices": devices,
    "scales": scales,
    "mechanisms": mechanisms,
    "drift": drift,
    "mitigation": mitigation,
}


def _tasks(settings: NoiseSettings, seeds: Sequence[int]) -> list[Task]:
    # Parts share trainings: each training runs once.
    tasks = [
        task for seed in seeds for part in _chosen(settings) for task in part.tasks(settings, seed)
    ]
    return list(dict.fromkeys(tasks))


def _summarize(
    settings: NoiseSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    found = NoiseResults(seeds, results)
    return combine_sections([part.summarize(settings, found) for part in _chosen(settings)])


def _chosen(settings: NoiseSettings) -> list[_Part]:
    """Return the parts that the settings name."""
    return [part for name, part in _PARTS.items() if name in settings.parts]


def _n_claims(settings: NoiseSettings) -> int:
    return sum(part.n_claims(settings) for part in _chosen(settings))


STUDY = Study(
    name="noise",
    title="What does noise cost the quantum router, and where does it break down?",
    settings=NoiseSettings,
    # The levels of the paper.
    quick=NoiseSettings(parts=("depolarizing",), levels=(0.0, 0.02, 0.05, 0.1, 0.15, 0.2)),
    tasks=_tasks,
    summarize=_summarize,
    n_claims=_n_claims,
)
