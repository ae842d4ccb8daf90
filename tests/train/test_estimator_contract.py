"""scikit-learn's own checks of an estimator. None is expected to fail.

`check_array_api_input` is skipped by scikit-learn itself unless SCIPY_ARRAY_API=1 is set.
"""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from qmoe_qiskit.train import QMoEClassifier

ESTIMATORS = [
    QMoEClassifier(),
    QMoEClassifier("linear", early_stopping=True, validation_fraction=0.2),
]


# The checks predict on rows that the model was not trained on.
@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learns_checks(estimator: QMoEClassifier, check: Any) -> None:
    check(estimator)
