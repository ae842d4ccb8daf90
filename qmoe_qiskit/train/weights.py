"""Weights of training rows: those given for each row, times those of their classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import _check_sample_weight

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.typing import FloatArray

# The setting `class_weight`: weights by label, "balanced" by the number of rows, or none.
ClassWeight = Mapping[Any, float] | str | None


def row_weights(
    features_NF: FloatArray,
    codes_N: NDArray[np.intp],
    classes_C: NDArray[Any],
    *,
    sample_weight: ArrayLike | None,
    class_weight: ClassWeight,
) -> FloatArray | None:
    """Return a weight of at least 0 for every row, or None if all rows weigh the same.

    Args:
        features_NF: Features of the rows.
        codes_N: Labels of the rows as positions in `classes_C`.
        classes_C: Labels, sorted.
        sample_weight: A weight for every row, (N,), or one for all.
        class_weight: Factors of the weights by label, or "balanced" for factors that give every
            class the same total.

    Raises:
        InputError: If the class weights are not accepted, or every row weighs 0.
        ValueError: If scikit-learn refuses the sample weights.
    """
    if sample_weight is None and class_weight is None:
        return None
    weights_N: FloatArray = _check_sample_weight(
        sample_weight, features_NF, dtype=np.float64, ensure_non_negative=True
    ).copy()
    if not weights_N.any():
        raise InputError("sample_weight is zero for every row: at least one must weigh more")
    if class_weight is not None:
        weights_N *= _of_classes(class_weight, codes_N, classes_C, weights_N)[codes_N]
    if not weights_N.any():
        raise InputError(f"class_weight={class_weight!r} leaves a weight of zero to every row")
    return None if np.ptp(weights_N) == 0 else weights_N


def _of_classes(
    class_weight: ClassWeight,
    codes_N: NDArray[np.intp],
    classes_C: NDArray[Any],
    weights_N: FloatArray,
) -> FloatArray:
    """Return the weight of every class, (C,)."""
    if isinstance(class_weight, str) and class_weight == "balanced":
        totals_C = np.bincount(codes_N, weights_N, minlength=len(classes_C))
        present_C = totals_C > 0
        balanced_C: FloatArray = np.zeros(len(classes_C))
        balanced_C[present_C] = totals_C.sum() / (present_C.sum() * totals_C[present_C])
        return balanced_C
    try:
        weights_C: FloatArray = compute_class_weight(
            class_weight, classes=classes_C, y=classes_C[codes_N]
        )
    except (TypeError, ValueError) as error:
        raise InputError(
            f"class_weight must be None, 'balanced' or a weight for every label, got "
            f"{class_weight!r}: {error}"
        ) from error
    if not (np.isfinite(weights_C).all() and (weights_C >= 0).all()):
        raise InputError(
            f"class_weight must hold finite numbers of at least 0, got {class_weight!r}"
        )
    return weights_C
