"""Stored calibrations of devices: trained without noise or under a device's, tested under it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.report.study_figures import intervals
from qmoe_qiskit.studies.noise_found import Found, accuracy, flips
from qmoe_qiskit.studies.noise_settings import NoiseSettings
from qmoe_qiskit.studies.routers import label
from qmoe_qiskit.studies.setting import EXACT, Setting
from qmoe_qiskit.studies.statistics import Claim, judge, mean_estimates
from qmoe_qiskit.studies.summary import Column, Picture, Summary, Table
from qmoe_qiskit.studies.task import Task
from qmoe_qiskit.studies.training import TrainTask

FloatArray = NDArray[np.float64]


def tasks(settings: NoiseSettings, seed: int) -> list[Task]:
    """Return one training without noise, one under each device's, and the controls."""
    return [
        _ideal(settings, seed),
        *(_under(settings, seed, device) for device in settings.all_devices),
        *(settings.control(seed, router) for router in settings.controls),
    ]


def _ideal(settings: NoiseSettings, seed: int) -> TrainTask:
    devices = (Setting(backend=f"noisy:{device}") for device in settings.all_devices)
    return settings.trained(seed, settings=(EXACT, *devices))


def _under(settings: NoiseSettings, seed: int, device: str) -> TrainTask:
    setting = Setting(backend=f"noisy:{device}")
    return settings.trained(seed, train_on=setting, settings=(setting,))


def summarize(settings: NoiseSettings, found: Found) -> Summary:
    """Return tables, verdicts and figures."""
    devices = settings.all_devices

    def ideal(seed: int) -> TrainTask:
        return _ideal(settings, seed)

    exact_N = found.values(ideal, accuracy)
    ideal_ND, flips_ND = (
        np.stack(
            [found.values(ideal, lambda r, k=k, f=read: f(r, k + 1)) for k in range(len(devices))],
            axis=1,
        )
        for read in (accuracy, flips)
    )
    noisy_ND = np.stack(
        [
            found.values(lambda seed, d=device: _under(settings, seed, d), accuracy)
            for device in devices
        ],
        axis=1,
    )
    controls = found.controls(settings)
    columns = (
        mean_estimates(ideal_ND),
        mean_estimates(ideal_ND - exact_N[:, None]),
        mean_estimates(flips_ND),
        mean_estimates(noisy_ND),
        mean_estimates(noisy_ND - ideal_ND),
        *(mean_estimates(noisy_ND - values_N[:, None]) for values_N in controls.values()),
    )
    table = Table(
        name="devices",
        title="The quantum router under the calibrations of devices",
        columns=(
            Column(name="device"),
            Column(name="accuracy, trained without noise"),
            Column(name="less that without noise"),
            Column(name="rows routed otherwise"),
            Column(name="accuracy, trained on the device"),
            Column(name="less trained without noise"),
            *(Column(name=f"less {label(name)}") for name in controls),
        ),
        rows=tuple(
            (device, *(estimates[k] for estimates in columns)) for k, device in enumerate(devices)
        ),
        note=(
            "Every accuracy is measured under the device's calibration, exactly, readout errors "
            "included, on the qubits with the smallest expected error. Means over seeds with 95 % "
            "bootstrap intervals, differences paired by seed; the controls are trained and "
            "measured without noise."
        ),
        source=found.source(f"{len(devices) + 1} trainings (train)"),
    )
    worst = int((ideal_ND - exact_N[:, None]).mean(axis=0).argmin())
    claims = _claims(settings, devices[worst], exact_N, ideal_ND, noisy_ND, worst)
    claims += [
        Claim(
            text=(
                "trained and tested under a device's noise, the quantum router is more accurate "
                f"than the router {label(name)}, on the mean of the devices"
            ),
            differences_N=noisy_ND.mean(axis=1) - values_N,
            margin=settings.margin,
        )
        for name, values_N in controls.items()
    ]
    picture = Picture(
        name="devices",
        caption=(
            "Held-out accuracy under a device's calibration, less that of the same seed's router "
            "without noise. Intervals: 95 %, bootstrap over seeds."
        ),
        draw=intervals(
            {
                "trained without noise": dict(zip(devices, columns[1], strict=True)),
                "trained on the device": dict(
                    zip(devices, mean_estimates(noisy_ND - exact_N[:, None]), strict=True)
                ),
            },
            label="difference of held-out accuracy",
            reference=0.0,
        ),
        size=(7.0, 1.6 + 0.34 * len(devices)),
    )
    return Summary(tables=(table,), verdicts=tuple(judge(claims)), pictures=(picture,))


def _claims(
    settings: NoiseSettings,
    worst_device: str,
    exact_N: FloatArray,
    ideal_ND: FloatArray,
    noisy_ND: FloatArray,
    worst: int,
) -> list[Claim]:
    margin = settings.margin
    return [
        Claim(
            text=(
                f"trained without noise, the quantum router stays within {margin:g} of its "
                "accuracy without noise, on the mean of the devices"
            ),
            differences_N=ideal_ND.mean(axis=1) - exact_N,
            margin=margin,
            kind="equivalence",
        ),
        Claim(
            text=(
                f"trained without noise, it stays within {margin:g} on {worst_device}, the device "
                "that costs it most"
            ),
            differences_N=ideal_ND[:, worst] - exact_N,
            margin=margin,
            kind="equivalence",
        ),
        Claim(
            text="training under a device's noise helps when tested under it, on their mean",
            differences_N=(noisy_ND - ideal_ND).mean(axis=1),
            margin=margin,
        ),
    ]
