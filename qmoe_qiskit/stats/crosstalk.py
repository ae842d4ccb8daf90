"""Does a circuit give other values when others run beside it? A paired test, point by point."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qmoe_qiskit.stats.estimates import mean_estimate
from qmoe_qiskit.stats.sign_flip import ALPHA, holm, sign_flip_p_value
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class CrosstalkTest:
    """The result of `crosstalk_test`.

    Attributes:
        seen: Whether the values differ, at a false-alarm rate of at most 5 %.
        loss: Mean part of the values that is lost beside others: towards zero where it is positive.
        shift: Root mean square of the differences beyond shot noise; 0 if there is no excess.
        shift_low: Lower end of its 95 % interval.
        shift_high: Upper end of its 95 % interval.
        p_loss: Two-sided p-value of the loss, corrected for two tests.
        p_shift: p-value of the shift, likewise; nan if the standard errors are unknown.
    """

    seen: bool
    loss: Estimate
    shift: float
    shift_low: float
    shift_high: float
    p_loss: float
    p_shift: float


def crosstalk_test(
    alone_PO: FloatArray,
    beside_PO: FloatArray,
    exact_PO: FloatArray,
    errors_PO: FloatArray | None,
) -> CrosstalkTest:
    """Compare the same points measured alone and beside other circuits.

    Two tests, with Holm's correction for both, have a false-alarm rate of at most 5 % together. The
    sign-flip test of the mean loss needs no standard errors: without crosstalk both measurements of
    a point have the same distribution. The chi-square test of the differences, which also finds
    shifts that differ in sign from point to point, needs those of shot noise. Outputs of a point
    come from the same shots: each output is tested by itself, and their smallest p-value counts,
    times their number.

    Args:
        alone_PO: Values of P points alone.
        beside_PO: Values of the same points beside others.
        exact_PO: Values without noise, whose signs say which way a loss is.
        errors_PO: Standard errors of the differences from shot noise; None if they are unknown.
    """
    p_loss, p_shift = crosstalk_p_values(alone_PO, beside_PO, exact_PO, errors_PO)
    shift, low, high = math.nan, math.nan, math.nan
    if errors_PO is not None:
        shift, low, high = _shift(beside_PO - alone_PO, errors_PO)
    return CrosstalkTest(
        seen=p_loss < ALPHA or p_shift < ALPHA,
        loss=mean_estimate(_losses(alone_PO, beside_PO, exact_PO)),
        shift=shift,
        shift_low=low,
        shift_high=high,
        p_loss=p_loss,
        p_shift=p_shift,
    )


def crosstalk_p_values(
    alone_PO: FloatArray,
    beside_PO: FloatArray,
    exact_PO: FloatArray,
    errors_PO: FloatArray | None,
) -> tuple[float, float]:
    """Return the corrected p-values of loss and shift, see `crosstalk_test`; nan if not tested."""
    losses_P = _losses(alone_PO, beside_PO, exact_PO)
    p_loss = min(1.0, 2 * min(sign_flip_p_value(losses_P), sign_flip_p_value(-losses_P)))
    if errors_PO is None:
        return p_loss, math.nan
    from scipy.stats import chi2

    n_points, n_outputs = alone_PO.shape
    # Shots that all agree have no spread: such an output can differ by chance all the same.
    known_PO = np.where(errors_PO > 0, errors_PO, np.inf)
    sums_O = (((beside_PO - alone_PO) / known_PO) ** 2).sum(axis=0)
    p_shift = min(1.0, n_outputs * float(chi2.sf(sums_O, n_points).min()))
    p_loss, p_shift = holm([p_loss, p_shift])
    return p_loss, p_shift


def _losses(alone_PO: FloatArray, beside_PO: FloatArray, exact_PO: FloatArray) -> FloatArray:
    """Return how much closer to zero the values of each point are beside others, (P,)."""
    losses_P: FloatArray = (np.sign(exact_PO) * (alone_PO - beside_PO)).mean(axis=1)
    return losses_P


def _shift(differences_PO: FloatArray, errors_PO: FloatArray) -> tuple[float, float, float]:
    """Return the shift beyond shot noise, and the ends of its interval.

    Outputs share their shots, so that the interval counts P differences, not P * O. It takes shot
    noise as equal at all points: it is approximate.
    """
    from scipy.optimize import brentq
    from scipy.stats import chi2, ncx2

    n_points = len(differences_PO)
    variance = float(np.mean(errors_PO**2))
    if variance == 0:
        size = float(np.sqrt(np.mean(differences_PO**2)))
        return size, size, size
    total = n_points * float(np.mean(differences_PO**2)) / variance

    def excess(quantile: float) -> float:
        """Return the noncentrality for which the sum seen is at a quantile; 0 if none is."""
        if chi2.cdf(total, n_points) <= quantile:
            return 0.0
        top = 4 * (total + n_points)
        return float(brentq(lambda nc: ncx2.cdf(total, n_points, nc) - quantile, 1e-9, top))

    shift, low, high = (
        math.sqrt(variance * each / n_points)
        for each in (max(0.0, total - n_points), excess(0.975), excess(0.025))
    )
    return shift, low, high
