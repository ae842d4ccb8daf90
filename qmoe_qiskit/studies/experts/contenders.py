"""The models that the study of experts compares."""

from __future__ import annotations

from dataclasses import dataclass


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
