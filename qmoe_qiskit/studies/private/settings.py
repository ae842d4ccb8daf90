"""Settings of the study `private`."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt

from qmoe_qiskit.data.registry import DATASETS
from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.training.setting_types import (
    Control,
    Distinct,
    Margin,
    Several,
    Share,
    one_of,
)
from qmoe_qiskit.train.private.settings import MAX_EPSILON, MIN_EPSILON

GENERATED = tuple(entry.name for entry in DATASETS if entry.generated)
# A range that holds the points of every generated data set.
BOUNDS = (-3.0, 3.0)

Epsilon = Annotated[float, Field(ge=MIN_EPSILON, le=MAX_EPSILON)]


def _rising(values: tuple[float, ...]) -> tuple[float, ...]:
    if list(values) != sorted(values):
        raise ValueError("they must rise")
    return values


@dataclass(frozen=True, kw_only=True)
class Case:
    """A training that every seed has.

    Attributes:
        router: Name of the router.
        epsilon: Epsilon of the training; None without privacy.
    """

    router: str
    epsilon: float | None


class PrivateSettings(StudySettings, title="private"):
    """Settings of the study.

    Attributes:
        data: Name of a generated data set: other points of it choose the learning rate.
        n_samples: Number of rows, training and held-out.
        test_fraction: Share of the rows that is held out.
        controls: Classical routers.
        epsilons: Values of epsilon, rising; trainings without privacy are always there.
        delta: The delta at which they are stated.
        max_grad_norm: Norm that the gradient of a row is clipped to.
        n_experts: Number of experts.
        n_layers: Number of layers of the quantum router.
        epochs: Number of passes over the training rows.
        batch_size: Number of rows per step, in private trainings on average.
        learning_rates: Learning rates that each training chooses from, on points of another seed.
        margin: Difference in accuracy below which differences do not matter.
        auc_margin: Difference of the attack's AUC from 0.5 below which it does not matter.
    """

    data: Annotated[str, one_of("generated dataset", GENERATED)] = "moons"
    n_samples: PositiveInt = 1000
    test_fraction: Share = 0.25
    controls: Several[Control] = ("linear", "mlp:16", "fourier")
    epsilons: Annotated[Several[Epsilon], AfterValidator(_rising)] = (1.0, 4.0)
    delta: Share = 1e-5
    max_grad_norm: PositiveFloat = 1.0
    n_experts: Annotated[int, Field(ge=2)] = 2
    n_layers: PositiveInt = 3
    epochs: PositiveInt = 20
    batch_size: PositiveInt = 64
    learning_rates: Distinct[PositiveFloat] = (0.02, 0.1)
    margin: Margin = 0.02
    auc_margin: Margin = 0.02

    @property
    def routers(self) -> tuple[str, ...]:
        """All routers."""
        return ("quantum", *self.controls)

    @property
    def cases(self) -> list[Case]:
        """The trainings of a seed, in the order of their tasks."""
        return [
            Case(router=router, epsilon=epsilon)
            for epsilon in (None, *self.epsilons)
            for router in self.routers
        ]

    def training(self) -> dict[str, Any]:
        """Return the fields that all trainings share."""
        return self.part(
            "data",
            "n_samples",
            "test_fraction",
            "delta",
            "max_grad_norm",
            "n_experts",
            "epochs",
            "batch_size",
            "learning_rates",
        )
