"""The study `efficiency`: accuracy by router parameters, the paper's experiment 3A, held out."""

from __future__ import annotations

from dataclasses import dataclass

from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.studies.training.checks import check_common, check_different


@dataclass(frozen=True, kw_only=True)
class EfficiencySettings:
    """Settings of the study.

    Attributes:
        data: Name of a built-in data set.
        n_samples: Number of points of each seed; a quarter is held out.
        epochs: Passes over the training rows.
        batch_size: Rows in a step.
        learning_rates: What each training chooses from, on a part of its training rows.
        scalings: "paper", inputs in [0, pi]; "centred", in [-pi/2, pi/2].
        layers: Numbers of layers of the quantum router.
        controls: The classical routers.
        reference_layers: Layers of the quantum router that controls are compared with.
        compared: Controls that a verdict is given on.
        threshold: Accuracy that counts as success.
        margin: Differences in accuracy smaller than this do not matter.
    """

    data: str = "moons"
    n_samples: int = 1000
    epochs: int = 30
    batch_size: int = 32
    learning_rates: tuple[float, ...] = (0.02, 0.05, 0.1)
    scalings: tuple[str, ...] = ("paper", "centred")
    layers: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    controls: tuple[str, ...] = (
        "linear",
        "quadratic",
        "mlp:2",
        "mlp:4",
        "mlp:8",
        "mlp:16",
        "mlp:32",
        "mlp:64",
        "fourier",
        "rff:2",
        "rff:4",
        "rff:8",
        "rff:16",
        "rff:32",
    )
    reference_layers: int = 3
    compared: tuple[str, ...] = ("linear", "mlp:4", "mlp:64", "fourier")
    threshold: float = 0.98
    margin: float = 0.01

    def __post_init__(self) -> None:
        if not self.controls:
            raise InputError("controls: the study needs a classical router at least")
        for name in ("learning_rates", "scalings", "layers", "controls", "compared"):
            check_different(name, getattr(self, name))
        for layers in self.layers:
            require_positive("layers", layers)
        if self.reference_layers not in self.layers:
            raise InputError(
                f"reference_layers is {self.reference_layers}: it must be one of layers, which are "
                f"{', '.join(map(str, self.layers))}"
            )
        check_common(self.scalings, threshold=self.threshold, margin=self.margin)
        for router in self.compared:
            if router not in self.controls:
                raise unknown_name("router in compared", router, self.controls)
