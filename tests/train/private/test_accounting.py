"""Two accountants, against each other and against what is known in closed form."""

from __future__ import annotations

import math

import pytest
from opacus.accountants import RDPAccountant
from scipy.optimize import brentq
from scipy.stats import norm

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train.private.accounting import epsilons, noise_multiplier_for

DELTA = 1e-5


def gaussian_epsilon(noise: float, delta: float) -> float:
    """Return the exact epsilon of one Gaussian mechanism (B. Balle & Y.-X. Wang, 2018)."""

    def excess(epsilon: float) -> float:
        a, b = 1 / (2 * noise), epsilon * noise
        return float(norm.cdf(a - b) - math.exp(epsilon) * norm.cdf(-a - b) - delta)

    return float(brentq(excess, 0, 100))


@pytest.mark.parametrize(("noise", "n_steps"), [(20.0, 100), (6.0, 4)])
def test_without_sampling_both_are_close_above_the_exact_epsilon(
    noise: float, n_steps: int
) -> None:
    # Many Gaussian steps on all rows are one with less noise.
    exact = gaussian_epsilon(noise / math.sqrt(n_steps), DELTA)
    found = epsilons(noise, 1.0, n_steps, DELTA, about=exact)
    for epsilon in found.values():
        assert exact - 1e-6 <= epsilon <= 1.03 * exact


@pytest.mark.parametrize(
    ("noise", "rate", "n_steps"), [(1.0, 0.02, 300), (2.0, 0.1, 200), (8.0, 0.2, 50)]
)
def test_accountants_agree_below_that_of_renyi(noise: float, rate: float, n_steps: int) -> None:
    renyi = RDPAccountant()
    renyi.history = [(noise, rate, n_steps)]
    above = renyi.get_epsilon(DELTA)
    found = epsilons(noise, rate, n_steps, DELTA, about=above)
    assert found["prv"] == pytest.approx(found["pld"], rel=0.1)
    assert max(found.values()) <= above
    assert min(found.values()) > 0.6 * above


@pytest.mark.parametrize("epsilon", [0.5, 4.0])
def test_noise_spends_the_budget_and_no_more(epsilon: float) -> None:
    noise = noise_multiplier_for(epsilon, DELTA, 0.1, 100)
    spent = max(epsilons(noise, 0.1, 100, DELTA, about=epsilon).values())
    assert 0.95 * epsilon <= spent <= epsilon


def test_nothing_spent_before_the_first_step() -> None:
    assert epsilons(1.0, 0.1, 0, DELTA, about=1.0) == {"prv": 0.0, "pld": 0.0}


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qmoe_qiskit.train.private.extra.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"package opacus.*pip install 'qmoe-qiskit\[private\]'"):
        noise_multiplier_for(3.0, DELTA, 0.11, 17)
