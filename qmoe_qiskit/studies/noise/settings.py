"""Settings of the study of noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from qmoe_qiskit.backends.noisy.depolarizing import MAX_PROBABILITY
from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.noise_profiles import list_profiles
from qmoe_qiskit.studies.training.circuit_execution import CircuitExecution
from qmoe_qiskit.studies.training.routers import is_quantum
from qmoe_qiskit.studies.training.train_task import TrainTask

PARTS = ("depolarizing", "devices", "scales", "mechanisms", "drift", "mitigation")


@dataclass(frozen=True, kw_only=True)
class NoiseSettings:
    """Settings of the study.

    Attributes:
        parts: What is studied, of `PARTS`.
        data: Built-in data set.
        n_samples: Rows, those held out included.
        test_fraction: Share of the rows held out.
        n_layers: Of the quantum router.
        epochs: Passes over the training rows.
        batch_size: Rows in a step.
        learning_rate: Adam's.
        controls: Classical routers.
        levels: Depolarizing probabilities, of which 0 is the first.
        shots: Numbers of shots per sample, beside infinitely many.
        devices: Stored calibrations; none for all of them.
        device: The calibration that is also trained under at all `scales`, taken apart, drifts,
            and is mitigated.
        scales: Factors on the noise of devices.
        drift_hours: How much later it is measured than trained on.
        factors: Factors on its noise where it drifts and where it is mitigated.
        folds: How often two-qubit gates are executed for zero-noise extrapolation.
        accuracy: Below it a router has broken down.
        margin: A smaller difference of accuracies does not matter.

    Raises:
        InputError: If a value is not accepted.
    """

    parts: tuple[str, ...] = PARTS
    data: str = "moons"
    n_samples: int = 1000
    test_fraction: float = 0.25
    n_layers: int = 3
    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 0.05
    controls: tuple[str, ...] = ("linear", "mlp:16", "fourier")
    levels: tuple[float, ...] = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    shots: tuple[int, ...] = (8192, 1024, 128)
    devices: tuple[str, ...] = ()
    device: str = "ibm_torino"
    scales: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    drift_hours: tuple[float, ...] = (24.0, 168.0)
    factors: tuple[float, ...] = (1.0, 5.0)
    folds: tuple[int, ...] = (1, 3, 5)
    accuracy: float = 0.9
    margin: float = 0.01

    def __post_init__(self) -> None:
        for name in ("parts", "controls", "levels", "scales", "drift_hours", "factors"):
            if not getattr(self, name):
                raise InputError(f"{name} is empty: give one at least")
        for name in ("shots", "devices", "parts", "controls", "drift_hours", "factors"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise InputError(f"{name} has a value twice: {', '.join(map(str, values))}")
        self._check_names()
        self._check_numbers()

    def _check_names(self) -> None:
        for part in self.parts:
            if part not in PARTS:
                raise unknown_name("part", part, PARTS)
        for device in (self.device, *self.devices):
            if device not in list_profiles():
                raise unknown_name("noise profile", device, list_profiles())
        for control in self.controls:
            if is_quantum(control):
                raise InputError(f"a control is a classical router, got {control!r}")

    def _check_numbers(self) -> None:
        for shots in self.shots:
            require_positive("shots", shots)
        for name in ("levels", "scales"):
            values = getattr(self, name)
            if values[0] != 0 or len(values) < 2 or list(values) != sorted(set(values)):
                raise InputError(
                    f"{name} must begin with 0, where there is no noise, and rise; got "
                    f"{', '.join(map(str, values))}"
                )
        if self.levels[-1] > MAX_PROBABILITY:
            raise InputError(
                f"a depolarizing probability is at most {MAX_PROBABILITY}, got {self.levels[-1]}"
            )
        for name in ("scales", "drift_hours", "factors"):
            for value in getattr(self, name):
                if not 0 <= value < math.inf:
                    raise InputError(f"{name} must be numbers of at least 0, got {value}")
        for name in ("accuracy", "margin"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{name} must lie between 0 and 1, got {getattr(self, name)}")

    def training(self, seed: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return the fields that all trainings of a seed share, with changes."""
        return {
            "seed": seed,
            "n_layers": self.n_layers,
            "data": self.data,
            "n_samples": self.n_samples,
            "test_fraction": self.test_fraction,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rates": (self.learning_rate,),
            **changes,
        }

    def trained(self, seed: int, **changes: Any) -> TrainTask:  # noqa: ANN401
        """Return a training."""
        return TrainTask(**self.training(seed, **changes))

    def control(self, seed: int, router: str) -> TrainTask:
        """Return the training of a classical router."""
        return self.trained(seed, router=router, n_layers=1)

    def scaled(self, factor: float, **changes: float) -> CircuitExecution:
        """Return the device with its noise scaled, some mechanisms otherwise than the rest."""
        return CircuitExecution(
            backend=f"noisy:{self.device}",
            gates=changes.get("gates", factor),
            relaxation=changes.get("relaxation", factor),
            readout=changes.get("readout", factor),
        )

    def noise(self, factor: float) -> str:
        """Return the device's noise times a factor, in words."""
        return f"the noise of {self.device}" if factor == 1 else f"{factor:g} times {self.noise(1)}"

    @property
    def all_devices(self) -> tuple[str, ...]:
        """The devices that are compared."""
        return self.devices or list_profiles()


def depolarizing(level: float) -> CircuitExecution:
    """Return the paper's noise; without any the exact backend."""
    return (
        CircuitExecution(backend=f"noisy:depolarizing:{level!r}") if level else CircuitExecution()
    )
