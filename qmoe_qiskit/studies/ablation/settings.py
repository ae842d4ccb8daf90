"""Settings of the study `ablation`."""

from __future__ import annotations

from pydantic import PositiveInt, field_validator

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.training.routers import ABLATIONS
from qmoe_qiskit.studies.training.setting_types import (
    Distinct,
    Margin,
    Rates,
    Scaling,
    Several,
    Success,
)


class AblationSettings(StudySettings, title="ablation"):
    """Settings of the study.

    Attributes:
        data: Name of a built-in data set.
        n_samples: Number of points per seed, a quarter of which is held out.
        epochs: Number of passes over the training rows.
        batch_size: Number of rows per step.
        learning_rates: Learning rates that each training chooses from, on a part of its training
            rows.
        scalings: Scalings of the inputs: "paper" to [0, pi], "centred" to [-pi/2, pi/2], in rad.
        layers: Number of layers of the quantum router.
        routers: Routers that the quantum router is compared with: the quantum router without one of
            its parts, and classical routers.
        threshold: Accuracy that counts as success.
        margin: Difference in accuracy below which differences do not matter.
    """

    data: str = "moons"
    n_samples: PositiveInt = 1000
    epochs: PositiveInt = 30
    batch_size: PositiveInt = 32
    learning_rates: Rates = (0.02, 0.05, 0.1)
    scalings: Several[Scaling] = ("paper", "centred")
    layers: PositiveInt = 3
    routers: Distinct[str] = (*ABLATIONS, "fourier", "linear")
    threshold: Success = 0.98
    margin: Margin = 0.01

    @field_validator("routers")
    @classmethod
    def _others_than_quantum(cls, routers: tuple[str, ...]) -> tuple[str, ...]:
        if not routers or "quantum" in routers:
            raise InputError(
                "routers are what the router 'quantum' is compared with: name one at least, and "
                "not 'quantum'"
            )
        return routers
