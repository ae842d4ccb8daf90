"""The score of the attack: rows that a model was trained on tend to have a smaller loss."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.errors import OutOfRangeWarning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qmoe_qiskit.train import QMoEClassifier
    from qmoe_qiskit.typing import FloatArray

_TINY = np.finfo(np.float64).tiny


def member_scores(
    model: QMoEClassifier, features_NF: FloatArray, labels_N: NDArray[Any]
) -> FloatArray:
    """Return the negative cross entropy of every row, (N,), in nat (arXiv:1709.01604).

    A label that the model does not know has a probability of zero.
    """
    with warnings.catch_warnings():
        # Of held-out rows some lie outside the range of the training rows.
        warnings.simplefilter("ignore", OutOfRangeWarning)
        probabilities_NC = model.predict_proba(features_NF)
    column_N = np.searchsorted(model.classes_, labels_N).clip(max=len(model.classes_) - 1)
    known_N = model.classes_[column_N] == labels_N
    of_label_N = probabilities_NC[np.arange(len(labels_N)), column_N] * known_N
    scores_N: FloatArray = np.log(np.maximum(of_label_N, _TINY))
    return scores_N
