"""The study `ablation`: is it interference that the quantum router lives on?"""

from __future__ import annotations

from dataclasses import dataclass

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.training.checks import check_common, check_different
from qmoe_qiskit.studies.training.routers import QUANTUM


@dataclass(frozen=True, kw_only=True)
class AblationSettings:
    """Settings of the study.

    Attributes:
        data: Name of a built-in data set.
        n_samples: Number of points of each seed; a quarter is held out.
        epochs: Passes over the training rows.
        batch_size: Rows in a step.
        learning_rates: What each training chooses from, on a part of its training rows.
        scalings: "paper", inputs in [0, pi]; "centred", in [-pi/2, pi/2].
        layers: Of the quantum router.
        routers: What it is compared with: what is left of it without one thing, and classical
            routers.
        threshold: Accuracy that counts as success.
        margin: Differences in accuracy smaller than this do not matter.
    """

    data: str = "moons"
    n_samples: int = 1000
    epochs: int = 30
    batch_size: int = 32
    learning_rates: tuple[float, ...] = (0.02, 0.05, 0.1)
    scalings: tuple[str, ...] = ("paper", "centred")
    layers: int = 3
    routers: tuple[str, ...] = (
        *(name for name in QUANTUM if name != "quantum"),
        "fourier",
        "linear",
    )
    threshold: float = 0.98
    margin: float = 0.01

    def __post_init__(self) -> None:
        for name in ("learning_rates", "scalings", "routers"):
            check_different(name, getattr(self, name))
        check_common(self.scalings, threshold=self.threshold, margin=self.margin)
        if not self.routers or "quantum" in self.routers:
            raise InputError(
                "routers are what the router 'quantum' is compared with: name one at least, and "
                "not 'quantum'"
            )
