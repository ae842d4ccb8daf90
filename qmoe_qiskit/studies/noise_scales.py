"""One device's noise, weakened and amplified: all of it, and each mechanism apart."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.report.study_figures import Curve, curves
from qmoe_qiskit.studies.noise_found import Found, accuracy, flips
from qmoe_qiskit.studies.noise_settings import NoiseSettings
from qmoe_qiskit.studies.noise_tasks import PinnedTask
from qmoe_qiskit.studies.routers import label
from qmoe_qiskit.studies.setting import Setting
from qmoe_qiskit.studies.statistics import Claim, breakdown_point, judge, mean_estimates
from qmoe_qiskit.studies.summary import Cell, Column, Picture, Summary, Table
from qmoe_qiskit.studies.task import Task
from qmoe_qiskit.studies.training import TrainTask

FloatArray = NDArray[np.float64]

# By their names in `NoiseProfile.scale`.
MECHANISMS = MappingProxyType(
    {"gates": "depolarization of gates", "relaxation": "relaxation", "readout": "readout errors"}
)


def tasks(settings: NoiseSettings, seed: int) -> list[Task]:
    """Return one training without noise, one at each factor, and the controls."""
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


def summarize(settings: NoiseSettings, found: Found) -> Summary:
    """Return tables, verdicts and figures of the device's noise as a whole."""
    scales, device, margin = settings.scales, settings.device, settings.margin

    def ideal(seed: int) -> TrainTask:
        return _ideal(settings, seed)

    ideal_NK, flips_NK = (
        np.stack(
            [found.values(ideal, lambda r, k=k, f=read: f(r, k)) for k in range(len(scales))],
            axis=1,
        )
        for read in (accuracy, flips)
    )
    noisy_NK = np.stack(
        [
            found.values(lambda seed, f=factor: _under(settings, seed, f), accuracy)
            for factor in scales
        ],
        axis=1,
    )
    controls = found.controls(settings)
    columns = (
        mean_estimates(ideal_NK),
        mean_estimates(flips_NK),
        mean_estimates(noisy_NK),
        mean_estimates(noisy_NK - ideal_NK),
        *(mean_estimates(noisy_NK - values_N[:, None]) for values_N in controls.values()),
    )
    source = found.source(f"{len(scales) + 1} trainings (train)")
    table = Table(
        name="scales",
        title=f"The quantum router under the noise of {device} times a factor",
        columns=(
            Column(name="factor", digits=1),
            Column(name="accuracy, trained without noise"),
            Column(name="rows routed otherwise"),
            Column(name="accuracy, trained under it"),
            Column(name="less trained without noise"),
            *(Column(name=f"less {label(name)}") for name in controls),
        ),
        rows=tuple(
            (factor, *(estimates[k] for estimates in columns)) for k, factor in enumerate(scales)
        ),
        note=(
            "Every accuracy is measured under the scaled calibration, exactly. The factor "
            "multiplies the depolarizing probability of each gate, 1/T1, 1/T2 and the readout "
            "errors. Means over seeds with 95 % bootstrap intervals, differences paired by seed."
        ),
        source=source,
    )
    trainings = {"trained without noise": ideal_NK, "trained under it": noisy_NK}
    rows: list[tuple[Cell, ...]] = [
        (
            f"falls behind {label(name)}",
            *(breakdown_point(scales, v - values_N[:, None]) for v in trainings.values()),
        )
        for name, values_N in controls.items()
    ]
    rows.append(
        (
            f"accuracy under {settings.accuracy:g}",
            *(breakdown_point(scales, v, threshold=settings.accuracy) for v in trainings.values()),
        )
    )
    breakdown = Table(
        name="scales_breakdown",
        title=f"Breakdown point: the smallest factor on the noise of {device} at which it",
        columns=(Column(name=""), *(Column(name=name) for name in trainings)),
        rows=tuple(rows),
        note=(
            "Where the mean over seeds crosses, linear between factors, with 95 % bootstrap "
            "intervals over seeds."
        ),
        source=source,
    )
    at = f"{scales[-1]:g} times the noise of {device}"
    claims = [
        Claim(
            text=f"trained without noise, the quantum router stays within {margin:g} at {at}",
            differences_N=ideal_NK[:, -1] - ideal_NK[:, 0],
            margin=margin,
            kind="equivalence",
        ),
        Claim(
            text=f"trained under it, the quantum router stays within {margin:g} at {at}",
            differences_N=noisy_NK[:, -1] - noisy_NK[:, 0],
            margin=margin,
            kind="equivalence",
        ),
        Claim(
            text=f"training under noise helps when tested under noise, at {at}",
            differences_N=noisy_NK[:, -1] - ideal_NK[:, -1],
            margin=margin,
        ),
    ]
    picture = Picture(
        name="scales",
        caption=(
            f"Held-out accuracy by the factor on the noise of {device}, beside classical routers "
            "without noise. Bands: 95 % bootstrap intervals of the mean over seeds."
        ),
        draw=curves(
            [
                *(_curve(f"quantum, {name}", scales, v) for name, v in trainings.items()),
                *(
                    _curve(f"{label(name)} (no noise)", scales, v[:, None] + 0 * ideal_NK)
                    for name, v in controls.items()
                ),
            ],
            x_label=f"factor on the noise of {device}",
            y_label="held-out accuracy",
        ),
    )
    return Summary(tables=(table, breakdown), verdicts=tuple(judge(claims)), pictures=(picture,))


def mechanism_tasks(settings: NoiseSettings, seed: int) -> list[Task]:
    """Return one training without noise, measured under each mechanism alone."""
    return [_apart(settings, seed)]


def _apart(settings: NoiseSettings, seed: int) -> PinnedTask:
    return PinnedTask(
        **settings.training(
            seed,
            settings=tuple(
                _alone(settings, name, factor) for name in MECHANISMS for factor in settings.scales
            ),
        )
    )


def _alone(settings: NoiseSettings, mechanism: str, factor: float) -> Setting:
    return settings.scaled(0.0, **{mechanism: factor})


def summarize_mechanisms(settings: NoiseSettings, found: Found) -> Summary:
    """Return tables, verdicts and figures of the mechanisms apart."""
    scales, device, margin = settings.scales, settings.device, settings.margin
    n_scales = len(scales)
    accuracies, flipped = (
        {
            name: np.stack(
                [
                    found.values(
                        lambda seed: _apart(settings, seed),
                        lambda r, k=m * n_scales + k, f=read: f(r, k),
                    )
                    for k in range(n_scales)
                ],
                axis=1,
            )
            for m, name in enumerate(MECHANISMS)
        }
        for read in (accuracy, flips)
    )
    losses = {name: mean_estimates(v - v[:, :1]) for name, v in accuracies.items()}
    rerouted = {name: mean_estimates(v) for name, v in flipped.items()}
    table = Table(
        name="mechanisms",
        title=f"Each mechanism of the noise of {device} alone, times a factor",
        columns=(
            Column(name="mechanism"),
            Column(name="factor", digits=1),
            Column(name="accuracy less that without noise"),
            Column(name="rows routed otherwise"),
        ),
        rows=tuple(
            (what, factor, losses[name][k], rerouted[name][k])
            for name, what in MECHANISMS.items()
            for k, factor in enumerate(scales)
            if factor
        ),
        note=(
            "Trained without noise, measured exactly, always on the qubits that the calibration as "
            "it is stored leads to. Means over seeds with 95 % bootstrap intervals, paired by seed."
        ),
        source=found.source(f"1 training, {3 * n_scales} evaluations (noise-pinned)"),
    )
    claims = [
        Claim(
            text=(
                f"{scales[-1]:g} times the {what} of {device} alone cost the quantum router less "
                f"than {margin:g}"
            ),
            differences_N=accuracies[name][:, -1] - accuracies[name][:, 0],
            margin=margin,
            kind="equivalence",
        )
        for name, what in MECHANISMS.items()
    ]
    picture = Picture(
        name="mechanisms",
        caption=(
            f"Share of the held-out rows that another expert serves than without noise, by the "
            f"factor on one mechanism of the noise of {device}, the others being absent. Bands: "
            "95 % bootstrap intervals of the mean over seeds."
        ),
        draw=curves(
            [_curve(what, scales, flipped[name]) for name, what in MECHANISMS.items()],
            x_label="factor",
            y_label="rows routed otherwise",
        ),
    )
    return Summary(tables=(table,), verdicts=tuple(judge(claims)), pictures=(picture,))


def _curve(name: str, levels: tuple[float, ...], values_NL: FloatArray) -> Curve:
    return Curve(name=name, levels=levels, estimates=tuple(mean_estimates(values_NL)))
