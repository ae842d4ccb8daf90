"""The task of the study `balance`: a training with the balance loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from qmoe_qiskit.data import Split
from qmoe_qiskit.studies.training.train_task import (
    Fitted,
    TrainTask,
    classifier,
    result_of,
    trained,
)
from qmoe_qiskit.train import QMoEClassifier


@dataclass(frozen=True, kw_only=True)
class BalanceTask(TrainTask):
    """Train with the balance loss, and measure; the result has the keys of `TrainTask`.

    With weight 0 the training is that of `TrainTask`, bit for bit.

    Attributes:
        balance_weight: Weight of the balance loss, see `QMoEClassifier`.
    """

    kind: ClassVar[str] = "balance"

    balance_weight: float = 0.0

    def check(self) -> None:
        """See `Task.check`."""
        from qmoe_qiskit.train.settings import check_settings

        super().check()
        check_settings(self._classifier(self.load()).get_params(deep=False))

    def run(self) -> dict[str, Any]:
        """See `TrainTask.run`."""
        split = self.load()
        model = trained(self, self._classifier(split), split.train)
        fitted = Fitted(
            classifier=model, split=split, learning_rate=self.learning_rates[0], validation=[]
        )
        return result_of(self, fitted)

    def _classifier(self, split: Split) -> QMoEClassifier:
        model = classifier(self, split, self.learning_rates[0])
        model.set_params(balance_weight=self.balance_weight)
        return model
