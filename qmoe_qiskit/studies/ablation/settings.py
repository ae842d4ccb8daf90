"""Settings of the study `ablation`."""

from pydantic import PositiveInt, field_validator

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.training.routers import ABLATIONS
from qmoe_qiskit.studies.training.setting_types import Distinct, Margin, Success, TunedTrainings


class AblationSettings(TunedTrainings, title="ablation"):
    """Settings of the study, beside those of its trainings.

    Attributes:
        layers: Number of layers of the quantum router.
        routers: Routers that the quantum router is compared with: the quantum router without one of
            its parts, and classical routers.
        threshold: Accuracy that counts as success.
        margin: Difference in accuracy below which differences do not matter.
    """

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
