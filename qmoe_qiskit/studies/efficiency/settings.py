"""Settings of the study `efficiency`."""

from typing import Self

from pydantic import PositiveInt, model_validator

from qmoe_qiskit.errors import InputError, unknown_name
from qmoe_qiskit.studies.training.setting_types import (
    Distinct,
    Margin,
    Several,
    Success,
    TunedTrainings,
)


class EfficiencySettings(TunedTrainings, title="efficiency"):
    """Settings of the study, beside those of its trainings.

    Attributes:
        layers: Numbers of layers of the quantum router.
        controls: The classical routers.
        reference_layers: Number of layers of the quantum router that controls are compared with.
        compared: Controls that a verdict is given on.
        threshold: Accuracy that counts as success.
        margin: Difference in accuracy below which differences do not matter.
    """

    layers: Distinct[PositiveInt] = (1, 2, 3, 4, 5, 6)
    controls: Several[str] = (
        "linear",
        "quadratic",
        *(f"mlp:{width}" for width in (2, 4, 8, 16, 32, 64)),
        "fourier",
        *(f"rff:{number}" for number in (2, 4, 8, 16, 32)),
    )
    reference_layers: int = 3
    compared: Distinct[str] = ("linear", "mlp:4", "mlp:64", "fourier")
    threshold: Success = 0.98
    margin: Margin = 0.01

    @model_validator(mode="after")
    def _references(self) -> Self:
        if self.reference_layers not in self.layers:
            raise InputError(
                f"reference_layers is {self.reference_layers}: it must be one of layers, which are "
                f"{', '.join(map(str, self.layers))}"
            )
        for router in self.compared:
            if router not in self.controls:
                raise unknown_name("router in compared", router, self.controls)
        return self
