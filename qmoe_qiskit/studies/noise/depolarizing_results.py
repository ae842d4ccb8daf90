"""The sweep over depolarizing noise: its tasks, and its accuracies by seed and level."""

from __future__ import annotations

from functools import partial

from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.noise.results import Found, Result, accuracy, with_shots
from qmoe_qiskit.studies.noise.settings import NoiseSettings, depolarizing
from qmoe_qiskit.studies.noise.tasks import ShotsTask
from qmoe_qiskit.typing import FloatArray


def tasks(settings: NoiseSettings, seed: int) -> list[Task]:
    """Return a training at every level, and the controls."""
    return [
        *(sweep_task(settings, seed, level=level) for level in settings.levels),
        *(settings.control(seed, router) for router in settings.controls),
    ]


def sweep_task(settings: NoiseSettings, seed: int, *, level: float) -> ShotsTask:
    """Return the training at a level, measured there; that without noise at all levels."""
    measured = (level,) if level else settings.levels
    return ShotsTask(
        **settings.training(
            seed,
            train_on=depolarizing(level),
            settings=tuple(map(depolarizing, measured)),
        ),
        shots=settings.shots,
        sampled=(depolarizing(level),),
    )


class Sweep:
    """Held-out accuracies by seed and level, (N, L).

    Attributes:
        settings: Of the study.
        retrained_NL: Trained and tested at the level.
        ideal_NL: Trained without noise, tested at the level.
        train_NL: On the rows that it was trained on, as the paper has it.
        shots_NL: By number of shots: trained at the level without shots, tested with them.
        controls: One accuracy a seed, by router.
        source: What they come from.
    """

    def __init__(self, settings: NoiseSettings, found: Found) -> None:
        self.settings = settings
        at_levels = [partial(sweep_task, settings, level=level) for level in settings.levels]
        self.retrained_NL = found.columns(at_levels, accuracy)
        self.ideal_NL = found.settings(at_levels[0], range(len(settings.levels)), accuracy)
        self.train_NL = found.columns(at_levels, _train_accuracy)
        self.shots_NL = {
            shots: found.columns(at_levels, partial(with_shots, index=k))
            for k, shots in enumerate(settings.shots)
        }
        self.controls = found.controls(settings)
        self.source = found.source(
            f"{len(settings.levels)} trainings (noise-shots) and {len(self.controls)} of classical "
            "routers (train)"
        )

    @property
    def levels(self) -> tuple[float, ...]:
        """The depolarizing probabilities."""
        return self.settings.levels

    @property
    def by_shots(self) -> dict[str, FloatArray]:
        """Accuracies by the name of the number of shots, the exact ones first."""
        return {"exact": self.retrained_NL} | {
            f"{shots} shots": values_NL for shots, values_NL in self.shots_NL.items()
        }


def _train_accuracy(result: Result) -> float:
    value: float = result["train_accuracy"]
    return value
