"""The attack on a run, with its positive control and the verdict."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.runs.evaluation import own_split
from qmoe_qiskit.runs.private.control import SUCCESS, attack_control
from qmoe_qiskit.runs.private.scores import member_scores
from qmoe_qiskit.stats.roc import roc_auc
from qmoe_qiskit.stats.types import Estimate

if TYPE_CHECKING:
    from qmoe_qiskit.runs.store.loading import Run

Outcome = Literal["members are told apart", "no member is told apart", "the attack shows nothing"]


@dataclass(frozen=True, kw_only=True)
class AttackReport:
    """What loss-threshold membership inference finds.

    Attributes:
        auc: Chance that a training row has a smaller loss than a held-out row: 0.5 if the attack
            learns nothing; with DeLong's 95 % interval.
        control: The same for the positive control, a model that has learned its rows by heart.
        n_members: Number of training rows.
        n_others: Number of held-out rows.
        bound: Largest AUC of any attack on one row that the run's epsilon and delta allow; None for
            a run that is not private.

    >>> report = AttackReport(
    ...     auc=Estimate(value=0.52, low=0.46, high=0.58, n=200),
    ...     control=Estimate(value=0.97, low=0.93, high=0.99, n=100),
    ...     n_members=100, n_others=100, bound=None,
    ... )
    >>> report.outcome
    'no member is told apart'
    """

    auc: Estimate
    control: Estimate
    n_members: int
    n_others: int
    bound: float | None = None

    @property
    def outcome(self) -> Outcome:
        """The verdict; without success on the control there is none."""
        if self.control.value < SUCCESS or self.control.low <= 0.5:
            return "the attack shows nothing"
        return "members are told apart" if self.auc.low > 0.5 else "no member is told apart"

    @property
    def meaning(self) -> str:
        """The verdict in a sentence."""
        match self.outcome:
            case "the attack shows nothing":
                return (
                    f"it fails on its control, a model that has learned its rows by heart (AUC "
                    f"{self.control.value:.2f}, {SUCCESS} is needed)"
                )
            case "members are told apart":
                return "training rows have smaller losses than held-out rows: the model leaks"
            case _:
                return (
                    "this attack finds no difference between training and held-out rows; a "
                    "stronger one may, and only an epsilon bounds all of them"
                )

    def document(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {**asdict(self), "outcome": self.outcome, "meaning": self.meaning}


def attack_run(run: Run, *, seed: int = 0) -> AttackReport:
    """Attack a run: compare the losses of its training rows with those of its held-out rows.

    Args:
        run: The run.
        seed: Seed of the control.

    Raises:
        InputError: If the run is of a regression, holds no record of its split, or has too few
            rows.
        RunError: If the run's data have changed.
    """
    if run.task != "classification":
        raise InputError(
            f"an attack compares cross entropies, and {str(run.path)!r} is a run of a regression: "
            "name one of a classification"
        )
    split = own_split(run)
    control = attack_control(split, seed=seed)
    model: Any = run.classifier.whole_mixture()
    members_N, others_N = (
        member_scores(model, rows.features_NF, rows.labels_N) for rows in (split.train, split.test)
    )
    spent: Any = getattr(run.classifier, "privacy_spent_", None)
    has_no_bound = spent is None or spent.is_seeded
    return AttackReport(
        auc=roc_auc(members_N, others_N),
        control=control,
        n_members=len(members_N),
        n_others=len(others_N),
        bound=None if has_no_bound else auc_bound(spent.epsilon, spent.delta),
    )


def auc_bound(epsilon: float, delta: float) -> float:
    """Return the largest AUC of an attack on one row of an (epsilon, delta)-private training.

    The curve lies below min(e^epsilon f + delta, 1 - e^-epsilon (1 - delta - f)) for a share f of
    false alarms (arXiv:1311.0776): its area is at most e^epsilon / (1 + e^epsilon) + delta.

    >>> round(auc_bound(0.0, 0.0), 3), round(auc_bound(1.0, 1e-5), 3)
    (0.5, 0.731)
    """
    return min(1.0, 1 / (1 + math.exp(-epsilon)) + delta)
