"""The task of the study `balance`: a training with the balance loss."""

from dataclasses import dataclass
from typing import Any, ClassVar

from qmoe_qiskit.studies.training.train_task import TrainTask


@dataclass(frozen=True, kw_only=True)
class BalanceTask(TrainTask):
    """Train with the balance loss, and measure; the result has the keys of `TrainTask`.

    With weight 0 the training is that of `TrainTask`, bit for bit.

    Attributes:
        balance_weight: Weight of the balance loss, see `QMoEClassifier`.
    """

    kind: ClassVar[str] = "balance"

    balance_weight: float = 0.0

    def extra_settings(self) -> dict[str, Any]:
        """See `TrainTask.extra_settings`."""
        return {"balance_weight": self.balance_weight}
