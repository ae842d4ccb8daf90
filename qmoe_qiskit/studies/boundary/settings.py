"""Settings of the study `boundary`."""

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.training.setting_types import Scaling, Several


class BoundarySettings(StudySettings, title="boundary"):
    """Settings of the study.

    Attributes:
        data: Name of a built-in data set.
        n_samples: Number of points per seed.
        test_fraction: Share of the points that is held out; by default the paper's 500 points are
            trained on.
        epochs: Number of passes over the training rows.
        batch_size: Number of rows per step.
        learning_rate: Learning rate of Adam.
        scaling: Scaling of the inputs: "paper" to [0, pi], "centred" to [-pi/2, pi/2], in rad.
        layers: Number of layers of the quantum routers.
        routers: The routers.
        margin: Difference in training loss below which differences do not matter, in nat per row.
    """

    data: str = "moons"
    n_samples: PositiveInt = 1000
    test_fraction: float = 0.5
    epochs: PositiveInt = 50
    batch_size: PositiveInt = 32
    learning_rate: PositiveFloat = 0.1
    scaling: Scaling = "paper"
    layers: PositiveInt = 3
    routers: Several[str] = (
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
    margin: NonNegativeFloat = 0.01
