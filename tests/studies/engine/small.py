"""A study of small tasks, which say where and how often they ran."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import model_validator

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.report.summary import Column, Estimate, Summary, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmoe_qiskit.studies.engine.results import TaskResult


@dataclass(frozen=True, kw_only=True)
class Small(Task):
    """Draws some numbers.

    Attributes:
        seed: Of the numbers.
        level: What they are multiplied by.
        seconds: How long that takes.
        size: How many numbers.
        log: File that a line with the number of the process is appended to, or "".
    """

    kind: ClassVar[str] = "test-small"

    seed: int
    level: float = 1.0
    seconds: float = 0.0
    size: int = 3
    log: str = ""

    def check(self) -> None:
        if self.level < 0:
            raise InputError(f"level must be at least 0, got {self.level}")

    def run(self) -> dict[str, Any]:
        if self.log:
            with Path(f"{self.log}-{self.seed}").open("a") as file:
                file.write(f"{os.getpid()}\n")
        time.sleep(self.seconds)
        values_N = np.random.default_rng(self.seed).normal(size=self.size)
        return {"values": (self.level * values_N).tolist()}


@dataclass(frozen=True, kw_only=True)
class Deadly(Small):
    """Kills its process when it runs for the first time, or the first few times.

    Attributes:
        times: How many times it kills its process.
        others: Number of other tasks whose results go beside the log. As long as results of theirs
            are missing, the task waits for one more of them before it kills its process.
    """

    kind: ClassVar[str] = "test-deadly"

    times: int = 1
    others: int = 0

    def run(self) -> dict[str, Any]:
        result = super().run()
        wanted = min(self._n_results() + 1, self.others)
        while self._n_results() < wanted:
            time.sleep(0.005)
        if len(pids(self.log, self.seed)) <= self.times:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    def _n_results(self) -> int:
        return len(list((Path(self.log).parent / "tasks").glob("*.json")))


@dataclass(frozen=True, kw_only=True)
class Calibrated(Small):
    """Depends on a noise profile: a file's contents."""

    kind: ClassVar[str] = "test-calibrated"

    profile: str

    def profiles(self) -> dict[str, str]:
        return {"device": Path(self.profile).read_text()}


@dataclass(frozen=True, kw_only=True)
class Threads(Task):
    """Looks at how many threads its process uses."""

    kind: ClassVar[str] = "test-threads"

    def run(self) -> dict[str, Any]:
        import torch

        return {"torch": torch.get_num_threads(), "openmp": os.environ.get("OMP_NUM_THREADS")}


def pids(log: str, seed: int) -> list[int]:
    """Return the process of each time that a task ran."""
    path = Path(f"{log}-{seed}")
    return [int(line) for line in path.read_text().split()] if path.exists() else []


class SmallSettings(StudySettings, title="small"):
    """Settings of the study."""

    levels: tuple[float, ...] = (1.0, 2.0)
    size: int = 3
    seconds: float = 0.0
    log: str = ""

    @model_validator(mode="after")
    def _has_numbers(self) -> Self:
        if self.size < 1:
            raise InputError(f"size must be at least 1, got {self.size}")
        return self


def _tasks(settings: SmallSettings, seeds: Sequence[int]) -> list[Task]:
    return [
        Small(
            seed=seed,
            level=level,
            size=settings.size,
            seconds=settings.seconds,
            log=settings.log,
        )
        for level in settings.levels
        for seed in seeds
    ]


def _summarize(
    settings: SmallSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    n = len(seeds)
    rows = []
    for index, level in enumerate(settings.levels):
        values = [r.result["values"][0] for r in results[index * n : (index + 1) * n]]
        mean = Estimate(value=float(np.mean(values)), low=min(values), high=max(values), n=n)
        rows.append((level, mean))
    columns = (Column(name="level"), Column(name="value", unit="nat"))
    return Summary(
        tables=(Table(name="values", title="Values", columns=columns, rows=tuple(rows)),),
        remarks=("Small numbers.",),
    )


STUDY = Study(
    name="small",
    title="Are small tasks done?",
    settings=SmallSettings,
    quick=SmallSettings(levels=(1.0,)),
    tasks=_tasks,
    summarize=_summarize,
)
