"""The task of the study `boundary`: a training whose model can be drawn later."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from qmoe_qiskit.data import Split
from qmoe_qiskit.studies.training.train_task import TrainTask, fit, result_of, untrained
from qmoe_qiskit.train import QMoEClassifier


@dataclass(frozen=True, kw_only=True)
class BoundaryTask(TrainTask):
    """Train and measure, and keep the trained parameters."""

    kind: ClassVar[str] = "boundary"

    def run(self) -> dict[str, Any]:
        """Train and measure.

        Returns:
            The result of `TrainTask.run`, and tensors of the module as nested lists, by name.
        """
        fitted = fit(self)
        tensors = fitted.classifier.module_.state_dict()
        return {
            **result_of(self, fitted),
            "tensors": {name: tensor.tolist() for name, tensor in tensors.items()},
        }

    def restored(self, tensors: dict[str, Any]) -> tuple[QMoEClassifier, Split]:
        """Rebuild the trained model without training, and return it with its data.

        Args:
            tensors: Tensors of the module, as in the result.
        """
        split = self.load()
        model = untrained(self, split)
        model.module_.load_state_dict(
            {name: torch.tensor(values, dtype=torch.float64) for name, values in tensors.items()}
        )
        model.module_.eval()
        model.history_ = []
        return model, split
