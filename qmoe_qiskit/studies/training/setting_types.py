"""Types of the settings that studies of trainings share, with what each of them accepts."""

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, ValidationInfo

from qmoe_qiskit.errors import InputError, unknown_name
from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.training.routers import is_quantum
from qmoe_qiskit.studies.training.train_task import SCALINGS

T = TypeVar("T")


def _filled(values: tuple[T, ...], info: ValidationInfo) -> tuple[T, ...]:
    if not values:
        raise InputError(f"{info.field_name} is empty: name one at least")
    return values


def _distinct(values: tuple[T, ...], info: ValidationInfo) -> tuple[T, ...]:
    if len(set(values)) < len(values):
        raise InputError(f"{info.field_name} has a value twice: {', '.join(map(str, values))}")
    return values


def _rising_from_0(values: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
    if len(values) < 2 or values[0] != 0 or list(values) != sorted(set(values)):
        raise InputError(
            f"{info.field_name} must begin with 0, where there is no noise, and rise; got "
            f"{', '.join(map(str, values))}"
        )
    return values


def _classical(router: str) -> str:
    if is_quantum(router):
        raise InputError(f"a control is a classical router, got {router!r}")
    return router


def _inside_0_to_1(value: float) -> float:
    if not 0 < value < 1:
        raise ValueError("it must lie between 0 and 1")
    return value


def one_of(kind: str, names: tuple[str, ...]) -> AfterValidator:
    """Return a validator that accepts some names, and suggests the nearest one for any other."""

    def check(name: str) -> str:
        if name not in names:
            raise unknown_name(kind, name, names)
        return name

    return AfterValidator(check)


# A tuple without repeated values, and one that has a value at least.
Distinct = Annotated[tuple[T, ...], AfterValidator(_distinct)]
Several = Annotated[tuple[T, ...], AfterValidator(_filled), AfterValidator(_distinct)]

# A share strictly between 0 and 1; a margin that may be 0; an accuracy that counts as success.
Share = Annotated[float, AfterValidator(_inside_0_to_1)]
Margin = Annotated[float, Field(ge=0, lt=1)]
Success = Annotated[float, Field(gt=0, le=1)]

Scaling = Annotated[str, one_of("scaling", tuple(SCALINGS))]
Control = Annotated[str, AfterValidator(_classical)]
RISING_FROM_0 = AfterValidator(_rising_from_0)


class TunedTrainings(StudySettings):
    """Settings of a study whose trainings choose their learning rate.

    Attributes:
        data: Name of a built-in data set.
        n_samples: Number of points per seed, a quarter of which is held out.
        epochs: Number of passes over the training rows.
        batch_size: Number of rows per step.
        learning_rates: Learning rates that each training chooses from, on a part of its training
            rows.
        scalings: Scalings of the inputs: "paper" to [0, pi], "centred" to [-pi/2, pi/2], in rad.
    """

    data: str = "moons"
    n_samples: PositiveInt = 1000
    epochs: PositiveInt = 30
    batch_size: PositiveInt = 32
    learning_rates: Distinct[PositiveFloat] = (0.02, 0.05, 0.1)
    scalings: Several[Scaling] = ("paper", "centred")

    def training(self) -> dict[str, Any]:
        """Return the fields that all trainings share."""
        return self.part("data", "n_samples", "epochs", "batch_size", "learning_rates")
