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
        fitted: Share of the rows, all of which it was fitted to, that it sends to the same expert.
        most_used: Share of the rows of the most used expert: what sending every row to this expert
            would reach.
    """

    agreement: float
    low: float
    high: float
    fitted: float
    most_used: float


def fit_linear_control(
    scaled_NF: FloatArray, experts_N: NDArray[np.intp], *, seed: int
) -> LinearControl | None:
    """Fit linear routers to the experts of largest weight.

    Returns:
        The comparison; None with fewer than ten rows.
    """
    from sklearn.model_selection import KFold

    n_rows = len(experts_N)
    if n_rows < 2 * FOLDS:
        return None
    agrees_N = np.zeros(n_rows, dtype=bool)
    for some, left_out in KFold(FOLDS, shuffle=True, random_state=seed).split(scaled_NF):
        predicted = _imitated(scaled_NF[some], experts_N[some], scaled_NF[left_out])
        agrees_N[left_out] = predicted == experts_N[left_out]
    fitted_N = _imitated(scaled_NF, experts_N, scaled_NF) == experts_N
    low, high = wilson_interval(int(agrees_N.sum()), n_rows)
    return LinearControl(
        agreement=float(agrees_N.mean()),
        low=low,
        high=high,
        fitted=float(fitted_N.mean()),
        most_used=float(np.bincount(experts_N).max() / n_rows),
    )


def _imitated(
    scaled_NF: FloatArray, experts_N: NDArray[np.intp], others_MF: FloatArray
) -> NDArray[np.intp]:
    """Return the experts that a linear router, fitted to some rows, chooses for others, (M,)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    chosen = np.unique(experts_N)
    if len(chosen) == 1:
        return np.full(len(others_MF), chosen[0])
    with warnings.catch_warnings():
        # Weights for a routing that is exactly linear grow without end; the expert stays the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        router = LogisticRegression(C=1e3, max_iter=500).fit(scaled_NF, experts_N)
    predicted_M: NDArray[np.intp] = router.predict(others_MF)
    return predicted_M
