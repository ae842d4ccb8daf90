"""The paper's noise: depolarizing channels after the embedding and at the end.

Phase 3B of arXiv:2512.22296 with held-out rows and controls, beyond its levels, and with shots.
"""

from collections.abc import Sequence
from functools import partial

from qmoe_qiskit.stats import Claim, mean_estimate, mean_estimates, median_estimate, success_rate
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.noise.results import (
    MEANS,
    NoiseResults,
    breakdown_table,
    control_curves,
    stays_within,
)
from qmoe_qiskit.studies.noise.settings import NoiseSettings, depolarizing
from qmoe_qiskit.studies.noise.tasks import ShotsTask
from qmoe_qiskit.studies.report.figures import curves, mean_curve
from qmoe_qiskit.studies.report.panels import panels
from qmoe_qiskit.studies.report.sections import StudySection
from qmoe_qiskit.studies.report.summary import (
    Cell,
    Columns,
    FigureSpec,
    Table,
    column,
    rows_of,
    table_of_rows,
)
from qmoe_qiskit.studies.training.paired_results import ACCURACY
from qmoe_qiskit.studies.training.routers import label

# Accuracies in the authors' notebooks: on the training points, one seed.
PAPER = {0.0: 1.000, 0.02: 0.982, 0.05: 0.989, 0.1: 0.994, 0.15: 0.986, 0.2: 0.975}


def tasks(settings: NoiseSettings, seed: int) -> list[Task]:
    """Return a training at every level, and the controls."""
    return [
        *(_task(settings, seed, level) for level in settings.levels),
        *(settings.control(seed, router) for router in settings.controls),
    ]


def _task(settings: NoiseSettings, seed: int, level: float) -> ShotsTask:
    """Return the training at a level, measured there; without noise, measured at all levels."""
    measured = (level,) if level else settings.levels
    return ShotsTask(
        **settings.training(
            seed, train_on=depolarizing(level), settings=tuple(map(depolarizing, measured))
        ),
        shots=settings.shots,
        sampled=(depolarizing(level),),
    )


class _Sweep:
    """Held-out accuracies by seed and level, (N, L).

    Attributes:
        settings: Settings of the study.
        levels: The depolarizing probabilities.
        retrained_NL: Accuracies of models trained and tested at the level.
        ideal_NL: Accuracies of models trained without noise and tested at the level.
        train_NL: Accuracies on the training rows, as in the paper.
        by_shots: Accuracies of models trained without shots, tested at the level, by number of
            shots; the first entry is "exact", without shots.
        controls: Accuracies of each classical router, (N,).
        source: What the numbers come from.
    """

    def __init__(self, settings: NoiseSettings, found: NoiseResults) -> None:
        self.settings, self.levels = settings, settings.levels
        tasks_L = [_task(settings, found.seeds[0], level) for level in self.levels]
        self.retrained_NL = found.columns(tasks_L, *ACCURACY)
        self.ideal_NL = found.values(tasks_L[0], "settings", slice(None), "accuracy")
        self.train_NL = found.columns(tasks_L, "train_accuracy")
        self.by_shots = {"exact": self.retrained_NL} | {
            f"{shots} shots": found.columns(tasks_L, "shots", 0, k, "accuracy")
            for k, shots in enumerate(settings.shots)
        }
        self.controls = found.controls(settings)
        self.source = found.source(
            f"{len(self.levels)} trainings (noise-shots) and {len(self.controls)} of classical "
            "routers (train)"
        )


def n_claims(settings: NoiseSettings) -> int:
    """Return the number of claims."""
    return 2 + len(settings.controls) + len(settings.shots)


def summarize(settings: NoiseSettings, found: NoiseResults) -> StudySection:
    """Return tables, claims and a figure."""
    sweep = _Sweep(settings, found)
    remark = (
        "Depolarizing noise multiplies what the circuit gives by constants. Training at the same "
        "level makes up for it as far as the optimizer gets in the epochs that it has; what shots "
        "can tell apart sets another limit. The classical routers have neither noise nor shots."
    )
    return StudySection(
        tables=(_levels(sweep), _controls(sweep), _shots(sweep), _breakdown(sweep)),
        claims=tuple(_claims(sweep)),
        figures=(_picture(sweep),),
        remarks=(remark,),
    )


def _levels(sweep: _Sweep) -> Table:
    threshold = sweep.settings.accuracy
    retrained_NL = sweep.retrained_NL
    columns: Columns = {
        column("p", 2): sweep.levels,
        "accuracy, trained at p": mean_estimates(retrained_NL),
        "its median": [median_estimate(values_N) for values_N in retrained_NL.T],
        column(f"seeds at {threshold:g} or more", 2): [
            success_rate(values_N, threshold) for values_N in retrained_NL.T
        ],
        "less that without noise": [
            None,
            *mean_estimates(retrained_NL[:, 1:] - retrained_NL[:, :1]),
        ],
        "accuracy, trained without noise": mean_estimates(sweep.ideal_NL),
        "on training rows, trained at p": mean_estimates(sweep.train_NL),
        "the paper's: on training rows, one seed": [PAPER.get(level) for level in sweep.levels],
    }
    return table_of_rows(
        rows_of(columns),
        name="depolarizing",
        title="The quantum router under depolarizing noise of probability p",
        note=(
            f"Exact expectation values, held-out rows. {MEANS}, shares of seeds with Wilson "
            "intervals, differences paired by seed."
        ),
        source=sweep.source,
    )


def _controls(sweep: _Sweep) -> Table:
    settings, controls = sweep.settings, sweep.controls.values()
    differences = [mean_estimates(sweep.retrained_NL - values_N[:, None]) for values_N in controls]
    by_row: dict[str, Sequence[Cell]] = {
        "accuracy of the control": [*map(mean_estimate, controls)],
        f"its seeds at {settings.accuracy:g} or more": [
            success_rate(values_N, settings.accuracy) for values_N in controls
        ],
        **{
            f"quantum at p = {level:g}, less the control": row
            for level, *row in zip(sweep.levels, *differences, strict=True)
        },
    }
    names = [label(name) for name in sweep.controls]
    return table_of_rows(
        [{"": head, **dict(zip(names, row, strict=True))} for head, row in by_row.items()],
        name="depolarizing_controls",
        title="The quantum router, trained at p, against classical routers without noise",
        note=(
            f"{MEANS}, paired by seed: the same points, split and order of batches. Positive: the "
            f"quantum router is more accurate. All with learning rate {settings.learning_rate:g} "
            f"and {settings.epochs} epochs."
        ),
        source=sweep.source,
    )


def _shots(sweep: _Sweep) -> Table:
    columns: Columns = {
        column("p", 2): sweep.levels,
        **{name: mean_estimates(values_NL) for name, values_NL in sweep.by_shots.items()},
    }
    return table_of_rows(
        rows_of(columns),
        name="depolarizing_shots",
        title="The same models with a limited number of shots",
        note=f"Held-out accuracy, trained at p without shots. {MEANS}.",
        source=sweep.source,
    )


def _breakdown(sweep: _Sweep) -> Table:
    columns = {
        **{f"trained at p, {name}": values_NL for name, values_NL in sweep.by_shots.items()},
        "trained without noise, exact": sweep.ideal_NL,
    }
    return breakdown_table(
        sweep.settings,
        sweep.levels,
        columns,
        sweep.controls,
        name="depolarizing_breakdown",
        title="Breakdown point: the smallest p at which the quantum router",
        source=sweep.source,
        between="levels",
    )


def _claims(sweep: _Sweep) -> list[Claim]:
    margin = sweep.settings.margin
    # The index of the paper's last level, or of the last one below it.
    k = max(k for k, level in enumerate(sweep.levels) if level <= max(PAPER))
    p = f"p = {sweep.levels[k]:g}"
    retrained_N = sweep.retrained_NL[:, k]
    close = partial(stays_within, margin)
    better = partial(Claim, margin=margin)
    return [
        close(
            f"trained at {p}, ", "accuracy without noise", retrained_N - sweep.retrained_NL[:, 0]
        ),
        better(
            text=f"training under depolarizing noise helps when tested under it, at {p}",
            differences_N=retrained_N - sweep.ideal_NL[:, k],
        ),
        *(
            better(
                text=f"at {p} the quantum router is more accurate than the router {label(name)}",
                differences_N=retrained_N - control_N,
            )
            for name, control_N in sweep.controls.items()
        ),
        *(
            close(
                f"at {p} and with {shots} ",
                "accuracy with infinitely many",
                values_NL[:, k] - retrained_N,
            )
            for shots, values_NL in sweep.by_shots.items()
            if shots != "exact"
        ),
    ]


def _picture(sweep: _Sweep) -> FigureSpec:
    draw = partial(curves, x_label="depolarizing probability p", y_label="held-out accuracy")
    levels = sweep.levels
    routers = [
        mean_curve("quantum, trained at p", levels, sweep.retrained_NL),
        mean_curve("quantum, trained without noise", levels, sweep.ideal_NL),
        *control_curves(sweep.controls, levels),
    ]
    shots = [mean_curve(name, levels, values_NL) for name, values_NL in sweep.by_shots.items()]
    return FigureSpec(
        name="depolarizing",
        caption=(
            "Held-out accuracy of the quantum router by depolarizing probability: beside classical "
            "routers without noise, and, trained at every p, with limited numbers of shots. Bands: "
            "95 % bootstrap intervals of the mean over seeds."
        ),
        draw=panels({"exact": draw(routers), "with shots, trained at p": draw(shots)}, same="y"),
        size=(10.0, 4.6),
    )
