"""The noise of one device, all of it weakened or amplified."""

from qmoe_qiskit.stats import Claim, mean_estimates
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.noise.results import (
    MEANS,
    NoiseResults,
    breakdown_table,
    control_curves,
    stays_within,
)
from qmoe_qiskit.studies.noise.settings import NoiseSettings
from qmoe_qiskit.studies.report.figures import curves, mean_curve
from qmoe_qiskit.studies.report.sections import StudySection
from qmoe_qiskit.studies.report.summary import Columns, FigureSpec, column, rows_of, table_of_rows
from qmoe_qiskit.studies.training.paired_results import ACCURACY
from qmoe_qiskit.studies.training.routers import label
from qmoe_qiskit.studies.training.train_task import TrainTask
from qmoe_qiskit.typing import FloatArray


def tasks(settings: NoiseSettings, seed: int) -> list[Task]:
    """Return a training without noise, one per factor on the noise, and the controls."""
    return [
        _ideal(settings, seed),
        *(_under(settings, seed, factor) for factor in settings.scales),
        *(settings.control(seed, router) for router in settings.controls),
    ]


def _ideal(settings: NoiseSettings, seed: int) -> TrainTask:
    return settings.trained(seed, settings=tuple(map(settings.scaled, settings.scales)))


def _under(settings: NoiseSettings, seed: int, factor: float) -> TrainTask:
    setting = settings.scaled(factor)
    return settings.trained(seed, train_on=setting, settings=(setting,))


def n_claims(_: NoiseSettings) -> int:
    """Return the number of claims."""
    return 3


def summarize(settings: NoiseSettings, found: NoiseResults) -> StudySection:
    """Return tables, claims and a figure."""
    scales, device = settings.scales, settings.device
    seed = found.seeds[0]
    ideal = _ideal(settings, seed)
    ideal_NK = found.values(ideal, "settings", slice(None), "accuracy")
    noisy_NK = found.columns([_under(settings, seed, factor) for factor in scales], *ACCURACY)
    controls = found.controls(settings)
    trainings = {"trained without noise": ideal_NK, "trained under it": noisy_NK}
    source = found.source(
        f"{1 + len(scales)} trainings and {len(controls)} of classical routers (train)"
    )
    columns: Columns = {
        column("factor", 1): scales,
        "accuracy, trained without noise": mean_estimates(ideal_NK),
        "rows routed otherwise": mean_estimates(
            found.values(ideal, "settings", slice(None), "routing_flips")
        ),
        "accuracy, trained under it": mean_estimates(noisy_NK),
        "less trained without noise": mean_estimates(noisy_NK - ideal_NK),
        **{
            f"less {label(name)}": mean_estimates(noisy_NK - values_N[:, None])
            for name, values_N in controls.items()
        },
    }
    table = table_of_rows(
        rows_of(columns),
        name="scales",
        title=f"The quantum router under the noise of {device} times a factor",
        note=(
            "Held-out rows, measured exactly under the scaled calibration; the classical routers "
            "have no noise. The factor multiplies the depolarizing probability of each gate, 1/T1, "
            f"1/T2 and the readout errors. {MEANS}, differences paired by seed."
        ),
        source=source,
    )
    breakdown = breakdown_table(
        settings,
        scales,
        trainings,
        controls,
        name="scales_breakdown",
        title=f"Breakdown point: the smallest factor on the noise of {device} at which the router",
        source=source,
    )
    return StudySection(
        tables=(table, breakdown),
        claims=tuple(_claims(settings, ideal_NK, noisy_NK)),
        figures=(_picture(settings, trainings, controls),),
    )


def _claims(settings: NoiseSettings, ideal_NK: FloatArray, noisy_NK: FloatArray) -> list[Claim]:
    margin = settings.margin
    at = f"at {settings.noise(settings.scales[-1])}"
    return [
        *(
            stays_within(
                margin,
                f"{how}, ",
                f"accuracy without noise {at}",
                values_NK[:, -1] - values_NK[:, 0],
            )
            for how, values_NK in (
                ("trained without noise", ideal_NK),
                ("trained under it", noisy_NK),
            )
        ),
        Claim(
            text=f"training under noise helps when tested under noise, {at}",
            differences_N=noisy_NK[:, -1] - ideal_NK[:, -1],
            margin=margin,
        ),
    ]


def _picture(
    settings: NoiseSettings, trainings: dict[str, FloatArray], controls: dict[str, FloatArray]
) -> FigureSpec:
    scales = settings.scales
    quantum = [
        mean_curve(f"quantum, {name}", scales, values_NK) for name, values_NK in trainings.items()
    ]
    return FigureSpec(
        name="scales",
        caption=(
            f"Held-out accuracy by the factor on the noise of {settings.device}, beside classical "
            "routers without noise. Bands: 95 % bootstrap intervals of the mean over seeds."
        ),
        draw=curves(
            [*quantum, *control_curves(controls, scales)],
            x_label=f"factor on the noise of {settings.device}",
            y_label="held-out accuracy",
        ),
    )
