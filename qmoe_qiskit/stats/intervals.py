"""Confidence intervals of shares and of differences of paired shares."""

import math
from statistics import NormalDist

LEVEL = 0.95
Z_95 = NormalDist().inv_cdf(0.5 + LEVEL / 2)
WILSON = "95 % Wilson interval"


def wilson_interval(successes: float, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share p = successes / trials.

    With z = 1.96 and n trials its ends are (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) /
    (1 + z^2 / n). It stays within 0 and 1 and keeps a width at either end, where p +- 1.96 standard
    errors collapses (E. B. Wilson, J. Am. Stat. Assoc. 22, 209, 1927).

    Args:
        successes: Number of successes; a mean of such numbers over draws is no whole number.
        trials: Number of trials, at least 1.

    >>> tuple(round(end, 3) for end in wilson_interval(20, 20))
    (0.839, 1.0)
    """
    share, spread = successes / trials, Z_95**2 / trials
    centre = (share + spread / 2) / (1 + spread)
    reach = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    # Rounding must not push the end that lies at 0 or 1 beyond the share itself.
    return min(share, max(0.0, centre - reach)), max(share, min(1.0, centre + reach))


BONETT_PRICE = "95 % Bonett-Price interval for paired shares"


def bonett_price_interval(gained: int, lost: int, n_rows: int) -> tuple[float, float]:
    """Return the 95 % interval of (gained - lost) / n_rows.

    This is Wald's interval after adding one gained row and one lost row: it keeps a width if no row
    differs (D. G. Bonett and R. M. Price, J. Educ. Behav. Stat. 37, 479, 2012), and is one of two
    that Fagerland, Lydersen and Laake recommend (Statist. Med. 33, 2850, 2014).

    Args:
        gained: Number of rows that the model classifies correctly and the reference does not.
        lost: Number of rows that the reference classifies correctly and the model does not.
        n_rows: Number of rows, at least 1.

    >>> tuple(round(end, 3) for end in bonett_price_interval(0, 0, 100))
    (-0.027, 0.027)
    """
    more, fewer = (gained + 1) / (n_rows + 2), (lost + 1) / (n_rows + 2)
    reach = Z_95 * math.sqrt((more + fewer - (more - fewer) ** 2) / (n_rows + 2))
    return max(-1.0, more - fewer - reach), min(1.0, more - fewer + reach)
