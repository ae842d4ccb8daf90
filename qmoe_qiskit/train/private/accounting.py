"""Epsilon by two accountants, and the noise that a budget takes."""

from __future__ import annotations

import math
import warnings
from functools import lru_cache

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train.private.extra import require_extra

# Share of epsilon that numerical composition may add as its own error bound.
_ERROR = 0.01
_LEAST_NOISE, _MOST_NOISE = 0.3, 1e5


def epsilons(
    noise_multiplier: float, sample_rate: float, n_steps: int, delta: float, *, about: float
) -> dict[str, float]:
    """Return upper bounds of epsilon by two accountants: Opacus' PRV and dp-accounting's PLD.

    Args:
        noise_multiplier: Standard deviation of the noise over the clipping norm.
        sample_rate: Probability of a row to be in a step.
        n_steps: Number of steps.
        delta: The delta at which epsilon is stated.
        about: The size of epsilon, which sets the error bound of the numbers.

    Raises:
        InputError: If the extra `private` is not installed.
    """
    if not n_steps:
        return {"prv": 0.0, "pld": 0.0}
    return {
        "prv": _prv(noise_multiplier, sample_rate, n_steps, delta, about),
        "pld": _pld(noise_multiplier, sample_rate, n_steps, delta, about),
    }


def noise_multiplier_for(epsilon: float, delta: float, sample_rate: float, n_steps: int) -> float:
    """Return the smallest noise, within a percent or so, with which both accountants stay below.

    Raises:
        InputError: If no noise does, or the extra `private` is not installed.
    """

    def is_enough(noise: float) -> bool:
        return _prv(noise, sample_rate, n_steps, delta, epsilon) <= epsilon

    # The accountants take long where epsilon is far from what is asked for: begin close to it.
    low = high = _by_central_limit(epsilon, delta, sample_rate, n_steps)
    while not is_enough(high):
        low, high = high, 1.1 * high
    while low == high or is_enough(low):
        low, high = low / 1.1, low
    while high - low > 0.005 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    while _pld(high, sample_rate, n_steps, delta, epsilon) > epsilon:
        high *= 1.01
    return high


def _by_central_limit(epsilon: float, delta: float, sample_rate: float, n_steps: int) -> float:
    """Return the noise in the limit of many steps (Gaussian privacy, arXiv:1911.11607)."""
    require_extra()
    from opacus.accountants.analysis.gdp import delta_eps_mu

    low, high = _LEAST_NOISE, _MOST_NOISE
    while high / low > 1.01:
        middle = math.sqrt(low * high)
        mu = sample_rate * math.sqrt(n_steps * math.expm1(middle**-2))
        above = delta_eps_mu(eps=epsilon, mu=mu) > delta
        low, high = (middle, high) if above else (low, middle)
    if high == _MOST_NOISE:
        raise InputError(
            f"no noise keeps {n_steps} steps below epsilon {epsilon:g} at delta {delta:g}: train "
            "fewer epochs, or allow a larger epsilon"
        )
    return high


@lru_cache(maxsize=256)  # a study trains many models with one budget
def _prv(noise: float, rate: float, n_steps: int, delta: float, about: float) -> float:
    require_extra()
    from opacus.accountants import PRVAccountant

    accountant = PRVAccountant()
    accountant.history = [(noise, rate, n_steps)]
    with warnings.catch_warnings():
        # That a bound of the domain could be tighter, and logarithms of 0 that are not used.
        warnings.simplefilter("ignore")
        return float(accountant.get_epsilon(delta, eps_error=_ERROR * about))


@lru_cache(maxsize=256)
def _pld(noise: float, rate: float, n_steps: int, delta: float, about: float) -> float:
    require_extra()
    import dp_accounting
    from dp_accounting.pld import PLDAccountant

    step = dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(noise))
    # A grid whose rounding, upwards, adds less than a thousandth of epsilon.
    accountant = PLDAccountant(value_discretization_interval=1e-3 * min(1.0, about))
    accountant.compose(dp_accounting.SelfComposedDpEvent(step, n_steps))
    return float(accountant.get_epsilon(delta))
