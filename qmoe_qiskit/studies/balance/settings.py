"""Settings of the study `balance`."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.training.circuit_execution import CircuitExecution
from qmoe_qiskit.studies.training.setting_types import Control, Scaling, Several, Share


@dataclass(frozen=True, kw_only=True)
class Case:
    """A training that every seed has.

    Attributes:
        router: Name of the router.
        n_experts: Number of experts.
        weight: Weight of the balance loss.
        scaling: Scaling of the inputs.
    """

    router: str
    n_experts: int
    weight: float
    scaling: str


class BalanceSettings(StudySettings, title="balance"):
    """Settings of the study.

    Attributes:
        data: Name of a built-in data set.
        n_samples: Number of rows, training and held-out.
        test_fraction: Share of the rows that is held out.
        controls: Classical routers.
        n_experts: Numbers of experts.
        weights: Weights of the balance loss, the first of which is 0.
        scalings: Scalings of the inputs; trainings with a balance loss use the first one only.
        n_layers: Number of layers of the quantum router.
        epochs: Number of passes over the training rows.
        batch_size: Number of rows per step.
        learning_rate: Learning rate of Adam.
        device: Stored calibration that the trained quantum router is measured on.
        depolarizing: Probability of the depolarizing noise that it is measured under.
        shots: Number of shots per row.
        dead: Share of the rows below which an expert counts as dead.
        flips: Share of the rows below which the rows that noise gives to another expert leave a
            routing stable.
        balance_margin: Difference in the entropy of the load, as a share of log E, below which
            differences do not matter.
        margin: Difference in accuracy below which differences do not matter.
    """

    data: str = "moons"
    n_samples: PositiveInt = 1000
    test_fraction: float = 0.5
    controls: Several[Control] = ("linear", "mlp:16", "fourier")
    n_experts: Several[Annotated[int, Field(ge=2)]] = (2, 4, 8)
    weights: Several[NonNegativeFloat] = (0.0, 0.01, 0.1)
    scalings: Several[Scaling] = ("paper", "centred")
    n_layers: PositiveInt = 3
    epochs: PositiveInt = 30
    batch_size: PositiveInt = 32
    learning_rate: PositiveFloat = 0.05
    device: str = "ibm_torino"
    depolarizing: float = 0.05
    shots: PositiveInt = 1024
    dead: Share = 0.01
    flips: Share = 0.05
    balance_margin: Share = 0.05
    margin: Share = 0.01

    @field_validator("weights")
    @classmethod
    def _begin_without(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if weights[0] != 0:
            raise InputError(f"weights must begin with 0, which is no balance loss, got {weights}")
        return weights

    @property
    def routers(self) -> tuple[str, ...]:
        """All routers."""
        return ("quantum", *self.controls)

    @property
    def noise(self) -> dict[str, CircuitExecution]:
        """Where a quantum router is measured, by name."""
        device = f"noisy:{self.device}"
        return {
            self.device: CircuitExecution(backend=device),
            f"depolarizing, p = {self.depolarizing:g}": CircuitExecution(
                backend=f"noisy:depolarizing:{self.depolarizing!r}"
            ),
            f"{self.shots} shots": CircuitExecution(backend="noisy:ideal", shots=self.shots),
            f"{self.device}, {self.shots} shots": CircuitExecution(
                backend=device, shots=self.shots
            ),
        }

    @property
    def cases(self) -> list[Case]:
        """The trainings of a seed, in the order of their tasks."""
        return [
            Case(router=router, n_experts=n_experts, weight=weight, scaling=scaling)
            for scaling in self.scalings
            for n_experts in self.n_experts
            for router in self.routers
            for weight in (self.weights if scaling == self.scalings[0] else self.weights[:1])
        ]
