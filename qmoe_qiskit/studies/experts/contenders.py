"""Who competes in the study of experts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A model of the study.

    Attributes:
        model: See `build_model`.
        label: For tables.
        deep: Whether its circuit has as many layers as make up for a mixture's parameters.
    """

    model: str
    label: str
    deep: bool = False

    @property
    def quantum(self) -> bool:
        """Whether it has a circuit."""
        return self.model in {"qnn", "quantum_mixture"}


LINEAR = Contender(model="linear", label="one linear layer")
QUADRATIC = Contender(model="quadratic", label="linear layer on products of features")
QNN = Contender(model="qnn", label="one QNN")
LARGE_QNN = Contender(model="qnn", label="one QNN as large as the mixture", deep=True)
LINEAR_MIXTURE = Contender(model="linear_mixture", label="mixture of linear experts")
RELU_MIXTURE = Contender(model="relu_mixture", label="mixture of ReLU experts (paper)")
QUANTUM_MIXTURE = Contender(model="quantum_mixture", label="mixture of quantum experts")
CONTENDERS = (
    LINEAR,
    QUADRATIC,
    QNN,
    LARGE_QNN,
    LINEAR_MIXTURE,
    RELU_MIXTURE,
    QUANTUM_MIXTURE,
)
