"""Stored calibrations of devices: the tasks, and their accuracies by seed, device and factor."""

from __future__ import annotations

from functools import partial

import numpy as np

from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.noise.results import Found, accuracy, flips, with_shots
from qmoe_qiskit.studies.noise.settings import NoiseSettings
from qmoe_qiskit.studies.noise.tasks import ShotsTask
from qmoe_qiskit.studies.training.circuit_execution import EXACT, CircuitExecution
from qmoe_qiskit.studies.training.train_task import TrainTask
from qmoe_qiskit.typing import FloatArray


def tasks(settings: NoiseSettings, seed: int) -> list[Task]:
    """Return one training without noise, one under each device's, and the controls."""
    return [
        _ideal(settings, seed),
        *(_under(settings, seed, device=device) for device in settings.all_devices),
        *(settings.control(seed, router) for router in settings.controls),
    ]


def _ideal(settings: NoiseSettings, seed: int) -> ShotsTask:
    """Return the training that is measured under every device's noise, and with shots."""
    devices, factors = settings.all_devices, _noisy(settings)
    places = [_on(device, factor) for device in devices for factor in factors]
    return ShotsTask(
        **settings.training(seed, settings=(EXACT, *places)),
        shots=settings.shots,
        sampled=tuple(map(_on, devices)),
    )


def _under(settings: NoiseSettings, seed: int, *, device: str) -> TrainTask:
    return settings.trained(seed, train_on=_on(device), settings=(_on(device),))


def _on(device: str, factor: float = 1.0) -> CircuitExecution:
    return CircuitExecution(
        backend=f"noisy:{device}", gates=factor, relaxation=factor, readout=factor
    )


def _noisy(settings: NoiseSettings) -> tuple[float, ...]:
    """Return the factors on the noise that it is measured under: 1 first, without 0."""
    return (1.0, *(factor for factor in settings.scales if factor not in {0.0, 1.0}))


class Devices:
    """Held-out accuracies by seed, device and factor on its noise, (N, D, K).

    Attributes:
        settings: Of the study.
        names: Of the devices.
        exact_N: Without noise.
        scaled_NDK: Trained without noise, tested under the device's times each of `scales`.
        ideal_ND: The same, under the device's noise as it is.
        flips_ND: Share of rows that another expert serves then.
        noisy_ND: Trained and tested under the device's noise.
        shots_ND: By number of shots: trained without noise and shots, tested on the device.
        controls: One accuracy a seed, by router.
        source: What they come from.
    """

    def __init__(self, settings: NoiseSettings, found: Found) -> None:
        self.settings, self.names = settings, settings.all_devices
        ideal, factors, n_devices = partial(_ideal, settings), _noisy(settings), len(self.names)
        self.exact_N = found.values(ideal, accuracy)
        places_D = range(1, 1 + n_devices * len(factors), len(factors))

        def at(factor: float) -> FloatArray:
            if factor == 0:
                return np.repeat(self.exact_N[:, None], n_devices, axis=1)
            offset = factors.index(factor)
            return found.settings(ideal, [place + offset for place in places_D], accuracy)

        self.scaled_NDK = np.stack([at(factor) for factor in settings.scales], axis=2)
        self.ideal_ND = at(1.0)
        self.flips_ND = found.settings(ideal, places_D, flips)
        self.noisy_ND = found.columns(
            [partial(_under, settings, device=device) for device in self.names], accuracy
        )
        self.shots_ND = {
            shots: found.settings(ideal, range(n_devices), partial(with_shots, index=k))
            for k, shots in enumerate(settings.shots)
        }
        self.controls = found.controls(settings)
        self.source = found.source(
            f"a training without noise (noise-shots), {n_devices} on devices and "
            f"{len(self.controls)} of classical routers (train)"
        )

    @property
    def losses_ND(self) -> FloatArray:
        """Accuracy on each device minus exact accuracy, below 0 where the device costs accuracy."""
        return self.ideal_ND - self.exact_N[:, None]

    @property
    def by_shots(self) -> dict[str, FloatArray]:
        """Accuracies by the name of the number of shots, the exact ones first."""
        return {"exact": self.ideal_ND} | {
            f"{shots} shots": values_ND for shots, values_ND in self.shots_ND.items()
        }
