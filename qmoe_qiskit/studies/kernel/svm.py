"""Support vector machines on given kernels, tuned on training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qmoe_qiskit.studies.kernel.gram import Kernel
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """A machine that was tuned and measured.

    Attributes:
        accuracy: On held-out rows.
        validation: Mean accuracy in cross-validation.
        parameter: Of the kernel, chosen by that.
        cost: Of errors, likewise.
    """

    accuracy: float
    validation: float
    parameter: float
    cost: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Points and labels, to train on and held out."""

    train_NF: FloatArray
    labels_N: NDArray[Any]
    test_MF: FloatArray
    test_labels_M: NDArray[Any]


def tuned_machine(
    kernel: Kernel, rows: Rows, *, costs: tuple[float, ...], folds: int, seed: int
) -> Tuned:
    """Choose parameter and cost by cross-validation on the training rows, train, and measure.

    Of equal ones the first is chosen: smaller parameters, then smaller costs, where they rise.

    Args:
        kernel: The kernel.
        rows: Held-out rows have no part in the choice.
        costs: Of errors, to choose from.
        folds: Of the cross-validation, stratified.
        seed: Of the folds.
    """
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    parts = list(splitter.split(rows.train_NF, rows.labels_N))
    best: Tuned | None = None
    for parameter in kernel.parameters:
        gram_NN = kernel.gram(parameter, rows.train_NF, rows.train_NF)
        for cost in costs:
            scores = [
                _accuracy(
                    gram_NN[np.ix_(fit, fit)],
                    rows.labels_N[fit],
                    gram_NN[np.ix_(rest, fit)],
                    rows.labels_N[rest],
                    cost,
                )
                for fit, rest in parts
            ]
            score = float(np.mean(scores))
            if best is None or score > best.validation:
                best = Tuned(accuracy=0.0, validation=score, parameter=parameter, cost=cost)
    assert best is not None
    accuracy = _accuracy(
        kernel.gram(best.parameter, rows.train_NF, rows.train_NF),
        rows.labels_N,
        kernel.gram(best.parameter, rows.test_MF, rows.train_NF),
        rows.test_labels_M,
        best.cost,
    )
    return Tuned(
        accuracy=accuracy, validation=best.validation, parameter=best.parameter, cost=best.cost
    )


def _accuracy(
    gram_NN: FloatArray,
    labels_N: NDArray[Any],
    gram_MN: FloatArray,
    labels_M: NDArray[Any],
    cost: float,
) -> float:
    from sklearn.svm import SVC

    machine = SVC(kernel="precomputed", C=cost).fit(gram_NN, labels_N)
    return float(machine.score(gram_MN, labels_M))
