"""Epsilon by two accountants, and the noise that a budget takes."""

from __future__ import annotations

from functools import lru_cache

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train.private.extra import require_extra

# Share of epsilon that numerical composition may add as its own error bound.
_ERROR = 0.01
_MOST_NOISE = 1e5


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
    low, high = 0.0, 1.0
    while _prv(high, sample_rate, n_steps, delta, epsilon) > epsilon:
        low, high = high, 2 * high
        if high > _MOST_NOISE:
            raise InputError(
                f"no noise keeps {n_steps} steps below epsilon {epsilon:g} at delta {delta:g}: "
                "train fewer epochs, or allow a larger epsilon"
            )
    while high - low > 0.005 * high and high > 1e-3:
        middle = (low + high) / 2
        if _prv(middle, sample_rate, n_steps, delta, epsilon) > epsilon:
            low = middle
        else:
            high = middle
    while _pld(high, sample_rate, n_steps, delta, epsilon) > epsilon:
        high *= 1.01
    return high


@lru_cache(maxsize=256)  # a study trains many models with one budget
def _prv(noise: float, rate: float, n_steps: int, delta: float, about: float) -> float:
    require_extra()
    from opacus.accountants import PRVAccountant

    if noise < 0.3:  # far above any accepted epsilon, where the domain of the numbers explodes
        return float("inf")
    accountant = PRVAccountant()
    accountant.history = [(noise, rate, n_steps)]
    return float(accountant.get_epsilon(delta, eps_error=_ERROR * about))


@lru_cache(maxsize=256)
def _pld(noise: float, rate: float, n_steps: int, delta: float, about: float) -> float:
    require_extra()
    import dp_accounting
    from dp_accounting.pld import PLDAccountant

    step = dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(noise))
    # A coarser grid, with its error rounded up, for a larger epsilon.
    accountant = PLDAccountant(value_discretization_interval=min(1e-3, 1e-3 * about / n_steps**0.5))
    accountant.compose(dp_accounting.SelfComposedDpEvent(step, n_steps))
    return float(accountant.get_epsilon(delta))
