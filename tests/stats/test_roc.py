"""The area under the ROC curve, against scikit-learn; how often its interval holds the truth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from qmoe_qiskit.stats.roc import roc_auc

if TYPE_CHECKING:
    from qmoe_qiskit.stats.types import Estimate


@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0])
def test_area_with_ties(shift: float, rng: np.random.Generator) -> None:
    positives = np.round(rng.normal(shift, 1, 60), 1)
    negatives = np.round(rng.normal(0, 1, 40), 1)
    auc = roc_auc(positives, negatives)
    labels = np.repeat([1, 0], [60, 40])
    assert auc.value == pytest.approx(roc_auc_score(labels, np.concatenate([positives, negatives])))
    assert 0 < auc.low < auc.value < auc.high < 1
    mirrored = roc_auc(negatives, positives)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - auc.high, 1 - auc.low))


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_interval_holds_the_truth_as_often_as_it_says(
    shift: float, rng: np.random.Generator
) -> None:
    truth, n = norm.cdf(shift / math.sqrt(2)), 400
    found: list[Estimate] = [
        roc_auc(rng.normal(shift, 1, 50), rng.normal(0, 1, 70)) for _ in range(n)
    ]
    covered = np.mean([auc.low <= truth <= auc.high for auc in found])
    # Five standard errors of the count, and a point for the approximation.
    assert covered > 0.94 - 5 * math.sqrt(0.95 * 0.05 / n)
    # The width is that of the estimates' own spread.
    spread = np.std([auc.value for auc in found])
    widths = np.mean([auc.high - auc.low for auc in found])
    assert widths / (2 * 1.96) == pytest.approx(spread, rel=5 / math.sqrt(2 * n))


def test_perfect_order_keeps_an_interval() -> None:
    auc = roc_auc(np.arange(10.0) + 10, np.arange(20.0) - 20)
    assert auc.value == auc.high == 1
    assert 0.6 < auc.low < 0.8  # Wilson's for 10 of 10 trials
