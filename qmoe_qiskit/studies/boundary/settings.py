"""The study `boundary`: the paper's phase 2, decision boundary and routing of every router."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.training.checks import check_different


@dataclass(frozen=True, kw_only=True)
class BoundarySettings:
    """Settings of the study.

    Attributes:
        data: Name of a built-in data set.
        n_samples: Number of points of each seed.
        test_fraction: Share of them that is held out; by default the paper's 500 are trained on.
        epochs: Passes over the training rows.
        batch_size: Rows in a step.
        learning_rate: Adam's.
        scaling: "paper", inputs in [0, pi], or "centred", in [-pi/2, pi/2].
        layers: Of the quantum routers.
        routers: The routers.
        margin: Differences in training loss smaller than this do not matter, nat per row.
    """

    data: str = "moons"
    n_samples: int = 1000
    test_fraction: float = 0.5
    epochs: int = 50
    batch_size: int = 32
    learning_rate: float = 0.1
    scaling: str = "paper"
    layers: int = 3
    routers: tuple[str, ...] = (
        "quantum",
        "quantum:dephased",
        "quantum:no-entangler",
        "quantum:product",
        "quantum:one-layer",
        "quantum:frozen",
        "linear",
        "quadratic",
        "mlp:4",
        "mlp:16",
        "fourier",
        "rff:8",
    )
    margin: float = 0.01

    def __post_init__(self) -> None:
        check_different("routers", self.routers)
        if not self.routers:
            raise InputError("routers: the study needs one at least, such as 'quantum'")
        if not 0 <= self.margin < math.inf:
            raise InputError(f"margin is a difference in loss of at least 0, got {self.margin!r}")
