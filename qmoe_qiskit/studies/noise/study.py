"""The study `noise`: phase 3B of arXiv:2512.22296, then real devices, shots, drift, mitigation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.noise import depolarizing as noise_depolarizing
from qmoe_qiskit.studies.noise import depolarizing_results as noise_sweep
from qmoe_qiskit.studies.noise import devices as noise_devices
from qmoe_qiskit.studies.noise import devices_results as noise_devices_found
from qmoe_qiskit.studies.noise import drift as noise_drift
from qmoe_qiskit.studies.noise import mechanisms as noise_mechanisms
from qmoe_qiskit.studies.noise import mitigation as noise_mitigation
from qmoe_qiskit.studies.noise import scales as noise_scales
from qmoe_qiskit.studies.noise.results import Found
from qmoe_qiskit.studies.noise.section import StudySection, combine_sections
from qmoe_qiskit.studies.noise.settings import NoiseSettings

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.results import TaskResult
    from qmoe_qiskit.studies.engine.task import Task
    from qmoe_qiskit.studies.report.summary import Summary


class _Steps(NamedTuple):
    """Functions of a part of the study: the tasks of one seed, and the section they lead to."""

    tasks: Callable[[NoiseSettings, int], list[Task]]
    summarize: Callable[[NoiseSettings, Found], StudySection]


# In the order of `PARTS`.
_PARTS = {
    "depolarizing": _Steps(noise_sweep.tasks, noise_depolarizing.summarize),
    "devices": _Steps(noise_devices_found.tasks, noise_devices.summarize),
    "scales": _Steps(noise_scales.tasks, noise_scales.summarize),
    "mechanisms": _Steps(noise_mechanisms.tasks, noise_mechanisms.summarize),
    "drift": _Steps(noise_drift.tasks, noise_drift.summarize),
    "mitigation": _Steps(noise_mitigation.tasks, noise_mitigation.summarize),
}


def _tasks(settings: NoiseSettings, seeds: Sequence[int]) -> list[Task]:
    # Parts share trainings: each one is run once.
    tasks = [
        task for seed in seeds for part in _chosen(settings) for task in part.tasks(settings, seed)
    ]
    return list(dict.fromkeys(tasks))


def _summarize(
    settings: NoiseSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    found = Found(seeds, results)
    return combine_sections([part.summarize(settings, found) for part in _chosen(settings)])


def _chosen(settings: NoiseSettings) -> list[_Steps]:
    """Return the parts that the settings name."""
    return [part for name, part in _PARTS.items() if name in settings.parts]


STUDY = Study(
    name="noise",
    title="What does noise cost the quantum router, and where does it break down?",
    settings=NoiseSettings,
    # The paper's sweep.
    quick=NoiseSettings(parts=("depolarizing",), levels=(0.0, 0.02, 0.05, 0.1, 0.15, 0.2)),
    quick_seeds=20,
    tasks=_tasks,
    summarize=_summarize,
)
