"""Drift: models trained under a calibration, tested under a later one of the same device."""

from dataclasses import replace

from qmoe_qiskit.stats import Claim, mean_estimates
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.noise.results import MEANS, NoiseResults, stays_within
from qmoe_qiskit.studies.noise.settings import NoiseSettings
from qmoe_qiskit.studies.report.sections import StudySection
from qmoe_qiskit.studies.report.summary import Columns, Row, column, rows_of, table_of_rows
from qmoe_qiskit.studies.training.circuit_execution import EXACT
from qmoe_qiskit.studies.training.train_task import TrainTask

_TRAININGS = {"without noise": False, "under the calibration": True}


def tasks(settings: NoiseSettings, seed: int) -> list[Task]:
    """Return trainings without noise and under each factor on the noise, also measured later."""
    return [
        _task(settings, seed, factor=factor, noisy=noisy)
        for factor in settings.factors
        for noisy in _TRAININGS.values()
    ]


def _task(settings: NoiseSettings, seed: int, *, factor: float, noisy: bool) -> TrainTask:
    device = settings.scaled(factor)
    later = (replace(device, drift_hours=hours) for hours in settings.drift_hours)
    return settings.trained(seed, train_on=device if noisy else EXACT, settings=(device, *later))


def n_claims(settings: NoiseSettings) -> int:
    """Return the number of claims."""
    return len(settings.factors) * len(settings.drift_hours)


def summarize(settings: NoiseSettings, found: NoiseResults) -> StudySection:
    """Return a table and claims."""
    times = (0.0, *settings.drift_hours)
    rows: list[Row] = []
    claims: list[Claim] = []
    for factor in settings.factors:
        for trained, noisy in _TRAININGS.items():
            task = _task(settings, found.seeds[0], factor=factor, noisy=noisy)
            accuracies_NT = found.values(task, "settings", slice(None), "accuracy")
            changes_NT = accuracies_NT[:, 1:] - accuracies_NT[:, :1]
            columns: Columns = {
                column("factor on the noise", 1): [factor] * len(times),
                "trained": [trained] * len(times),
                column("tested later by", 0, unit="h"): times,
                "accuracy": mean_estimates(accuracies_NT),
                "less that without delay": [None, *mean_estimates(changes_NT)],
                "rows routed otherwise than without noise": mean_estimates(
                    found.values(task, "settings", slice(None), "routing_flips")
                ),
            }
            rows += rows_of(columns)
            claims += [
                stays_within(
                    settings.margin,
                    f"trained under {settings.noise(factor)}, ",
                    f"accuracy {hours:g} hours later",
                    changes_N,
                )
                for hours, changes_N in zip(settings.drift_hours, changes_NT.T, strict=True)
                if noisy
            ]
    table = table_of_rows(
        rows,
        name="drift",
        title=f"The quantum router under later calibrations of {settings.device}",
        note=(
            "Held-out rows, measured exactly. Each seed draws a later calibration of its own, with "
            "fluctuations of strength 1: as large as between stored calibrations of the same "
            f"device. The circuit stays on its qubits. {MEANS}, paired by seed."
        ),
        source=found.source(f"{len(settings.factors) * len(_TRAININGS)} trainings (train)"),
    )
    return StudySection(tables=(table,), claims=tuple(claims))
