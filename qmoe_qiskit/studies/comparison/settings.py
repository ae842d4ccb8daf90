"""Settings of a comparison of routers."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.training.circuit_execution import EXACT, CircuitExecution
from qmoe_qiskit.studies.training.routers import is_quantum
from qmoe_qiskit.studies.training.setting_types import Distinct, Several, Share


def _two_at_least(routers: tuple[str, ...]) -> tuple[str, ...]:
    if len(routers) < 2:
        raise InputError(f"a comparison needs two routers at least, got {', '.join(routers)}")
    return routers


class ComparisonSettings(StudySettings, title="compare"):
    """Settings of a comparison.

    Attributes:
        routers: The routers; the first one is compared with each of the others.
        data: Name of a built-in data set, or path of a file.
        target: Column of the labels in a file.
        features: Columns of a file that are features, or None for all.
        drop: Columns of a file that are no features, or None.
        data_hash: Content hash of the file's rows; "" for built-in data.
        n_samples: Number of rows per seed.
        test_fraction: Share of the rows that is held out.
        layers: Number of layers of quantum routers.
        experts: Number of experts.
        epochs: Number of passes over the training rows.
        batch_size: Number of rows per step.
        learning_rates: Learning rates that each training chooses from, on a part of its training
            rows.
        device: Device under whose noise the trained quantum routers are measured too, or None.
        shots: Number of shots per row of that measurement; None for exact values.
        mitigation: Error mitigation of that measurement.
        margin: Difference in accuracy below which differences do not matter.
    """

    routers: Annotated[Several[str], AfterValidator(_two_at_least)] = ("quantum", "linear")
    data: str = "moons"
    target: str | None = None
    features: Distinct[str] | None = None
    drop: Distinct[str] | None = None
    data_hash: str = ""
    n_samples: PositiveInt = 500
    test_fraction: Share = 0.25
    layers: PositiveInt = 3
    experts: PositiveInt = 2
    epochs: PositiveInt = 30
    batch_size: PositiveInt = 32
    learning_rates: Several[PositiveFloat] = (0.02, 0.05, 0.1)
    device: str | None = None
    shots: PositiveInt | None = None
    mitigation: str = "none"
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.02

    @property
    def noisy(self) -> CircuitExecution | None:
        """The second execution of trained circuits; None if they run without noise only."""
        backend = "statevector" if self.device is None else f"noisy:{self.device}"
        setting = CircuitExecution(backend=backend, shots=self.shots, mitigation=self.mitigation)
        return None if setting == EXACT else setting

    @property
    def under_noise(self) -> str:
        """The second execution in words."""
        shots = f"with {self.shots} shots" if self.shots else ""
        device = f"under {self.device}" if self.device else ""
        return " ".join(filter(None, (device, shots)))

    def executions(self, router: str) -> tuple[CircuitExecution, ...]:
        """Return what a trained router is measured with: without noise first."""
        noisy = self.noisy if is_quantum(router) else None
        return (EXACT,) if noisy is None else (EXACT, noisy)

    def training(self) -> dict[str, Any]:
        """Return the fields that all trainings share."""
        return {
            "n_layers": self.layers,
            "n_experts": self.experts,
            **self.part(
                *("data", "target", "features", "drop", "data_hash", "n_samples", "test_fraction"),
                *("epochs", "batch_size", "learning_rates"),
            ),
        }
