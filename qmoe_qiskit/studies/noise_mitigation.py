"""Mitigation of errors: what readout mitigation and zero-noise extrapolation gain, and cost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.report.study_figures import Curve, curves, panels
from qmoe_qiskit.report.summary import Draw
from qmoe_qiskit.studies.noise_folding import extrapolation
from qmoe_qiskit.studies.noise_found import Found
from qmoe_qiskit.studies.noise_settings import NoiseSettings
from qmoe_qiskit.studies.noise_tasks import METHODS, MitigationTask
from qmoe_qiskit.studies.statistics import Claim, judge, mean_estimate
from qmoe_qiskit.studies.summary import Cell, Column, Picture, Summary, Table
from qmoe_qiskit.studies.task import Task

FloatArray = NDArray[np.float64]

# What is claimed to help, with what, against the same shots without.
_CLAIMS = (
    ("readout", "none", "readout mitigation"),
    ("ZNE, linear", "none", "linear zero-noise extrapolation"),
    ("readout and ZNE, linear", "readout", "linear extrapolation on top of readout mitigation"),
)


def tasks(settings: NoiseSettings, seed: int) -> list[Task]:
    """Return one training, without noise, for each factor on the device's noise."""
    return [_task(settings, seed, factor) for factor in settings.factors]


def _task(settings: NoiseSettings, seed: int, factor: float) -> MitigationTask:
    return MitigationTask(
        **settings.training(seed),
        device=settings.scaled(factor),
        factors=settings.folds,
        shots=(0, *settings.shots),
    )


def summarize(settings: NoiseSettings, found: Found) -> Summary:
    """Return tables, verdicts and a figure."""
    all_shots = (0, *settings.shots)

    def values(factor: float, shots: int, method: str, name: str) -> FloatArray:
        k = all_shots.index(shots) * len(METHODS) + list(METHODS).index(method)

        def read(result: dict[str, Any]) -> float:
            value: float = result["mitigation"][k][name]
            return value

        return found.values(lambda seed: _task(settings, seed, factor), read)

    rows: list[tuple[Cell, ...]] = []
    for factor in settings.factors:
        for shots in all_shots:
            plain_N = values(factor, shots, "none", "accuracy")
            for method in METHODS:
                accuracy_N = values(factor, shots, method, "accuracy")
                rows.append(
                    (
                        factor,
                        _named(shots),
                        method,
                        mean_estimate(accuracy_N),
                        None if method == "none" else mean_estimate(accuracy_N - plain_N),
                        *(
                            mean_estimate(values(factor, shots, method, name))
                            for name in ("routing_flips", "error", "overshoot")
                        ),
                        _executions(method, settings.folds),
                        _amplified(method, settings.folds),
                    )
                )
    table = Table(
        name="mitigation",
        title=f"Mitigation of the errors of {settings.device}",
        columns=(
            Column(name="factor on the noise", digits=1),
            Column(name="shots per circuit"),
            Column(name="mitigation"),
            Column(name="accuracy"),
            Column(name="less that without mitigation"),
            Column(name="rows routed otherwise"),
            Column(name="mean error of an expectation", digits=4),
            Column(name="share outside [-1, 1]", digits=4),
            Column(name="executions", unit="x"),
            Column(name="shot noise", unit="x", digits=2),
        ),
        rows=tuple(rows),
        note=(
            "Trained without noise; errors and rows routed otherwise are against the same model "
            "without noise. Readout: the calibrated probabilities are inverted. ZNE: every "
            f"two-qubit gate is executed {_listed(settings.folds)} times, and a polynomial in the "
            "factor is extrapolated to 0; each circuit has the full number of shots, so that "
            f"{len(settings.folds)} times as many are executed. Shot noise: by how much the "
            "extrapolation multiplies it. All methods use the same shots."
        ),
        source=found.source(f"{len(settings.factors)} trainings (noise-mitigation)"),
    )
    claims = []
    for factor in settings.factors:
        shots = _middle(settings)
        at = f"at {_named(shots)} shots and {factor:g} times the noise of {settings.device}"
        for method, without, what in _CLAIMS:
            claims += [
                Claim(
                    text=f"{what} brings expectation values nearer to the ideal ones {at}",
                    differences_N=values(factor, shots, without, "error")
                    - values(factor, shots, method, "error"),
                    digits=4,
                ),
                Claim(
                    text=f"{what} makes the router more accurate {at}",
                    differences_N=values(factor, shots, method, "accuracy")
                    - values(factor, shots, without, "accuracy"),
                    margin=settings.margin,
                ),
            ]
    return Summary(
        tables=(table,),
        verdicts=tuple(judge(claims)),
        pictures=(_picture(settings, all_shots, values),),
        remarks=(
            "Shots are drawn from the exact probabilities of measured bit strings under the "
            "calibration. Readout mitigation knows the readout errors exactly, which on a device "
            "it does not: its figures here are the best that it can do.",
        ),
    )


def _picture(settings: NoiseSettings, all_shots: tuple[int, ...], values: Any) -> Picture:  # noqa: ANN401
    shots = sorted(s for s in all_shots if s)

    def part(factor: float) -> Draw:
        return curves(
            [
                Curve(
                    name=method,
                    levels=tuple(map(float, shots)),
                    estimates=tuple(
                        mean_estimate(values(factor, s, method, "error")) for s in shots
                    ),
                )
                for method in METHODS
            ],
            x_label="shots per circuit",
            y_label="mean error of an expectation value",
            log_x=True,
            x_ticks={float(s): str(s) for s in shots},
        )

    return Picture(
        name="mitigation",
        caption=(
            "Mean distance of an expectation value from its ideal, by shots per circuit and "
            f"mitigation, at factors on the noise of {settings.device}. Bands: 95 % bootstrap "
            "intervals of the mean over seeds."
        ),
        draw=panels({f"noise times {factor:g}": part(factor) for factor in settings.factors}),
        size=(10.0, 4.6),
    )


def _middle(settings: NoiseSettings) -> int:
    """Return the number of shots that claims are made for: 1024, or the middle one."""
    if not settings.shots:
        return 0
    if 1024 in settings.shots:
        return 1024
    return sorted(settings.shots)[len(settings.shots) // 2]


def _named(shots: int) -> str:
    return str(shots) if shots else "infinite"


def _listed(numbers: tuple[int, ...]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}"


def _executions(method: str, folds: tuple[int, ...]) -> int:
    return 1 if METHODS[method][1] is None else len(folds)


def _amplified(method: str, folds: tuple[int, ...]) -> float:
    degree = METHODS[method][1]
    return 1.0 if degree is None else float(np.linalg.norm(extrapolation(folds, degree)))
