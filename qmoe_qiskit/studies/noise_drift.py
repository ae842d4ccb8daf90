"""Drift: trained under a calibration, tested under a later one of the same device."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qmoe_qiskit.studies.noise_found import Found, accuracy, flips
from qmoe_qiskit.studies.noise_settings import NoiseSettings
from qmoe_qiskit.studies.setting import EXACT, Setting
from qmoe_qiskit.studies.statistics import Claim, judge, mean_estimate
from qmoe_qiskit.studies.summary import Cell, Column, Summary, Table
from qmoe_qiskit.studies.task import Task
from qmoe_qiskit.studies.training import TrainTask

_TRAININGS = {False: "without noise", True: "under the calibration"}


def tasks(settings: NoiseSettings, seed: int) -> list[Task]:
    """Return trainings without noise and under each factor's, measured later too."""
    return [
        _task(settings, seed, factor, noisy=noisy)
        for factor in settings.factors
        for noisy in _TRAININGS
    ]


def _task(settings: NoiseSettings, seed: int, factor: float, *, noisy: bool) -> TrainTask:
    device = settings.scaled(factor)
    return settings.trained(
        seed, train_on=device if noisy else EXACT, settings=_when(settings, device)
    )


def _when(settings: NoiseSettings, device: Setting) -> tuple[Setting, ...]:
    """Return the device now and later."""
    return (device, *(replace(device, drift_hours=hours) for hours in settings.drift_hours))


def summarize(settings: NoiseSettings, found: Found) -> Summary:
    """Return a table and verdicts."""
    rows: list[tuple[Cell, ...]] = []
    claims: list[Claim] = []
    for factor in settings.factors:
        for noisy, how in _TRAININGS.items():
            accuracies_NT, flips_NT = (
                np.stack(
                    [
                        found.values(
                            lambda seed, f=factor, n=noisy: _task(settings, seed, f, noisy=n),
                            lambda r, k=k, f=read: f(r, k),
                        )
                        for k in range(1 + len(settings.drift_hours))
                    ],
                    axis=1,
                )
                for read in (accuracy, flips)
            )
            rows += [
                (
                    factor,
                    how,
                    hours,
                    mean_estimate(accuracies_NT[:, k]),
                    mean_estimate(accuracies_NT[:, k] - accuracies_NT[:, 0]) if k else None,
                    mean_estimate(flips_NT[:, k]),
                )
                for k, hours in enumerate((0.0, *settings.drift_hours))
            ]
            if noisy:
                claims += [
                    Claim(
                        text=(
                            f"trained under {factor:g} times the noise of {settings.device}, the "
                            f"router stays within {settings.margin:g} of its accuracy "
                            f"{hours:g} hours later"
                        ),
                        differences_N=accuracies_NT[:, k + 1] - accuracies_NT[:, 0],
                        margin=settings.margin,
                        kind="equivalence",
                    )
                    for k, hours in enumerate(settings.drift_hours)
                ]
    table = Table(
        name="drift",
        title=f"A later calibration of {settings.device}",
        columns=(
            Column(name="factor on the noise", digits=1),
            Column(name="trained"),
            Column(name="tested later by", unit="h", digits=0),
            Column(name="accuracy"),
            Column(name="less that without delay"),
            Column(name="rows routed otherwise than without noise"),
        ),
        rows=tuple(rows),
        note=(
            "Each seed draws a later calibration of its own, by fluctuations as large as between "
            "stored calibrations of the same devices; the circuit stays on its qubits. Means over "
            "seeds with 95 % bootstrap intervals, paired by seed."
        ),
        source=found.source(f"{2 * len(settings.factors)} trainings (train)"),
    )
    return Summary(tables=(table,), verdicts=tuple(judge(claims)))
