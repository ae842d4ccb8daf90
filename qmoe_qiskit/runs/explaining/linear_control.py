"""The control: how much of the routing a linear router could do."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.stats.intervals import wilson_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qmoe_qiskit.typing import FloatArray

FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class LinearControl:
    """A linear router that is fitted to the model's routing, and compared on other rows.

    Attributes:
        agreement: Share of the rows that it sends to the same expert; every row is left out from
            one of five fits, which predicts it.
        low: Lower end of the share's 95 % Wilson interval.
        high: Upper end.
        most_used: Share of the rows of the most used expert: what sending every row to this expert
            would reach.
    """

    agreement: float
    low: float
    high: float
    most_used: float


def fit_linear_control(
    scaled_NF: FloatArray, experts_N: NDArray[np.intp], *, seed: int
) -> LinearControl | None:
    """Fit linear routers to the experts of largest weight.

    Returns:
        The comparison; None with fewer than ten rows.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold

    n_rows = len(experts_N)
    if n_rows < 2 * FOLDS:
        return None
    agrees_N = np.zeros(n_rows, dtype=bool)
    for fitted, left_out in KFold(FOLDS, shuffle=True, random_state=seed).split(scaled_NF):
        chosen = np.unique(experts_N[fitted])
        if len(chosen) == 1:
            agrees_N[left_out] = experts_N[left_out] == chosen[0]
            continue
        with warnings.catch_warnings():
            # Weights of routing that is exactly linear grow without end; the expert is the same.
            warnings.simplefilter("ignore", ConvergenceWarning)
            router = LogisticRegression(C=1e3, max_iter=500).fit(
                scaled_NF[fitted], experts_N[fitted]
            )
        agrees_N[left_out] = router.predict(scaled_NF[left_out]) == experts_N[left_out]
    low, high = wilson_interval(int(agrees_N.sum()), n_rows)
    return LinearControl(
        agreement=float(agrees_N.mean()),
        low=low,
        high=high,
        most_used=float(np.bincount(experts_N).max() / n_rows),
    )
