"""What a study is: settings, tasks made from them, and a summary of the results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.report.summary import Summary


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study.

    Attributes:
        name: Name of the study on the command line.
        title: Question that the study answers, a sentence.
        settings: Class of the settings, which makes the default ones without arguments.
        quick: Settings that take less than two minutes on two cores.
        quick_seeds: Number of seeds that go with the quick settings.
        tasks: Makes the tasks from settings and seeds.
        summarize: Makes the summary from settings, seeds and all results, in the tasks' order.
    """

    name: str
    title: str
    settings: type[StudySettings]
    quick: StudySettings
    quick_seeds: int
    tasks: Callable[[Any, Sequence[int]], list[Task]]
    summarize: Callable[[Any, Sequence[int], Sequence[TaskResult]], Summary]
