"""Support vector machines on precomputed kernels, tuned on training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from qmoe_qiskit.studies.kernel.gram import Kernel
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """A support vector machine after tuning, with its accuracies.

    Attributes:
        accuracy: Accuracy on held-out rows.
        validation: Mean accuracy in cross-validation on the training rows.
        parameter: Parameter of the kernel, chosen by `validation`.
        cost: Cost of errors (C), chosen by `validation`.
    """

    accuracy: float
    validation: float
    parameter: float
    cost: float


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitPoints:
    """Points and labels of N training rows and M held-out rows."""

    train_NF: FloatArray
    labels_N: NDArray[Any]
    test_MF: FloatArray
    test_labels_M: NDArray[Any]


def tuned_machine(
    kernel: Kernel, points: SplitPoints, *, costs: tuple[float, ...], folds: int, seed: int
) -> Tuned:
    """Choose parameter and cost by cross-validation on the training rows, then train and measure.

    Among equally good pairs the first one wins: the earlier parameter, then the earlier cost.

    Args:
        kernel: The kernel, with the parameters to choose from.
        points: Training rows, which decide the choice, and held-out rows, which do not.
        costs: Costs of errors to choose from.
        folds: Number of folds of the stratified cross-validation.
        seed: Seed of the shuffle that makes the folds.
    """
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.svm import SVC

    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    searches = {
        parameter: GridSearchCV(SVC(kernel="precomputed"), {"C": list(costs)}, cv=splitter).fit(
            kernel.gram(parameter, points.train_NF, points.train_NF), points.labels_N
        )
        for parameter in kernel.parameters
    }
    parameter = max(searches, key=lambda value: float(searches[value].best_score_))
    best = searches[parameter]
    held_out_MN = kernel.gram(parameter, points.test_MF, points.train_NF)
    return Tuned(
        accuracy=float(best.score(held_out_MN, points.test_labels_M)),
        validation=float(best.best_score_),
        parameter=parameter,
        cost=best.best_params_["C"],
    )
