"""Mitigation of errors: gain and cost of readout mitigation and zero-noise extrapolation."""

from collections.abc import Callable

import numpy as np

from qmoe_qiskit.backends.mitigation.folding import extrapolation
from qmoe_qiskit.stats import Claim, mean_estimate
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.noise.results import NoiseResults
from qmoe_qiskit.studies.noise.settings import NoiseSettings
from qmoe_qiskit.studies.noise.tasks import METHODS, MitigationTask
from qmoe_qiskit.studies.report.figures import curves, mean_curve
from qmoe_qiskit.studies.report.panels import panels
from qmoe_qiskit.studies.report.sections import StudySection
from qmoe_qiskit.studies.report.summary import Draw, FigureSpec, Row, column, table_of_rows
from qmoe_qiskit.typing import FloatArray

# The method that is claimed to help, the method without it at as many executions, and its name.
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
        executions=_all_executions(settings),
    )


def _all_executions(settings: NoiseSettings) -> tuple[int, ...]:
    """Return the numbers of executions per row, 0 for infinitely many."""
    return (0, *settings.shots)


# Takes factor, executions, method and name (accuracy, routing_flips, error or overshoot) to the
# number of each seed, (N,).
_Measured = Callable[[float, int, str, str], FloatArray]


def _measured(settings: NoiseSettings, found: NoiseResults) -> _Measured:
    cases = [(number, method) for number in _all_executions(settings) for method in METHODS]

    def values(factor: float, executions: int, method: str, name: str) -> FloatArray:
        task = _task(settings, found.seeds[0], factor)
        return found.values(task, "mitigation", cases.index((executions, method)), name)

    return values


def n_claims(settings: NoiseSettings) -> int:
    """Return the number of claims."""
    return len(settings.factors) * 2 * len(_CLAIMS)


def summarize(settings: NoiseSettings, found: NoiseResults) -> StudySection:
    """Return a table, claims and a figure."""
    measured = _measured(settings, found)
    table = table_of_rows(
        (
            _row(settings, measured, factor, executions, method)
            for factor in settings.factors
            for executions in _all_executions(settings)
            for method in METHODS
        ),
        name="mitigation",
        title=f"Mitigation of the errors of {settings.device}, with as many executions",
        note=(
            "Trained without noise, held-out rows; errors and rows routed otherwise are against "
            "the same model without noise. Readout: the calibrated probabilities are inverted. "
            f"ZNE: two-qubit gates are executed {_listed(settings.folds)} times, and a polynomial "
            "in that number is extrapolated to 0. Every method has the same number of executions "
            f"for a row: the {len(settings.folds)} circuits of ZNE share them, each with as many "
            "whole shots. Shot noise: by how much a method multiplies that of a plain measurement "
            "with as many executions, before readout mitigation."
        ),
        source=found.source(f"{len(settings.factors)} trainings (noise-mitigation)"),
    )
    remark = (
        "Shots are drawn from the exact probabilities of the measured bit strings under the "
        "calibration. Readout mitigation knows the readout errors exactly, which on a device it "
        "does not: it cannot do better than here."
    )
    return StudySection(
        tables=(table,),
        claims=tuple(_claims(settings, measured)),
        figures=(_picture(settings, measured),),
        remarks=(remark,),
    )


def _row(
    settings: NoiseSettings, measured: _Measured, factor: float, executions: int, method: str
) -> Row:
    def mean(name: str) -> Estimate:
        return mean_estimate(measured(factor, executions, method, name))

    accuracy_N = measured(factor, executions, method, "accuracy")
    plain_N = measured(factor, executions, "none", "accuracy")
    degree = METHODS[method][1]
    plain, folds, shot_noise = method == "none", settings.folds, 1.0
    if degree is not None:  # the circuits share the executions
        shot_noise = float(np.linalg.norm(extrapolation(folds, degree)) * np.sqrt(len(folds)))
    return {
        column("factor on the noise", 1): factor,
        "executions per row": str(executions) if executions else "infinite",
        "mitigation": method,
        "accuracy": mean_estimate(accuracy_N),
        "less that without mitigation": None if plain else mean_estimate(accuracy_N - plain_N),
        "rows routed otherwise": mean("routing_flips"),
        column("mean error of an expectation", 4): mean("error"),
        column("share of them outside [-1, 1]", 4): mean("overshoot"),
        "circuits that share them": 1 if degree is None else len(folds),
        column("shot noise", 2, unit="x"): shot_noise,
    }


def _claims(settings: NoiseSettings, measured: _Measured) -> list[Claim]:
    executions = _claimed_executions(settings)
    claims: list[Claim] = []
    for factor in settings.factors:
        at = f"with {executions or 'infinitely many'} executions at {settings.noise(factor)}"
        for method, without, what in _CLAIMS:
            claims += [
                Claim(
                    text=f"{what} brings expectation values nearer to the ideal ones, {at}",
                    differences_N=measured(factor, executions, without, "error")
                    - measured(factor, executions, method, "error"),
                    digits=4,
                ),
                Claim(
                    text=f"{what} makes the quantum router more accurate, {at}",
                    differences_N=measured(factor, executions, method, "accuracy")
                    - measured(factor, executions, without, "accuracy"),
                    margin=settings.margin,
                ),
            ]
    return claims


def _claimed_executions(settings: NoiseSettings) -> int:
    """Return the number of executions that claims are made for: 1024, or the middle one."""
    if not settings.shots or 1024 in settings.shots:
        return 1024 if settings.shots else 0
    return sorted(settings.shots)[len(settings.shots) // 2]


def _picture(settings: NoiseSettings, measured: _Measured) -> FigureSpec:
    # Infinitely many executions stand at the right end of the logarithmic axis.
    finite = sorted(settings.shots)
    end = 10.0 * max(finite, default=1)
    places = {float(executions): executions for executions in finite} | {end: 0}
    ticks = {place: str(number) if number else "infinite" for place, number in places.items()}

    def part(factor: float) -> Draw:
        errors = {
            method: np.stack(
                [measured(factor, n, method, "error") for n in places.values()], axis=1
            )
            for method in METHODS
        }
        return curves(
            [mean_curve(method, tuple(places), errors_NL) for method, errors_NL in errors.items()],
            x_label="executions per row",
            y_label="mean error of an expectation value",
            log_x=True,
            x_ticks=ticks,
        )

    return FigureSpec(
        name="mitigation",
        caption=(
            "Mean distance of an expectation value from its ideal, by executions per row "
            f"and mitigation, at factors on the noise of {settings.device}. Bands: 95 % bootstrap "
            "intervals of the mean over seeds."
        ),
        draw=panels(
            {f"noise times {factor:g}": part(factor) for factor in settings.factors}, same="y"
        ),
        size=(10.0, 4.6),
    )


def _listed(numbers: tuple[int, ...]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}"
