"""Results of statistics: an estimate with its interval, a breakdown point, a verdict."""

import math
from dataclasses import dataclass
from typing import Literal

VerdictOutcome = Literal["supported", "not supported", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes:
        value: The number.
        low: Lower end of the interval; nan without an interval, as from a single seed.
        high: Upper end of the interval, likewise.
        n: Number of seeds.
    """

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """The level, of noise for instance, at which a mean first falls below a threshold.

    Attributes:
        value: The level; inf if the mean stays above the threshold up to the last level.
        low: Lower end of the 95 % interval; inf likewise, nan from a single seed.
        high: Upper end of the interval, likewise.
        n: Number of seeds.
        reached: Share of the resamples of seeds that reach the threshold; nan from a single seed.
        first: The lowest level tried; a value equal to it means "from the start".
        last: The highest level tried.
    """

    value: float
    low: float
    high: float
    n: int
    reached: float
    first: float
    last: float

    def __str__(self) -> str:
        if self.value == math.inf:
            text = f"not reached up to {self.last:g}"
        else:
            text = "from the start, " if self.value == self.first else ""
            text += f"{self.value:.3g}"
        if math.isnan(self.low):
            return text
        low, high = (f"> {self.last:g}" if x == math.inf else f"{x:.3g}" for x in self.interval)
        interval = "" if self.low == math.inf else f", 95 % interval {low} to {high}"
        return f"{text}{interval}, reached in {100 * self.reached:.0f} % of resamples"

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends of the interval."""
        return self.low, self.high


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the results say about a claim.

    Attributes:
        claim: The claim, a sentence.
        outcome: "supported", "not supported", or "undecided" if the seeds cannot tell.
        difference: Mean paired difference, positive if the claim's side did better.
        p_value: Probability that chance alone gives results that support the claim at least as
            much: two-sided, corrected for the number of claims.
        p_against: The same probability for results against the claim.
        better: Number of seeds in which the claim's side did better.
        equal: Number of seeds in which both sides did equally well.
        margin: Difference below which differences do not matter.
        n_claims: Number of claims that the p-values are corrected for.
        remark: Why the claim could not be decided, or what else must be known; a part of a
            sentence.
        digits: Number of digits of the difference after the decimal point.
        unit: Unit of the difference.
    """

    claim: str
    outcome: VerdictOutcome
    difference: Estimate
    p_value: float
    p_against: float
    better: int
    equal: int
    margin: float
    n_claims: int
    remark: str = ""
    digits: int = 3
    unit: str = ""

    @property
    def numbers(self) -> str:
        """The numbers that the outcome follows from, a part of a sentence."""
        d = self.difference
        value, low, high = (
            # Zero has no sign: -0.0004 is written as +0.000.
            f"{round(x, self.digits) + 0.0:+.{self.digits}f}"
            for x in (d.value, d.low, d.high)
        )
        unit = f" {self.unit}" if self.unit else ""
        interval = "" if math.isnan(d.low) else f", 95 % interval {low} to {high}{unit}"
        margin = f", margin {self.margin:g}{unit}" if self.margin else ""
        worse = d.n - self.better - self.equal
        p = (
            f"p = {self.p_against:.2g} against it"
            if self.outcome == "not supported"
            else f"p = {self.p_value:.2g}"
        )
        corrected = (
            f", corrected over the {self.n_claims} claims of the study" if self.n_claims > 1 else ""
        )
        return (
            f"difference {value}{unit}{interval}{margin}; better in {self.better}, equal in "
            f"{self.equal}, worse in {worse} of {d.n} {'seed' if d.n == 1 else 'seeds'}; "
            f"{p}{corrected}" + (f"; {self.remark}" if self.remark else "")
        )

    def __str__(self) -> str:
        return f"{self.outcome}: {self.claim} ({self.numbers})"
