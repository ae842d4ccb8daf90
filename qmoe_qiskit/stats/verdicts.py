"""Claims, and verdicts on them, which can also be "not supported"."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from qmoe_qiskit.stats.estimates import mean_estimates
from qmoe_qiskit.stats.sign_flip import ALPHA, fewest_seeds, holm, sign_flip_p_value
from qmoe_qiskit.stats.types import Estimate, Verdict, VerdictOutcome
from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Claim:
    """A statement that paired results can support or contradict.

    Attributes:
        text: The claim, a sentence without its full stop.
        differences_N: Difference per seed, positive if the claim's side did better: accuracies, for
            instance, or successes (-1, 0, 1), for which the test is McNemar's. Differences below
            1e-12 count as zero.
        margin: Difference below which differences do not matter, in the unit of the differences.
        kind: "superiority": the difference is above zero, and not proven to be below the margin.
            "equivalence": the difference is within the margin, either way.
        digits: Number of digits of the difference after the decimal point.
        unit: Unit of the difference.
    """

    text: str
    differences_N: FloatArray
    margin: float = 0.0
    kind: Literal["superiority", "equivalence"] = "superiority"
    digits: int = 3
    unit: str = ""

    def __post_init__(self) -> None:
        assert self.margin >= 0
        assert self.margin > 0 or self.kind == "superiority"
        assert np.ndim(self.differences_N) == 1
        assert np.isfinite(self.differences_N).all()


def judge(claims: Sequence[Claim]) -> list[Verdict]:
    """Return a verdict for each claim of a study, corrected for their number.

    All claims of a study belong in one call: each call has its own chance of a wrong verdict.

    Two sign-flip tests (`sign_flip_p_value`) examine each claim, one for it and one against it, and
    Holm's correction covers all tests for claims and all tests against them. An outcome needs a
    corrected two-sided p-value below 0.05 and a 95 % interval that agrees. So, under the null
    hypothesis, at most 2.5 % of studies have a claim that is wrongly "supported", and at most 2.5 %
    have one that is wrongly "not supported":

    - superiority: the null hypothesis of the test for it is that the sides are alike; of the test
      against it, that the differences lie symmetrically around the margin.
    - equivalence: the null hypothesis of the test for it is that the differences lie symmetrically
      around the margin, on either side (two one-sided tests); of the test against it likewise.

    A difference above zero that is proven to be smaller than the margin is "not supported": it does
    not matter. With fewer than `fewest_seeds` seeds every verdict is "undecided", and says so.
    Adding seeds until a verdict comes out well makes the p-values wrong: choose their number first.

    >>> str(judge([Claim(text="A beats B", differences_N=np.full(8, 0.1))])[0].outcome)
    'supported'
    """
    if not claims:
        return []
    estimates = _differences(claims)
    both = [_p_values(claim) for claim in claims]
    for_claims, against = holm([p for p, _ in both]), holm([p for _, p in both])
    return [
        _verdict(*one, n_claims=len(claims))
        for one in zip(claims, estimates, for_claims, against, strict=True)
    ]


def _differences(claims: Sequence[Claim]) -> list[Estimate]:
    """Return the mean difference of each claim; claims with equally many seeds share resamples."""
    by_seeds: dict[int, list[int]] = defaultdict(list)
    for index, claim in enumerate(claims):
        by_seeds[len(claim.differences_N)].append(index)
    estimates: dict[int, Estimate] = {}
    for indices in by_seeds.values():
        # Differences that are equal except for rounding are equal.
        columns_NK = np.stack([claims[i].differences_N for i in indices], axis=1).round(12)
        estimates |= zip(indices, mean_estimates(columns_NK), strict=True)
    return [estimates[index] for index in range(len(claims))]


def _p_values(claim: Claim) -> tuple[float, float]:
    """Return the uncorrected two-sided p-values for and against a claim."""
    values_N, margin = np.asarray(claim.differences_N, dtype=np.float64), claim.margin
    below = sign_flip_p_value(_rounded(margin - values_N))
    if claim.kind == "superiority":
        one_sided = sign_flip_p_value(_rounded(values_N)), below
    else:
        above = sign_flip_p_value(_rounded(margin + values_N))
        beyond = sign_flip_p_value(_rounded(values_N - margin))
        under = sign_flip_p_value(_rounded(-values_N - margin))
        one_sided = max(below, above), min(beyond, under)
    return min(1.0, 2 * one_sided[0]), min(1.0, 2 * one_sided[1])


def _rounded(values_N: FloatArray) -> FloatArray:
    """Return values without the rounding errors of subtraction, so that ties are ties."""
    return np.round(values_N, 12)


def _verdict(
    claim: Claim, difference: Estimate, p_for: float, p_against: float, *, n_claims: int
) -> Verdict:
    low, high, margin = difference.low, difference.high, claim.margin
    if claim.kind == "superiority":
        agrees_for, agrees_against = low > 0, high < margin
    else:
        agrees_for = -margin < low and high < margin
        agrees_against = low > margin or high < -margin
    outcome: VerdictOutcome = "undecided"
    remark = ""
    if p_against < ALPHA and agrees_against:
        outcome = "not supported"
        if claim.kind == "superiority" and p_for < ALPHA and low > 0:
            remark = "above zero, but too small to matter"
    elif p_for < ALPHA and agrees_for:
        outcome = "supported"
    elif difference.n < (needed := fewest_seeds(n_claims)):
        of = f"{n_claims} claims" if n_claims > 1 else "a claim"
        remark = f"deciding {of} takes at least {needed} seeds"
    values_N = _rounded(np.asarray(claim.differences_N, dtype=np.float64))
    return Verdict(
        claim=claim.text,
        outcome=outcome,
        difference=difference,
        p_value=p_for,
        p_against=p_against,
        better=int((values_N > 0).sum()),
        equal=int((values_N == 0).sum()),
        margin=margin,
        n_claims=n_claims,
        remark=remark,
        digits=claim.digits,
        unit=claim.unit,
    )
