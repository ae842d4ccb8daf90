"""The statistics of studies: paired by seed, honest about few seeds.

Accuracies of routers are bimodal (a training works or fails), and paired differences have many
exact ties, so that nothing here assumes normal numbers. What holds with some 20 seeds:

- `judge` is exact where it matters most: if two routers are the same or have the same distribution,
  so that swapping their names changes nothing, at most 2.5 % of studies have a "supported" claim,
  for any number of seeds and claims, with ties, and with any distribution.
- A claim about a mean says more than that, and no test of 20 numbers can prove it for every
  distribution: 20 seeds miss an event of 1 in 7 trainings in 5 % of studies (1 - 0.05^(1/20) =
  0.14). Success rates, whose Wilson intervals account for this, belong beside means.
- Bootstrap intervals of a mean are a little too narrow: with 20 seeds and skewed numbers they
  cover in 90 to 95 % of studies, with 5 seeds in 70 to 80 %. Therefore no verdict follows from an
  interval alone.

Shapes: N values (one per seed), K columns, L levels, R resamples or random signs, M values that are
not zero.
"""

from qmoe_qiskit.stats.breakdown import breakdown_point
from qmoe_qiskit.stats.estimates import mean_estimate, mean_estimates, median_estimate, success_rate
from qmoe_qiskit.stats.sign_flip import fewest_seeds, holm, sign_flip_p_value
from qmoe_qiskit.stats.types import Breakdown, Estimate, Verdict, VerdictOutcome
from qmoe_qiskit.stats.verdicts import Claim, judge

__all__ = [
    "Breakdown",
    "Claim",
    "Estimate",
    "Verdict",
    "VerdictOutcome",
    "breakdown_point",
    "fewest_seeds",
    "holm",
    "judge",
    "mean_estimate",
    "mean_estimates",
    "median_estimate",
    "sign_flip_p_value",
    "success_rate",
]
