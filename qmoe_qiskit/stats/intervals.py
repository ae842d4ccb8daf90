"""Confidence intervals of shares and of differences of paired shares."""

from __future__ import annotations

import math
from statistics import NormalDist

LEVEL = 0.95
Z_95 = NormalDist().inv_cdf(0.5 + LEVEL / 2)
WILSON = "95 % Wilson interval"


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share.

    It stays within 0 and 1 and keeps a width at either end, where the usual mean +- 1.96 standard
    errors collapses (E. B. Wilson, J. Am. Stat. Assoc. 22, 209, 1927).

    Args:
        successes: Number of hits.
        trials: Number of tries, at least 1.
    """
    share, spread = successes / trials, Z_95**2 / trials
    centre = (share + spread / 2) / (1 + spread)
    reach = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    # Rounding must not push the end that lies at 0 or 1 beyond the share itself.
    return min(share, max(0.0, centre - reach)), max(share, min(1.0, centre + reach))


BONETT_PRICE = "95 % Bonett-Price interval for paired shares"


def bonett_price_interval(gained: int, lost: int, n_rows: int) -> tuple[float, float]:
    """Return the 95 % interval of (gained - lost) / n_rows.

    Wald's interval with one row more gained, one more lost and two more in all: it keeps a width
    where no row differs, and is one of two that Fagerland, Lydersen and Laake recommend (Statist.
    Med. 33, 2850, 2014). D. G. Bonett and R. M. Price, J. Educ. Behav. Stat. 37, 479, 2012.

    Args:
        gained: Rows that are hits, but not of the reference.
        lost: Rows that are hits of the reference only.
        n_rows: Number of rows, at least 1.
    """
    more, fewer = (gained + 1) / (n_rows + 2), (lost + 1) / (n_rows + 2)
    reach = Z_95 * math.sqrt((more + fewer - (more - fewer) ** 2) / (n_rows + 2))
    return max(-1.0, more - fewer - reach), min(1.0, more - fewer + reach)
