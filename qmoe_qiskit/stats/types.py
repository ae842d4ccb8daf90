"""What statistics return: an estimate with its interval, a breakdown point, a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

VerdictOutcome = Literal["supported", "not supported", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes:
        value: The number.
        low: Lower end; nan where there is no interval, as from a single seed.
        high: Upper end, likewise.
        n: How many seeds it is from.
    """

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """The level, of noise for instance, at which something first falls below a threshold.

    Attributes:
        value: The level; inf where the last one does not reach it.
        low: Lower end of the 95 % interval; inf likewise, nan from a single seed.
        high: Upper end, likewise.
        n: How many seeds it is from.
        reached: Share of the resamples of seeds in which it is reached; nan from a single seed.
        first: The lowest level looked at; a value equal to it means "from the start".
        last: The highest level looked at.
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
    """What the results say of a claim.

    Attributes:
        claim: The claim, a sentence.
        outcome: "supported", "not supported", or "undecided" where the seeds cannot tell.
        difference: Mean paired difference, positive where the claim's side did better.
        p_value: How likely results that speak for the claim as much as these are by chance alone:
            two-sided, corrected for the number of claims.
        p_against: The same for results that speak against it.
        better: In how many seeds the claim's side did better.
        equal: In how many both did the same.
        margin: Differences smaller than this do not matter.
        n_claims: How many claims the p-values are corrected for.
        remark: Why it could not be decided, or what else must be known; a part of a sentence.
        digits: Of the difference, behind the decimal point.
        unit: Of the difference.
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
        """The numbers that say so, a part of a sentence."""
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
