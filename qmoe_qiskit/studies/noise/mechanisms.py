"""The noise of one device taken apart: each mechanism alone, weakened or amplified."""

from functools import partial
from types import MappingProxyType

from qmoe_qiskit.stats import Claim, mean_estimates
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.noise.results import MEANS, NoiseResults, breakdown_table
from qmoe_qiskit.studies.noise.settings import NoiseSettings
from qmoe_qiskit.studies.noise.tasks import PinnedTask
from qmoe_qiskit.studies.report.figures import Curve, curves, mean_curve
from qmoe_qiskit.studies.report.panels import panels
from qmoe_qiskit.studies.report.sections import StudySection
from qmoe_qiskit.studies.report.summary import FigureSpec, Row, column, table_of_rows
from qmoe_qiskit.typing import FloatArray

# Names for tables, by the names in `NoiseProfile.scale`.
MECHANISMS = MappingProxyType(
    {"gates": "depolarization of gates", "relaxation": "relaxation", "readout": "readout errors"}
)


def tasks(settings: NoiseSettings, seed: int) -> list[Task]:
    """Return one training without noise, measured under each mechanism alone, and the controls."""
    return [
        _task(settings, seed),
        *(settings.control(seed, router) for router in settings.controls),
    ]


def _task(settings: NoiseSettings, seed: int) -> PinnedTask:
    alone = [
        settings.scaled(0.0, **{mechanism: factor})
        for mechanism in MECHANISMS
        for factor in settings.scales
    ]
    return PinnedTask(**settings.training(seed, settings=tuple(alone)))


def n_claims(_: NoiseSettings) -> int:
    """Return the number of claims."""
    return len(MECHANISMS)


def summarize(settings: NoiseSettings, found: NoiseResults) -> StudySection:
    """Return a table, claims and a figure."""
    scales, device, margin = settings.scales, settings.device, settings.margin
    task = _task(settings, found.seeds[0])

    def by_mechanism(name: str) -> dict[str, FloatArray]:
        values = found.values(task, "settings", slice(None), name)
        values_NMK = values.reshape(len(found.seeds), len(MECHANISMS), len(scales))
        return {what: values_NMK[:, m] for m, what in enumerate(MECHANISMS.values())}

    accuracies_NK = by_mechanism("accuracy")
    changes_NK = {what: values_NK - values_NK[:, :1] for what, values_NK in accuracies_NK.items()}
    changes = {what: mean_estimates(values_NK) for what, values_NK in changes_NK.items()}
    rerouted_NK = by_mechanism("routing_flips")
    rerouted = {what: mean_estimates(values_NK) for what, values_NK in rerouted_NK.items()}
    rows: list[Row] = [
        {
            "mechanism": what,
            column("factor", 1): factor,
            "accuracy, less that without noise": changes[what][k],
            "rows routed otherwise": rerouted[what][k],
        }
        for what in MECHANISMS.values()
        for k, factor in enumerate(scales)
        if factor
    ]
    table = table_of_rows(
        rows,
        name="mechanisms",
        title=f"Each mechanism of the noise of {device} alone, times a factor",
        note=(
            "Trained without noise, held-out rows, measured exactly, always on the qubits that the "
            f"calibration as it is stored leads to. {MEANS}, paired by seed."
        ),
        source=found.source(
            f"a training with {len(MECHANISMS) * len(scales)} evaluations (noise-pinned) and "
            f"{len(settings.controls)} of classical routers (train)"
        ),
    )
    breakdown = breakdown_table(
        settings,
        scales,
        accuracies_NK,
        found.controls(settings),
        name="mechanisms_breakdown",
        title=(
            f"Breakdown point: the smallest factor on one mechanism of the noise of {device} alone "
            "at which the quantum router, trained without noise,"
        ),
        source=table.source,
    )
    claims = [
        Claim(
            text=(
                f"{scales[-1]:g} times the {what} of {device} alone change the quantum router's "
                f"accuracy by less than {margin:g}"
            ),
            differences_N=changes_NK[what][:, -1],
            margin=margin,
            kind="equivalence",
        )
        for what in MECHANISMS.values()
    ]

    def lines(values: dict[str, FloatArray]) -> list[Curve]:
        return [mean_curve(what, scales, values_NK) for what, values_NK in values.items()]

    draw = partial(curves, x_label="factor on the mechanism")
    picture = FigureSpec(
        name="mechanisms",
        caption=(
            f"One mechanism of the noise of {device} alone: held-out accuracy of the quantum "
            "router, less that without noise, and share of the rows that another expert serves. "
            "Bands: 95 % bootstrap intervals of the mean over seeds."
        ),
        draw=panels(
            {
                "accuracy": draw(lines(changes_NK), y_label="difference of held-out accuracy"),
                "routing": draw(lines(rerouted_NK), y_label="rows routed otherwise"),
            }
        ),
        size=(10.0, 4.2),
    )
    return StudySection(tables=(table, breakdown), claims=tuple(claims), figures=(picture,))
