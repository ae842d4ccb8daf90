"""Settings of the study `experts`."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.experts.task import DATA
from qmoe_qiskit.studies.training.setting_types import Margin, Several, one_of


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A model of the study.

    Attributes:
        model: Name of the model, see `build_model`.
        label: Name of the model for tables.
        deep: Whether the circuit has so many layers that it has the parameters of the mixture.
    """

    model: str
    label: str
    deep: bool = False

    @property
    def quantum(self) -> bool:
        """Whether the model has a circuit."""
        return self.model in {"qnn", "quantum_mixture"}


LINEAR = Contender(model="linear", label="one linear layer")
QUADRATIC = Contender(model="quadratic", label="linear layer on products of features")
QNN = Contender(model="qnn", label="one QNN")
LARGE_QNN = Contender(model="qnn", label="one QNN as large as the mixture", deep=True)
LINEAR_MIXTURE = Contender(model="linear_mixture", label="mixture of linear experts")
RELU_MIXTURE = Contender(model="relu_mixture", label="mixture of ReLU experts (paper)")
QUANTUM_MIXTURE = Contender(model="quantum_mixture", label="mixture of quantum experts")
CONTENDERS = (LINEAR, QUADRATIC, QNN, LARGE_QNN, LINEAR_MIXTURE, RELU_MIXTURE, QUANTUM_MIXTURE)


# Numbers of weights of a layer of a circuit on 4 qubits, and of the adapter to 2 classes.
_PER_LAYER, _ADAPTER = 12, 10
# Number of weights of the linear router per expert.
_PER_ROUTE = 17


class ExpertsSettings(StudySettings, title="experts"):
    """Settings of the study.

    Attributes:
        data: Data sets: "synthetic", 16 generated features; "digits", zeros and ones at 4x4 pixels.
        n_samples: Number of rows of the synthetic data, training and held-out; from 100 on each
            part has enough rows of each class.
        test_fraction: Share of the rows that is held out.
        n_experts: Number of experts of every mixture.
        n_layers: Number of layers of the circuits.
        backend: Specification of the exact backend that runs the circuits.
        epochs: Number of passes over the training rows.
        batch_size: Number of rows per step.
        paper_learning_rate: Learning rate of Adam in the paper.
        learning_rates: Learning rates that each model chooses from on training rows, per seed.
        margin: Difference in accuracy below which differences do not matter.
    """

    data: Several[Annotated[str, one_of("data", tuple(DATA))]] = ("synthetic", "digits")
    n_samples: Annotated[int, Field(ge=100)] = 800
    test_fraction: Annotated[float, Field(ge=0.1, le=0.9)] = 0.5
    n_experts: PositiveInt = 3
    n_layers: PositiveInt = 2
    backend: str = "statevector"
    epochs: PositiveInt = 8
    batch_size: PositiveInt = 32
    paper_learning_rate: PositiveFloat = 0.01
    learning_rates: tuple[PositiveFloat, ...] = (0.01, 0.03, 0.1, 0.3)
    margin: Margin = 0.01

    @field_validator("learning_rates")
    @classmethod
    def _are_a_choice(cls, rates: tuple[float, ...]) -> tuple[float, ...]:
        if len(rates) < 2:
            raise InputError("learning_rates needs two rates at least, to choose from")
        return rates

    @property
    def deep_layers(self) -> int:
        """Number of layers with which one circuit has about as many parameters as the mixture."""
        mixture = self.n_experts * (_PER_ROUTE + self.n_layers * _PER_LAYER + _ADAPTER)
        return round((mixture - _ADAPTER) / _PER_LAYER)
