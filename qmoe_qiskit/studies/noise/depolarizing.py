"""The paper's noise: depolarizing channels behind the embedding and at the end.

Phase 3B of arXiv:2512.22296 with held-out rows and controls, beyond its levels, and with shots.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from qmoe_qiskit.stats import Claim, mean_estimate, mean_estimates, median_estimate, success_rate
from qmoe_qiskit.studies.noise.depolarizing_results import Sweep
from qmoe_qiskit.studies.noise.results import Found, breakdown_rows
from qmoe_qiskit.studies.noise.section import StudySection
from qmoe_qiskit.studies.noise.settings import NoiseSettings
from qmoe_qiskit.studies.report.figures import Curve, curves
from qmoe_qiskit.studies.report.panels import panels
from qmoe_qiskit.studies.report.summary import Cell, Column, FigureSpec, Table
from qmoe_qiskit.studies.training.routers import label
from qmoe_qiskit.typing import FloatArray

# Figures of the authors' notebooks: accuracy on the training points, one seed.
PAPER = {0.0: 1.000, 0.02: 0.982, 0.05: 0.989, 0.1: 0.994, 0.15: 0.986, 0.2: 0.975}

_MEANS = "Means over seeds with 95 % bootstrap intervals"


def summarize(settings: NoiseSettings, found: Found) -> StudySection:
    """Return tables, claims and a figure."""
    sweep = Sweep(settings, found)
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


def _levels(sweep: Sweep) -> Table:
    threshold = sweep.settings.accuracy
    columns = (
        mean_estimates(sweep.retrained_NL),
        [median_estimate(values_N) for values_N in sweep.retrained_NL.T],
        [success_rate(values_N, threshold) for values_N in sweep.retrained_NL.T],
        [None, *mean_estimates(sweep.retrained_NL[:, 1:] - sweep.retrained_NL[:, :1])],
        mean_estimates(sweep.ideal_NL),
        mean_estimates(sweep.train_NL),
        [PAPER.get(level) for level in sweep.levels],
    )
    return Table(
        name="depolarizing",
        title="The quantum router under depolarizing noise of probability p",
        columns=(
            Column(name="p", digits=2),
            Column(name="accuracy, trained at p"),
            Column(name="its median"),
            Column(name=f"seeds at {threshold:g} or more", digits=2),
            Column(name="less that without noise"),
            Column(name="accuracy, trained without noise"),
            Column(name="on training rows, trained at p"),
            Column(name="the paper's: on training rows, one seed"),
        ),
        rows=tuple(zip(sweep.levels, *columns, strict=True)),
        note=(
            f"Exact expectation values, held-out rows. {_MEANS}, shares of seeds with Wilson "
            "intervals, differences paired by seed."
        ),
        source=sweep.source,
    )


def _controls(sweep: Sweep) -> Table:
    settings, controls = sweep.settings, sweep.controls.values()
    differences = [mean_estimates(sweep.retrained_NL - values_N[:, None]) for values_N in controls]
    rows: list[tuple[Cell, ...]] = [
        ("accuracy of the control", *map(mean_estimate, controls)),
        (
            f"its seeds at {settings.accuracy:g} or more",
            *(success_rate(values_N, settings.accuracy) for values_N in controls),
        ),
        *(
            (f"quantum at p = {level:g}, less the control", *row)
            for level, *row in zip(sweep.levels, *differences, strict=True)
        ),
    ]
    return Table(
        name="depolarizing_controls",
        title="The quantum router, trained at p, against classical routers without noise",
        columns=(Column(name=""), *(Column(name=label(name)) for name in sweep.controls)),
        rows=tuple(rows),
        note=(
            f"{_MEANS}, paired by seed: the same points, split and order of batches. Positive: the "
            f"quantum router is more accurate. All with learning rate {settings.learning_rate:g} "
            f"and {settings.epochs} epochs."
        ),
        source=sweep.source,
    )


def _shots(sweep: Sweep) -> Table:
    columns = [mean_estimates(values_NL) for values_NL in sweep.by_shots.values()]
    return Table(
        name="depolarizing_shots",
        title="The same models with a limited number of shots",
        columns=(Column(name="p", digits=2), *(Column(name=name) for name in sweep.by_shots)),
        rows=tuple(zip(sweep.levels, *columns, strict=True)),
        note=f"Held-out accuracy, trained at p without shots. {_MEANS}.",
        source=sweep.source,
    )


def _breakdown(sweep: Sweep) -> Table:
    columns = {
        **{f"trained at p, {name}": values_NL for name, values_NL in sweep.by_shots.items()},
        "trained without noise, exact": sweep.ideal_NL,
    }
    return Table(
        name="depolarizing_breakdown",
        title="Breakdown point: the smallest p at which the quantum router",
        columns=(Column(name=""), *(Column(name=name) for name in columns)),
        rows=breakdown_rows(
            sweep.levels, list(columns.values()), sweep.controls, sweep.settings.accuracy
        ),
        note=(
            "Where the mean over seeds crosses, linear between levels, with 95 % bootstrap "
            "intervals over seeds. The controls have no noise."
        ),
        source=sweep.source,
    )


def _claims(sweep: Sweep) -> list[Claim]:
    margin = sweep.settings.margin
    # The paper's last level, or the last one below it.
    k = max(k for k, level in enumerate(sweep.levels) if level <= max(PAPER))
    p = f"p = {sweep.levels[k]:g}"
    retrained_N = sweep.retrained_NL[:, k]
    close = partial(Claim, margin=margin, kind="equivalence")
    better = partial(Claim, margin=margin)
    return [
        close(
            text=(
                f"trained at {p}, the quantum router stays within {margin:g} of its accuracy "
                "without noise"
            ),
            differences_N=retrained_N - sweep.retrained_NL[:, 0],
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
                text=(
                    f"at {p} and with {shots} shots the quantum router stays within {margin:g} of "
                    "its accuracy with infinitely many"
                ),
                differences_N=values_NL[:, k] - retrained_N,
            )
            for shots, values_NL in sweep.shots_NL.items()
        ),
    ]


def _picture(sweep: Sweep) -> FigureSpec:
    def curve(name: str, values_NL: FloatArray) -> Curve:
        return Curve(name=name, levels=sweep.levels, estimates=tuple(mean_estimates(values_NL)))

    draw = partial(curves, x_label="depolarizing probability p", y_label="held-out accuracy")
    routers = [
        curve("quantum, trained at p", sweep.retrained_NL),
        curve("quantum, trained without noise", sweep.ideal_NL),
        *(
            curve(f"{label(name)}, no noise", np.repeat(v[:, None], len(sweep.levels), axis=1))
            for name, v in sweep.controls.items()
        ),
    ]
    shots = [curve(name, values_NL) for name, values_NL in sweep.by_shots.items()]
    return FigureSpec(
        name="depolarizing",
        caption=(
            "Held-out accuracy of the quantum router by depolarizing probability: beside classical "
            "routers without noise, and, trained at every p, with limited numbers of shots. Bands: "
            "95 % bootstrap intervals of the mean over seeds."
        ),
        draw=panels({"exact": draw(routers), "with shots, trained at p": draw(shots)}),
        size=(10.0, 4.6),
    )
