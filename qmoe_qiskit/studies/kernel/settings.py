"""Settings of the study `kernel`."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.kernel.effective_dimension import BOXES
from qmoe_qiskit.studies.training.setting_types import Control, Scaling, Several, Share, one_of

Factor = Annotated[float, Field(gt=0, lt=1e9)]


class KernelSettings(StudySettings, title="kernel"):
    """Settings of the study.

    Attributes:
        data: Names of built-in data sets; the effective dimension is computed on the first.
        n_samples: Number of rows, training and held-out.
        test_fraction: Share of the rows that is held out.
        scaling: Scaling of the inputs, "paper" or "centred".
        n_layers: Number of layers of the circuits after each upload.
        uploads: Number of uploads of the circuit whose kernel the training changes.
        epochs: Number of passes over the training rows.
        batch_size: Number of rows per step.
        learning_rate: Learning rate of Adam.
        bandwidths: Factors on the points that the bandwidth kernel chooses from.
        gammas: Parameters that the RBF kernel chooses from.
        costs: Costs of errors that every support vector machine chooses from.
        folds: Number of folds of the cross-validation that makes these choices.
        dimension_controls: Classical routers whose effective dimension is computed.
        boxes: Ranges that parameters are drawn from for the effective dimension: "initial", the
            range that training starts from, or "unit", [-1, 1].
        sizes: Numbers of rows that the effective dimension is computed for.
        draws: Number of draws of the parameters.
        rows: Number of training rows that the Fisher information is averaged over.
        success: Accuracy from which on a seed counts as a success.
        margin: Difference in accuracy below which differences do not matter.
        alignment_margin: Difference in alignment below which differences do not matter.
        dimension_margin: Difference in effective dimension per parameter below which differences do
            not matter.
    """

    data: Several[str] = ("moons", "circles", "xor", "spirals")
    n_samples: PositiveInt = 1000
    test_fraction: float = 0.25
    scaling: Scaling = "paper"
    n_layers: PositiveInt = 3
    uploads: int = 2
    epochs: PositiveInt = 30
    batch_size: PositiveInt = 32
    learning_rate: PositiveFloat = 0.05
    bandwidths: Several[Factor] = (0.25, 0.5, 1.0, 1.5, 2.0)
    gammas: Several[Factor] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    costs: Several[Factor] = (0.1, 1.0, 10.0, 100.0, 1000.0)
    folds: int = 5
    dimension_controls: Several[Control] = ("mlp:4", "mlp:5", "fourier")
    boxes: Several[Annotated[str, one_of("box", BOXES)]] = BOXES
    sizes: tuple[int, ...] = (1000, 10_000, 100_000, 1_000_000)
    draws: PositiveInt = 100
    rows: PositiveInt = 100
    success: Share = 0.95
    margin: Share = 0.01
    alignment_margin: Share = 0.02
    dimension_margin: Share = 0.02

    @property
    def dimension_cases(self) -> list[tuple[str, str]]:
        """Box and router of each effective dimension that a seed has."""
        return [
            (box, router) for box in self.boxes for router in ("quantum", *self.dimension_controls)
        ]
