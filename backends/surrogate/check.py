"""The check of a surrogate at points that it was not made from.

Per observable, the residuals at the check points have a known covariance: the shot noise of each
check point, and that of the surrogate, which all of them share. Their chi-square says how probable
residuals this large are. Observables of the same shots are correlated in an unknown way, so that
the smallest p-value is multiplied by their number (Bonferroni): the rate of false alarms is at most
the level, whatever the correlation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmoe_qiskit.typing import FloatArray

# Exact values that are a trigonometric polynomial differ by rounding alone.
EXACT_TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class SurrogateCheck:
    """How far the surrogate is from values that were measured at random points.

    Attributes:
        n_points: Number of check points, C.
        level: The accepted rate of false alarms; for exact values it is not used.
        largest_residual: The largest difference between surrogate and measured values.
        z: The largest difference in standard errors; None for exact values.
        p_value: The probability of residuals this large if nothing but shot noise is in them,
            corrected for the number of observables; None for exact values.
        passed: Whether the residuals are explained by shot noise, or for exact values by rounding.
    """

    n_points: int
    level: float
    largest_residual: float
    z: float | None
    p_value: float | None
    passed: bool

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "failed"
        where = f"{self.n_points} check point{'s' * (self.n_points > 1)}"
        if self.p_value is None:
            return f"{verdict} at {where}: largest residual {self.largest_residual:.2g}"
        return (
            f"{verdict} at {where}: largest residual {self.largest_residual:.2g}, "
            f"{self.z:.2g} standard errors, p = {self.p_value:.2g} (level {self.level:g})"
        )


def check_residuals(
    residuals_CO: FloatArray,
    std_errors_CO: FloatArray,
    weights_CP: FloatArray,
    std_errors_PO: FloatArray,
    *,
    scales_O: FloatArray,
    shots: int | None,
    level: float,
) -> SurrogateCheck:
    """Test residuals against the shot noise of check points and of grid points.

    Args:
        residuals_CO: Measured values minus those of the surrogate.
        std_errors_CO: Standard errors of the measured values; none is NaN.
        weights_CP: By how much each grid point enters the surrogate at each check point.
        std_errors_PO: Standard errors at the grid points; none is NaN.
        scales_O: The largest absolute value that each observable can have.
        shots: Shots per point; None for exact values.
        level: The accepted rate of false alarms.
    """
    from scipy.stats import chi2

    n_checks, n_outputs = residuals_CO.shape
    largest = float(np.abs(residuals_CO).max())
    if shots is None:
        passed = bool(np.all(np.abs(residuals_CO) <= EXACT_TOLERANCE * np.maximum(scales_O, 1)))
        return SurrogateCheck(
            n_points=n_checks,
            level=level,
            largest_residual=largest,
            z=None,
            p_value=None,
            passed=passed,
        )
    # Shots that all agree have a standard error of zero, and yet the next one may differ.
    floor_O = (scales_O / (shots + 2)) ** 2
    of_checks_CO = np.maximum(std_errors_CO**2, floor_O)
    of_points_PO = np.maximum(std_errors_PO**2, floor_O)
    p_values, z = [], 0.0
    for o in range(n_outputs):
        shared_CC = (weights_CP * of_points_PO[:, o]) @ weights_CP.T
        covariance_CC = shared_CC + np.diag(of_checks_CO[:, o])
        residual_C = residuals_CO[:, o]
        z = max(z, float(np.max(np.abs(residual_C) / np.sqrt(np.diag(covariance_CC)))))
        statistic = residual_C @ np.linalg.solve(covariance_CC, residual_C)
        p_values.append(float(chi2.sf(statistic, n_checks)))
    p_value = min(1.0, n_outputs * min(p_values))
    return SurrogateCheck(
        n_points=n_checks,
        level=level,
        largest_residual=largest,
        z=z,
        p_value=p_value,
        passed=p_value >= level,
    )
