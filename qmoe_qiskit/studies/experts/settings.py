"""The study of experts: are mixtures with quantum experts better than one circuit, or than others?

Phase 1 of arXiv:2512.22296, with held-out rows, many seeds, and controls of equal size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.studies.experts.task import DATA

# Weights of a circuit's layer on 4 qubits, and of the adapter from 4 outputs to 2 classes.
_PER_LAYER, _ADAPTER = 12, 10
# Of the linear router, for each expert.
_PER_ROUTE = 17


@dataclass(frozen=True, kw_only=True)
class ExpertsSettings:
    """Settings of the study.

    Attributes:
        data: "synthetic": 16 generated features, "digits": zeros and ones at 4x4 pixels.
        n_samples: Rows of the synthetic data, those held out included.
        test_fraction: Share of the rows held out.
        n_experts: Of every mixture.
        n_layers: Of the circuits.
        backend: Where circuits run, exactly.
        epochs: Passes over the training rows.
        batch_size: Rows in a step.
        paper_learning_rate: Adam's, as in the paper.
        learning_rates: From which each model's own is chosen, on training rows, seed by seed.
        margin: A smaller difference of accuracies does not matter.

    Raises:
        InputError: If a value is not accepted.
    """

    data: tuple[str, ...] = ("synthetic", "digits")
    n_samples: int = 800
    test_fraction: float = 0.5
    n_experts: int = 3
    n_layers: int = 2
    backend: str = "statevector"
    epochs: int = 8
    batch_size: int = 32
    paper_learning_rate: float = 0.01
    learning_rates: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3)
    margin: float = 0.01

    def __post_init__(self) -> None:
        for name in ("n_samples", "n_experts", "n_layers", "epochs", "batch_size"):
            require_positive(name, getattr(self, name))
        if self.n_samples < 100:
            raise InputError(
                f"n_samples must be at least 100, so that each part has enough rows of each class, "
                f"got {self.n_samples}"
            )
        if not self.data:
            raise InputError("data names no data set: name one at least")
        for name in self.data:
            if name not in DATA:
                raise unknown_name("data", name, DATA)
        if len(set(self.data)) < len(self.data):
            raise InputError(f"data names a data set twice: {', '.join(self.data)}")
        if not 0.1 <= self.test_fraction <= 0.9:
            raise InputError(
                f"test_fraction must lie between 0.1 and 0.9, got {self.test_fraction}"
            )
        if len(self.learning_rates) < 2:
            raise InputError("learning_rates needs two rates at least, to choose from")
        for rate in (self.paper_learning_rate, *self.learning_rates):
            if not 0 < rate < math.inf:
                raise InputError(f"a learning rate must be a number above 0, got {rate}")
        if not 0 <= self.margin < 1:
            raise InputError(f"margin must lie between 0 and 1, got {self.margin}")

    @property
    def deep_layers(self) -> int:
        """Layers with which one circuit has as many parameters as the mixture, or nearly."""
        mixture = self.n_experts * (_PER_ROUTE + self.n_layers * _PER_LAYER + _ADAPTER)
        return round((mixture - _ADAPTER) / _PER_LAYER)
