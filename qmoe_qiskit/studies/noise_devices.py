"""Stored calibrations of devices: trained without noise or under a device's, tested under it."""

from __future__ import annotations

from functools import partial

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
        *(_under(settings, seed, device=device) for device in settings.all_devices),
        *(settings.control(seed, router) for router in settings.controls),
    ]


def _ideal(settings: NoiseSettings, seed: int) -> TrainTask:
    return settings.trained(seed, settings=(EXACT, *map(_on, settings.all_devices)))


def _under(settings: NoiseSettings, seed: int, *, device: str) -> TrainTask:
    return settings.trained(seed, train_on=_on(device), settings=(_on(device),))


def _on(device: str) -> Setting:
    return Setting(backend=f"noisy:{device}")


class _Devices:
    """Held-out accuracies by seed and device, (N, D).

    Attributes:
        exact_N: Without noise.
        ideal_ND: Trained without noise, tested under the device's.
        flips_ND: Share of rows that another expert serves then.
        noisy_ND: Trained and tested under the device's noise.
    """

    def __init__(self, settings: NoiseSettings, found: Found) -> None:
        ideal = partial(_ideal, settings)
        places = range(1, 1 + len(settings.all_devices))
        self.exact_N = found.values(ideal, accuracy)
        self.ideal_ND = found.settings(ideal, places, accuracy)
        self.flips_ND = found.settings(ideal, places, flips)
        self.noisy_ND = found.columns(
            [partial(_under, settings, device=device) for device in settings.all_devices],
            accuracy,
        )

    @property
    def ideal_losses_ND(self) -> FloatArray:
        """By how much the device makes what was trained without noise more accurate."""
        return self.ideal_ND - self.exact_N[:, None]


def summarize(settings: NoiseSettings, found: Found) -> Summary:
    """Return a table, verdicts and a figure."""
    measured, controls = _Devices(settings, found), found.controls(settings)
    noisy_ND, devices = measured.noisy_ND, settings.all_devices
    losses = mean_estimates(measured.ideal_losses_ND)
    columns = (
        mean_estimates(measured.ideal_ND),
        losses,
        mean_estimates(measured.flips_ND),
        mean_estimates(noisy_ND),
        mean_estimates(noisy_ND - measured.ideal_ND),
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
        rows=tuple(zip(devices, *columns, strict=True)),
        note=(
            "Held-out rows, measured exactly under the device's calibration, readout errors "
            "included, on the qubits with the smallest expected error; the classical routers have "
            "no noise. Means over seeds with 95 % bootstrap intervals, differences paired by seed."
        ),
        source=found.source(
            f"{1 + len(devices)} trainings and {len(controls)} of classical routers (train)"
        ),
    )
    picture = Picture(
        name="devices",
        caption=(
            "Held-out accuracy of the quantum router under the calibrations of devices, less that "
            "of the same seed without noise. Intervals: 95 %, bootstrap over seeds."
        ),
        draw=intervals(
            {
                "trained without noise": dict(zip(devices, losses, strict=True)),
                "trained on the device": dict(
                    zip(devices, mean_estimates(noisy_ND - measured.exact_N[:, None]), strict=True)
                ),
            },
            label="difference of held-out accuracy",
            reference=0.0,
        ),
        size=(7.0, 1.6 + 0.34 * len(devices)),
    )
    return Summary(
        tables=(table,),
        verdicts=tuple(judge(_claims(settings, measured, controls))),
        pictures=(picture,),
    )


def _claims(
    settings: NoiseSettings, measured: _Devices, controls: dict[str, FloatArray]
) -> list[Claim]:
    margin, losses_ND = settings.margin, measured.ideal_losses_ND
    # The largest of many losses is chosen by the same seeds: that counts against the claim.
    worst = int(losses_ND.mean(axis=0).argmin())
    return [
        Claim(
            text=(
                f"trained without noise, the quantum router stays within {margin:g} of its "
                "accuracy without noise, on the mean of the devices"
            ),
            differences_N=losses_ND.mean(axis=1),
            margin=margin,
            kind="equivalence",
        ),
        Claim(
            text=(
                f"trained without noise, it stays within {margin:g} of that on "
                f"{settings.all_devices[worst]}, the device that costs it most"
            ),
            differences_N=losses_ND[:, worst],
            margin=margin,
            kind="equivalence",
        ),
        Claim(
            text="training under a device's noise helps when tested under it, on their mean",
            differences_N=(measured.noisy_ND - measured.ideal_ND).mean(axis=1),
            margin=margin,
        ),
        *(
            Claim(
                text=(
                    "trained on the device, the quantum router is more accurate than the router "
                    f"{label(name)} without noise, on the mean of the devices"
                ),
                differences_N=measured.noisy_ND.mean(axis=1) - values_N,
                margin=margin,
            )
            for name, values_N in controls.items()
        ),
    ]
