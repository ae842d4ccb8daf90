"""What a study is: settings, tasks made from them, and a summary of the results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qmoe_qiskit.stats.sign_flip import fewest_seeds
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.report.summary import Summary

_SEEDS_OF_AN_INTERVAL = 2


def _no_claims(_: StudySettings) -> int:
    return 0


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study.

    Attributes:
        name: Name of the study on the command line.
        title: Question that the study answers, a sentence.
        settings: Class of the settings, which makes the default ones without arguments.
        quick: Settings that take less than two minutes on two cores.
        tasks: Makes the tasks from settings and seeds.
        summarize: Makes the summary from settings, seeds and all results, in the tasks' order.
        n_claims: Counts the claims that settings lead to; verdicts are corrected for their number.
    """

    name: str
    title: str
    settings: type[StudySettings]
    quick: StudySettings
    tasks: Callable[[Any, Sequence[int]], list[Task]]
    summarize: Callable[[Any, Sequence[int], Sequence[TaskResult]], Summary]
    n_claims: Callable[[Any], int] = _no_claims

    def seeds_to_decide(self, settings: StudySettings) -> int:
        """Return the smallest number of seeds with which a claim can be decided; 2 without any."""
        n_claims = self.n_claims(settings)
        return fewest_seeds(n_claims) if n_claims else _SEEDS_OF_AN_INTERVAL
