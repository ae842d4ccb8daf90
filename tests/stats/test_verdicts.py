"""Verdicts: what a null case may not be, what a real difference must be, and what they say."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from scipy.stats import binom

from qmoe_qiskit.stats import Claim, Verdict, judge
from qmoe_qiskit.typing import FloatArray

Kind = Literal["superiority", "equivalence"]
Draws = Callable[[np.random.Generator, int], FloatArray]

N_STUDIES = 200
N_SAMPLED = 80


def bimodal(rng: np.random.Generator, n_seeds: int, rate: float = 0.8) -> FloatArray:
    """Held-out accuracies on 200 rows of trainings that work or fail: far apart, with many ties."""
    works_N = rng.random(n_seeds) < rate
    return rng.binomial(200, np.where(works_N, 0.995, 0.88)) / 200


def skewed(rng: np.random.Generator, n_seeds: int) -> FloatArray:
    return np.round(rng.exponential(0.02, n_seeds), 3)


def rare(rng: np.random.Generator, n_seeds: int) -> FloatArray:
    """Nearly always the same, so that most differences are exactly zero."""
    return np.where(rng.random(n_seeds) < 0.1, 0.5, 1.0)


def one(differences: object, **settings: Any) -> Verdict:
    claim = Claim(text="A beats B", differences_N=np.asarray(differences, dtype=float), **settings)
    return judge([claim])[0]


def most(n_studies: int) -> float:
    """Return how often at most what happens in 2.5 % of studies is seen, in 98 of 100 tests."""
    return float(binom.ppf(0.98, n_studies, 0.025))


# The settings in which the most can go wrong, and with the trials each with each.
NULL_CASES = [(draw, n, m) for draw in (bimodal, skewed, rare) for n in (5, 12, 20) for m in (1, 8)]
KEPT = [(bimodal, 5, 1), (bimodal, 12, 8), (skewed, 12, 1), (rare, 20, 1)]


@pytest.mark.parametrize(
    ("draw", "n_seeds", "n_claims", "n_studies"),
    [
        *((*case, N_SAMPLED) for case in KEPT),
        *(pytest.param(*case, N_STUDIES, marks=pytest.mark.trial) for case in NULL_CASES),
    ],
)
def test_routers_of_the_same_distribution_are_seldom_told_apart(
    draw: Draws, n_seeds: int, n_claims: int, n_studies: int, rng: np.random.Generator
) -> None:
    wrong: Counter[str] = Counter()
    for _ in range(n_studies):
        # All claims are against one control, as in a study: they depend on each other.
        control_N = draw(rng, n_seeds)
        verdicts = judge(
            [
                Claim(text="wins", differences_N=draw(rng, n_seeds) - control_N)
                for _ in range(n_claims)
            ]
        )
        wrong.update({verdict.outcome for verdict in verdicts})
    assert wrong["supported"] <= most(n_studies)
    assert wrong["not supported"] <= most(n_studies)  # without a margin it claims a difference


@pytest.mark.parametrize("n_seeds", [5, 20])
@pytest.mark.parametrize("shared", [0.0, 0.1])
def test_identical_routers_under_two_names_are_never_told_apart(
    n_seeds: int, shared: float, rng: np.random.Generator
) -> None:
    outcomes: Counter[str] = Counter()
    for _ in range(N_STUDIES):
        accuracies_N = bimodal(rng, n_seeds)
        same_N = accuracies_N + shared * bimodal(rng, n_seeds)  # of the split that both are given
        other_N = accuracies_N + (same_N - accuracies_N)  # equal to rounding
        outcomes[one(other_N - same_N, margin=0.01).outcome] += 1
    assert outcomes == {"undecided" if n_seeds == 5 else "not supported": N_STUDIES}


@pytest.mark.parametrize("gap", [0.01, -0.01])
def test_a_difference_as_large_as_the_margin_is_seldom_called_equivalent(
    gap: float, rng: np.random.Generator, *, whole: bool
) -> None:
    n_studies = N_STUDIES if whole else N_SAMPLED
    outcomes = Counter(
        one(rng.normal(gap, 0.004, 20), margin=0.01, kind="equivalence").outcome
        for _ in range(n_studies)
    )
    assert outcomes["supported"] <= most(n_studies)
    assert outcomes["not supported"] <= most(n_studies)


def share_of(outcome: str, draw: Callable[[], Claim], n_studies: int, n_claims: int = 1) -> float:
    """Return in which share of studies a claim has an outcome, among others that are void."""
    void = [Claim(text="void", differences_N=np.tile([0.01, -0.01], 10))] * (n_claims - 1)
    found = [judge([draw(), *void])[0].outcome == outcome for _ in range(n_studies)]
    return float(np.mean(found))


def least(n_studies: int) -> float:
    """Return what is seen at least of a true power of 80 % in 999 of 1000 tests."""
    return float(binom.ppf(0.001, n_studies, 0.8)) / n_studies


@pytest.mark.parametrize("n_claims", [1, 8])
def test_a_real_difference_is_found(
    n_claims: int, rng: np.random.Generator, *, whole: bool
) -> None:
    n_studies = 100 if whole else 40

    def often_against_seldom() -> Claim:
        gap_N = bimodal(rng, 20, rate=0.98) - bimodal(rng, 20, rate=0.25)
        return Claim(text="works more often", differences_N=gap_N, margin=0.005)

    found = share_of("supported", often_against_seldom, n_studies, n_claims)
    assert found >= least(n_studies)

    def reversed_claim() -> Claim:
        claim = often_against_seldom()
        return Claim(text="works less often", differences_N=-claim.differences_N, margin=0.005)

    assert share_of("not supported", reversed_claim, n_studies, n_claims) >= least(n_studies)


def test_likeness_is_found(rng: np.random.Generator, *, whole: bool) -> None:
    n = 100 if whole else 30

    def alike(kind: Kind, margin: float) -> Callable[[], Claim]:
        return lambda: Claim(
            text="alike", differences_N=rng.normal(0, 0.01, 20), margin=margin, kind=kind
        )

    assert share_of("supported", alike("equivalence", 0.01), n) >= least(n)
    assert share_of("not supported", alike("superiority", 0.01), n) >= least(n)
    assert share_of("supported", alike("equivalence", 0.001), n) == 0.0

    def unlike() -> Claim:
        gap_N = rng.normal(-0.02, 0.01, 20)
        return Claim(text="alike", differences_N=gap_N, margin=0.01, kind="equivalence")

    assert share_of("not supported", unlike, n) >= least(n)


def test_an_advantage_too_small_to_matter_is_not_supported(rng: np.random.Generator) -> None:
    small_N = 0.002 + rng.normal(0, 0.001, 20)
    assert one(small_N).outcome == "supported"
    verdict = one(small_N, margin=0.01)
    assert verdict.outcome == "not supported"
    assert "too small to matter" in str(verdict)


def test_claims_pay_for_each_other() -> None:
    # Seven seeds all alike: p = 2 / 2^7 = 0.016 alone, 0.16 among ten.
    claim = Claim(text="wins", differences_N=np.full(7, 0.1))
    assert judge([claim])[0].outcome == "supported"
    void = Claim(text="void", differences_N=np.array([0.1, -0.1, 0.1, -0.1, 0.1, -0.1, 0.0]))
    among = judge([claim, *[void] * 9])[0]
    assert among.outcome == "undecided"
    assert among.p_value == pytest.approx(10 * 2 / 2**7)
    assert (
        "corrected over the 10 claims of the study; deciding 10 claims takes at least 9 seeds"
        in str(among)
    )


def test_a_verdict_says_its_numbers() -> None:
    differences = [0.1] * 12 + [0.0] * 5 + [-0.01] * 3
    verdict = one(differences, margin=0.005)
    assert verdict.outcome == "supported"
    line = str(verdict)
    assert line.startswith("supported: A beats B (difference +0.059, 95 % interval +0.03")
    assert "margin 0.005; better in 12, equal in 5, worse in 3 of 20 seeds; p = 0.00" in line
    assert "corrected" not in line
    against = one([-d for d in differences], margin=0.005, digits=1, unit="nat")
    assert str(against).startswith("not supported: A beats B (difference -0.1 nat, 95 % interval")
    assert "better in 3, equal in 5, worse in 12 of 20 seeds; p = " in str(against)
    assert str(against).endswith(" against it)")


def test_few_seeds_are_undecided_and_say_how_many_it_takes() -> None:
    verdict = one(np.full(5, 0.1))
    assert verdict.outcome == "undecided"
    assert str(verdict).endswith("deciding a claim takes at least 6 seeds)")
    alone = one([0.1])
    assert alone.outcome == "undecided"
    assert "nan" not in str(alone)
    assert "better in 1, equal in 0, worse in 0 of 1 seed; p = 1" in str(alone)
    assert one(np.full(6, 0.1)).outcome == "supported"


def test_no_outcome_hangs_on_the_order_or_sign_of_seeds(rng: np.random.Generator) -> None:
    differences_N = bimodal(rng, 20, rate=0.98) - bimodal(rng, 20, rate=0.3)
    verdict, shuffled = one(differences_N), one(rng.permutation(differences_N))
    assert verdict.outcome == shuffled.outcome == "supported"
    assert verdict.p_value == shuffled.p_value
    assert one(-differences_N).p_against == verdict.p_value


def test_claims_of_different_numbers_of_seeds_keep_their_places() -> None:
    assert judge([]) == []
    sizes = [20, 7, 20, 12]
    claims = [
        Claim(text=f"claim {i}", differences_N=np.full(n, 0.1 * (i + 1)))
        for i, n in enumerate(sizes)
    ]
    for index, (verdict, n) in enumerate(zip(judge(claims), sizes, strict=True)):
        assert verdict.claim == f"claim {index}"
        assert verdict.difference.n == n
        assert verdict.difference.value == pytest.approx(0.1 * (index + 1))


def test_fifty_claims_of_twenty_seeds_take_less_than_two_seconds(rng: np.random.Generator) -> None:
    claims = [
        Claim(text=f"{i}", differences_N=bimodal(rng, 20) - bimodal(rng, 20), margin=0.01)
        for i in range(50)
    ]
    judge(claims[:1])  # loads scipy
    started = time.process_time()  # other programs on the machine do not count
    judge(claims)
    assert time.process_time() - started < 2.0
