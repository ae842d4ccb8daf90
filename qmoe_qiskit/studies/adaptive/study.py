"""The study `adaptive`: do mixtures keep up with data and with devices that drift?"""

from collections.abc import Sequence
from typing import Protocol

from qmoe_qiskit.studies.adaptive import data, devices
from qmoe_qiskit.studies.adaptive.settings import AdaptiveSettings
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.report.sections import StudySection, combine_sections
from qmoe_qiskit.studies.report.summary import Summary


class _Part(Protocol):
    """A part of the study: its tasks of one seed, the section of their results, and its claims."""

    def tasks(self, settings: AdaptiveSettings, seed: int, /) -> list[Task]: ...
    def summarize(
        self, settings: AdaptiveSettings, seeds: Sequence[int], results: Sequence[TaskResult], /
    ) -> StudySection: ...
    def n_claims(self, settings: AdaptiveSettings, /) -> int: ...


# In the order of `PARTS`.
_PARTS: dict[str, _Part] = {"data": data, "devices": devices}


def _chosen(settings: AdaptiveSettings) -> list[_Part]:
    """Return the parts that the settings name."""
    return [part for name, part in _PARTS.items() if name in settings.parts]


def _tasks(settings: AdaptiveSettings, seeds: Sequence[int]) -> list[Task]:
    return [
        task for seed in seeds for part in _chosen(settings) for task in part.tasks(settings, seed)
    ]


def _summarize(
    settings: AdaptiveSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    sections = [part.summarize(settings, seeds, results) for part in _chosen(settings)]
    return combine_sections(sections)


def _n_claims(settings: AdaptiveSettings) -> int:
    return sum(part.n_claims(settings) for part in _chosen(settings))


STUDY = Study(
    name="adaptive",
    title="Do mixtures keep up with data and with devices that drift?",
    settings=AdaptiveSettings,
    quick=AdaptiveSettings(
        policies=("never", "detected"),
        routers=("quantum", "linear"),
        epochs=20,
        days=(1,),
        n_samples=200,
        probes=40,
        retraining_epochs=5,
    ),
    tasks=_tasks,
    summarize=_summarize,
    n_claims=_n_claims,
)
