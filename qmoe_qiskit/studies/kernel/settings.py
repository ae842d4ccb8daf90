"""The study of kernels: is the quantum router a better kernel method than a classical one?

The Interference Hypothesis of arXiv:2512.22296 takes the router for a high-dimensional kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

from qmoe_qiskit.errors import InputError, unknown_name
from qmoe_qiskit.studies.kernel.effective_dimension import BOXES
from qmoe_qiskit.studies.training.checks import check_different
from qmoe_qiskit.studies.training.train_task import SCALINGS


@dataclass(frozen=True, kw_only=True)
class KernelSettings:
    """Settings of the study.

    Attributes:
        data: Built-in data sets; the effective dimension is computed on the first.
        n_samples: Rows, those held out included.
        test_fraction: Share of the rows held out.
        scaling: Of the inputs, "paper" or "centred".
        n_layers: Of the circuits, behind each upload.
        uploads: Of the circuit whose kernel training changes.
        epochs: Passes over the training rows.
        batch_size: Rows in a step.
        learning_rate: Adam's.
        bandwidths: Factors on the points, of the kernel that is tuned.
        gammas: Of the RBF kernel.
        costs: Of errors of every support vector machine.
        folds: Of the cross-validation that all these are chosen by.
        dimension_controls: Classical routers whose effective dimension is computed.
        boxes: Where parameters are drawn from for it: "initial", what training starts from, or
            "unit", [-1, 1].
        sizes: Numbers of rows that it is computed for.
        draws: Of the parameters.
        rows: Training rows that the Fisher information is averaged over.
        success: Accuracy from which a seed counts as one.
        margin: A smaller difference of accuracies does not matter.
        alignment_margin: Nor does a smaller difference of alignments.
        dimension_margin: Nor does a smaller difference of effective dimensions per parameter.

    Raises:
        InputError: If a value is not accepted.
    """

    data: tuple[str, ...] = ("moons", "circles", "xor", "spirals")
    n_samples: int = 1000
    test_fraction: float = 0.25
    scaling: str = "paper"
    n_layers: int = 3
    uploads: int = 2
    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 0.05
    bandwidths: tuple[float, ...] = (0.25, 0.5, 1.0, 1.5, 2.0)
    gammas: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    costs: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0, 1000.0)
    folds: int = 5
    dimension_controls: tuple[str, ...] = ("mlp:4", "mlp:5", "fourier")
    boxes: tuple[str, ...] = BOXES
    sizes: tuple[int, ...] = (1000, 10_000, 100_000, 1_000_000)
    draws: int = 100
    rows: int = 100
    success: float = 0.95
    margin: float = 0.01
    alignment_margin: float = 0.02
    dimension_margin: float = 0.02

    def __post_init__(self) -> None:
        for name in ("data", "bandwidths", "gammas", "costs", "boxes", "dimension_controls"):
            values = getattr(self, name)
            if not values:
                raise InputError(f"{name} is empty: give one at least")
            check_different(name, values)
        for name in ("bandwidths", "gammas", "costs"):
            for value in getattr(self, name):
                if not 0 < value < 1e9:
                    raise InputError(f"{name} must be numbers above 0, got {value}")
        if self.scaling not in SCALINGS:
            raise unknown_name("scaling", self.scaling, SCALINGS)
        for box in self.boxes:
            if box not in BOXES:
                raise unknown_name("box", box, BOXES)
        for control in self.dimension_controls:
            if control.partition(":")[0] == "quantum":
                raise InputError(f"a control is a classical router, got {control!r}")
        for name in ("success", "margin", "alignment_margin", "dimension_margin"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{name} must lie between 0 and 1, got {getattr(self, name)}")

    @property
    def dimension_cases(self) -> list[tuple[str, str]]:
        """Box and router of each effective dimension of a seed."""
        return [
            (box, router) for box in self.boxes for router in ("quantum", *self.dimension_controls)
        ]
