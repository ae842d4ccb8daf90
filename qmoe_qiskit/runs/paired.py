"""The difference of two shares that were measured on the same rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qmoe_qiskit.runs.metrics import Z_95, Interval, Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BONETT_PRICE = "95 % Bonett-Price interval for paired shares"


def paired_difference(
    hits_N: NDArray[np.bool_], reference_N: NDArray[np.bool_], produced_by: str
) -> Metric:
    """Return the share of hits less that of a reference on the same rows, with its interval.

    Args:
        hits_N: Rows on which something is true.
        reference_N: Rows on which it is true of the reference.
        produced_by: What the metric shall say that it was measured on.
    """
    gained = int((hits_N & ~reference_N).sum())
    lost = int((reference_N & ~hits_N).sum())
    n_rows = len(hits_N)
    low, high = bonett_price_interval(gained, lost, n_rows)
    return Metric(
        value=(gained - lost) / n_rows,
        uncertainty=Interval(method=BONETT_PRICE, low=low, high=high),
        produced_by=produced_by,
    )


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
