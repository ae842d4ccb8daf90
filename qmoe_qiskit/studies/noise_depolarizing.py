"""The paper's noise: depolarizing channels behind the embedding and at the end.

Phase 3B of arXiv:2512.22296 with held-out rows and controls, beyond its levels, and with shots.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.report.study_figures import Curve, curves, panels
from qmoe_qiskit.studies.noise_found import Found, accuracy
from qmoe_qiskit.studies.noise_settings import NoiseSettings, depolarizing
from qmoe_qiskit.studies.noise_tasks import SweepTask
from qmoe_qiskit.studies.routers import label
from qmoe_qiskit.studies.statistics import (
    Claim,
    breakdown_point,
    judge,
    mean_estimate,
    mean_estimates,
    median_estimate,
    success_rate,
)
from qmoe_qiskit.studies.summary import Cell, Column, Picture, Summary, Table
from qmoe_qiskit.studies.task import Task

FloatArray = NDArray[np.float64]

# Figures of the authors' notebooks: accuracy on the training points, one seed.
PAPER = {0.0: 1.000, 0.02: 0.982, 0.05: 0.989, 0.1: 0.994, 0.15: 0.986, 0.2: 0.975}
PAPER_LAST = 0.2


def tasks(settings: NoiseSettings, seed: int) -> list[Task]:
    """Return the trainings at every level, and the controls."""
    return [
        *(_task(settings, seed, level) for level in settings.levels),
        *(settings.control(seed, router) for router in settings.controls),
    ]


def _task(settings: NoiseSettings, seed: int, level: float) -> SweepTask:
    # What was trained without noise is measured at every level.
    measured = settings.levels if level == 0 else (level,)
    return SweepTask(
        **settings.training(
            seed,
            train_on=depolarizing(level),
            settings=tuple(depolarizing(p) for p in measured),
        ),
        shots=settings.shots,
    )


def summarize(settings: NoiseSettings, found: Found) -> Summary:
    """Return tables, verdicts and figures."""
    sweep = _Sweep(settings, found)
    return Summary(
        tables=(_levels(sweep), _controls(sweep), _shots(sweep), _breakdown(sweep)),
        verdicts=tuple(judge(_claims(sweep))),
        pictures=_pictures(sweep),
        remarks=(
            "Depolarizing noise multiplies what the circuit gives by constants, which retraining "
            "makes up for as long as the optimizer can; shots limit how well. The classical "
            "routers have neither noise nor shots.",
        ),
    )


class _Sweep:
    """Held-out accuracies by seed and level, (N, L).

    Attributes:
        retrained_NL: Trained and tested at the level.
        ideal_NL: Trained without noise, tested at the level.
        train_NL: On the rows that it was trained on, as the paper has it.
        shots_NL: By number of shots, trained without shots.
        controls: One accuracy a seed, by router.
    """

    def __init__(self, settings: NoiseSettings, found: Found) -> None:
        self.settings, self.found = settings, found
        self.levels = settings.levels

        def at_levels(read: Any) -> FloatArray:  # noqa: ANN401
            return np.stack(
                [
                    found.values(lambda seed, p=level: _task(settings, seed, p), read)
                    for level in self.levels
                ],
                axis=1,
            )

        self.retrained_NL = at_levels(accuracy)
        self.train_NL = at_levels(lambda result: result["train_accuracy"])
        self.shots_NL = {
            shots: at_levels(lambda result, k=k: result["shots"][k]["accuracy"])
            for k, shots in enumerate(settings.shots)
        }
        self.ideal_NL = np.stack(
            [
                found.values(lambda seed: _task(settings, seed, 0.0), lambda r, k=k: accuracy(r, k))
                for k in range(len(self.levels))
            ],
            axis=1,
        )
        self.controls = found.controls(settings)

    @property
    def by_shots(self) -> dict[str, FloatArray]:
        """Accuracies by the name of the number of shots, the exact ones first."""
        return {"exact": self.retrained_NL} | {
            f"{shots} shots": values_NL for shots, values_NL in self.shots_NL.items()
        }


def _levels(sweep: _Sweep) -> Table:
    settings = sweep.settings
    means = mean_estimates(sweep.retrained_NL)
    losses = mean_estimates(sweep.retrained_NL - sweep.retrained_NL[:, :1])
    train = mean_estimates(sweep.train_NL)
    ideal = mean_estimates(sweep.ideal_NL)
    rows: list[tuple[Cell, ...]] = [
        (
            level,
            means[k],
            median_estimate(sweep.retrained_NL[:, k]),
            success_rate(sweep.retrained_NL[:, k], settings.accuracy),
            losses[k] if k else None,
            ideal[k],
            train[k],
            PAPER.get(level),
        )
        for k, level in enumerate(sweep.levels)
    ]
    return Table(
        name="depolarizing",
        title="The quantum router under depolarizing noise",
        columns=(
            Column(name="p", digits=2),
            Column(name="accuracy, trained at p"),
            Column(name="its median"),
            Column(name=f"seeds at {settings.accuracy:g} or more", digits=2),
            Column(name="less that without noise"),
            Column(name="accuracy, trained without noise"),
            Column(name="on training rows, trained at p"),
            Column(name="the paper's, on training rows, one seed"),
        ),
        rows=tuple(rows),
        note=(
            "Exact expectation values. Means over seeds with 95 % bootstrap intervals; shares of "
            "seeds with Wilson intervals. Differences are paired by seed."
        ),
        source=sweep.found.source(f"{len(sweep.levels)} trainings (noise-sweep)"),
    )


def _controls(sweep: _Sweep) -> Table:
    settings = sweep.settings
    names = list(sweep.controls)
    differences = {
        name: mean_estimates(sweep.retrained_NL - values_N[:, None])
        for name, values_N in sweep.controls.items()
    }
    first: tuple[Cell, ...] = (
        "accuracy of the control",
        *(mean_estimate(values_N) for values_N in sweep.controls.values()),
    )
    second: tuple[Cell, ...] = (
        f"its seeds at {settings.accuracy:g} or more",
        *(success_rate(values_N, settings.accuracy) for values_N in sweep.controls.values()),
    )
    rest: list[tuple[Cell, ...]] = [
        (f"quantum at p = {level:g}, less control", *(differences[name][k] for name in names))
        for k, level in enumerate(sweep.levels)
    ]
    return Table(
        name="depolarizing_controls",
        title="The quantum router, retrained at every level, against classical routers",
        columns=(Column(name=""), *(Column(name=label(name)) for name in names)),
        rows=(first, second, *rest),
        note=(
            "Paired by seed: the same points, split and order of batches. Positive: the quantum "
            f"router is more accurate. All with {_rate(settings)}."
        ),
        source=sweep.found.source(
            f"{len(sweep.levels)} trainings (noise-sweep) and {len(names)} of controls (train)"
        ),
    )


def _shots(sweep: _Sweep) -> Table:
    columns = {name: mean_estimates(values_NL) for name, values_NL in sweep.by_shots.items()}
    return Table(
        name="depolarizing_shots",
        title="Shots: accuracy of the same models, trained at p without shots",
        columns=(Column(name="p", digits=2), *(Column(name=name) for name in columns)),
        rows=tuple(
            (level, *(estimates[k] for estimates in columns.values()))
            for k, level in enumerate(sweep.levels)
        ),
        note="Means over seeds with 95 % bootstrap intervals; every row of data has its own shots.",
        source=sweep.found.source(f"{len(sweep.levels)} trainings (noise-sweep)"),
    )


def _breakdown(sweep: _Sweep) -> Table:
    settings = sweep.settings
    rows: list[tuple[Cell, ...]] = [
        (
            f"falls behind {label(name)}",
            *(
                breakdown_point(sweep.levels, values_NL - control_N[:, None])
                for values_NL in sweep.by_shots.values()
            ),
        )
        for name, control_N in sweep.controls.items()
    ]
    rows.append(
        (
            f"accuracy under {settings.accuracy:g}",
            *(
                breakdown_point(sweep.levels, values_NL, threshold=settings.accuracy)
                for values_NL in sweep.by_shots.values()
            ),
        )
    )
    return Table(
        name="depolarizing_breakdown",
        title="Breakdown point: the smallest p at which the quantum router",
        columns=(Column(name=""), *(Column(name=name) for name in sweep.by_shots)),
        rows=tuple(rows),
        note=(
            "Trained at every p. Where the mean over seeds crosses, linear between levels, with "
            "95 % bootstrap intervals over seeds."
        ),
        source=sweep.found.source(
            f"{len(sweep.levels)} trainings (noise-sweep) and {len(sweep.controls)} of controls"
        ),
    )


def _claims(sweep: _Sweep) -> list[Claim]:
    settings = sweep.settings
    margin = settings.margin
    # The paper's last level, or the last one below it.
    k = max(k for k, level in enumerate(sweep.levels) if level <= PAPER_LAST)
    p = f"p = {sweep.levels[k]:g}"
    retrained_N, ideal_N = sweep.retrained_NL[:, k], sweep.ideal_NL[:, k]
    claims = [
        Claim(
            text=(
                f"retrained at {p}, the quantum router stays within {margin:g} of its accuracy "
                "without noise"
            ),
            differences_N=retrained_N - sweep.retrained_NL[:, 0],
            margin=margin,
            kind="equivalence",
        ),
        Claim(
            text=f"training under noise helps when tested under noise, at {p}",
            differences_N=retrained_N - ideal_N,
            margin=margin,
        ),
        *(
            Claim(
                text=f"at {p} the quantum router is more accurate than the router {label(name)}",
                differences_N=retrained_N - control_N,
                margin=margin,
            )
            for name, control_N in sweep.controls.items()
        ),
    ]
    claims += [
        Claim(
            text=(
                f"at {p} the quantum router's accuracy with {shots} shots is within {margin:g} of "
                "that with infinitely many"
            ),
            differences_N=values_NL[:, k] - retrained_N,
            margin=margin,
            kind="equivalence",
        )
        for shots, values_NL in sweep.shots_NL.items()
    ]
    return claims


def _pictures(sweep: _Sweep) -> tuple[Picture, ...]:
    levels = tuple(sweep.levels)
    flat = np.ones(len(levels))

    def curve(name: str, values_NL: FloatArray) -> Curve:
        return Curve(name=name, levels=levels, estimates=tuple(mean_estimates(values_NL)))

    routers = [
        curve("quantum, trained at p", sweep.retrained_NL),
        curve("quantum, trained without noise", sweep.ideal_NL),
        *(
            curve(f"{label(name)} (no noise)", values_N[:, None] * flat)
            for name, values_N in sweep.controls.items()
        ),
    ]
    shots = [curve(name, values_NL) for name, values_NL in sweep.by_shots.items()]
    axes = {"x_label": "depolarizing probability p", "y_label": "held-out accuracy"}
    return (
        Picture(
            name="depolarizing",
            caption=(
                "Held-out accuracy of the quantum router by depolarizing probability, beside "
                "classical routers without noise (left), and with numbers of shots, trained at "
                "every p (right). Bands: 95 % bootstrap intervals of the mean over seeds."
            ),
            draw=panels({"routers": curves(routers, **axes), "shots": curves(shots, **axes)}),
            size=(10.0, 4.6),
        ),
    )


def _rate(settings: NoiseSettings) -> str:
    return f"learning rate {settings.learning_rate:g}, {settings.epochs} epochs"
