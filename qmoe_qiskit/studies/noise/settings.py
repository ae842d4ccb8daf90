"""Settings of the study `noise`."""

from typing import Annotated, Any

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from qmoe_qiskit.backends.noisy.depolarizing import MAX_PROBABILITY
from qmoe_qiskit.noise_profiles import list_profiles
from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.training.circuit_execution import EXACT, CircuitExecution
from qmoe_qiskit.studies.training.setting_types import (
    RISING_FROM_0,
    Control,
    Distinct,
    Several,
    Share,
    one_of,
)
from qmoe_qiskit.studies.training.train_task import TrainTask

PARTS = ("depolarizing", "devices", "scales", "mechanisms", "drift", "mitigation")

LEVELS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)

Profile = Annotated[str, one_of("noise profile", list_profiles())]
Probability = Annotated[float, Field(ge=0, le=MAX_PROBABILITY)]


class NoiseSettings(StudySettings, title="noise"):
    """Settings of the study.

    Attributes:
        parts: Parts of the study that are run, of `PARTS`.
        data: Name of a built-in data set.
        n_samples: Number of rows, training and held-out.
        test_fraction: Share of the rows that is held out.
        n_layers: Number of layers of the quantum router.
        epochs: Number of passes over the training rows.
        batch_size: Number of rows per step.
        learning_rate: Learning rate of Adam.
        controls: Classical routers.
        levels: Depolarizing probabilities, the first of which is 0.
        shots: Numbers of shots per sample, beside exact values.
        devices: Stored calibrations; none stands for all of them.
        device: Calibration that is also trained under at all `scales`, split into mechanisms, left
            to drift, and mitigated.
        scales: Factors on the noise of devices, the first of which is 0.
        drift_hours: Times between the training and the measurement, in hours.
        factors: Factors on the noise of `device` for drift and mitigation.
        folds: How many times two-qubit gates are executed for zero-noise extrapolation.
        accuracy: Accuracy below which a router has broken down.
        margin: Difference in accuracy below which differences do not matter.
    """

    parts: Several[Annotated[str, one_of("part", PARTS)]] = PARTS
    data: str = "moons"
    n_samples: PositiveInt = 1000
    test_fraction: float = 0.25
    n_layers: PositiveInt = 3
    epochs: PositiveInt = 20
    batch_size: PositiveInt = 32
    learning_rate: PositiveFloat = 0.05
    controls: Several[Control] = ("linear", "mlp:16", "fourier")
    levels: Annotated[tuple[Probability, ...], RISING_FROM_0] = LEVELS
    shots: Distinct[PositiveInt] = (8192, 1024, 128)
    devices: Distinct[Profile] = ()
    device: Profile = "ibm_torino"
    scales: Annotated[tuple[NonNegativeFloat, ...], RISING_FROM_0] = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    drift_hours: Several[NonNegativeFloat] = (24.0, 168.0)
    factors: Several[NonNegativeFloat] = (1.0, 5.0)
    folds: tuple[int, ...] = (1, 3, 5)
    accuracy: Share = 0.9
    margin: Share = 0.01

    def training(self, seed: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return the fields that all trainings of a seed share, with some changed."""
        return {
            "seed": seed,
            **self.part("n_layers", "data", "n_samples", "test_fraction", "epochs", "batch_size"),
            "learning_rates": (self.learning_rate,),
            **changes,
        }

    def trained(self, seed: int, **changes: Any) -> TrainTask:  # noqa: ANN401
        """Return a training."""
        return TrainTask(**self.training(seed, **changes))

    def control(self, seed: int, router: str) -> TrainTask:
        """Return the training of a classical router."""
        return self.trained(seed, router=router, n_layers=1)

    def scaled(self, factor: float, device: str = "", /, **changes: float) -> CircuitExecution:
        """Return a device, by default `device`, with its noise scaled.

        The changes give some mechanisms another factor.
        """
        return CircuitExecution(
            backend=f"noisy:{device or self.device}",
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
    """Return the paper's noise at a level; at level 0 the exact backend."""
    return CircuitExecution(backend=f"noisy:depolarizing:{level!r}") if level else EXACT
