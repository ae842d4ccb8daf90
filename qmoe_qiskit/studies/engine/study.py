"""What a study is: settings, tasks made from them, and a summary of the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.results import TaskResult
    from qmoe_qiskit.studies.engine.task import Task
    from qmoe_qiskit.studies.report.summary import Summary


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study.

    Attributes:
        name: As on the command line.
        title: What it asks, a sentence.
        settings: Frozen keyword-only dataclass of settings, all with defaults: numbers, text,
            booleans and tuples of them. Its `__post_init__` refuses impossible values
            (InputError).
        quick: Settings that take less than two minutes on two cores.
        quick_seeds: How many seeds go with them.
        tasks: Makes the tasks of some seeds from settings.
        summarize: Makes the summary from settings, seeds and all results, in the tasks' order.
    """

    name: str
    title: str
    settings: type[Any]
    quick: Any
    quick_seeds: int
    tasks: Callable[[Any, Sequence[int]], list[Task]]
    summarize: Callable[[Any, Sequence[int], Sequence[TaskResult]], Summary]
