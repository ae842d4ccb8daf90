"""From raw features to the inputs of experts and router."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.errors import InputError, OutOfRangeWarning, warn_user
from qmoe_qiskit.typing import FloatArray

# How the router sees the features: "auto" sees all of them, or their first principal components if
# there are more than qubits; "pca" sees principal components in any case; "linear" sees trained
# linear combinations; "groups" sees all, group after group in the uploads of the circuit.
PROJECTIONS: tuple[str, ...] = ("auto", "pca", "linear", "groups")
# Without n_qubits the router sees the features themselves up to this number.
DEFAULT_MAX_QUBITS = 6
# A value is clipped at this many training ranges: more would overflow in later steps.
FAR = 1e100
# Principal components narrower than this share of the scaled range are rounding noise.
_NOISE = 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureMap:
    """Min-max scaling of every feature, then an affine view of them for the router.

    The experts see all F scaled features. The router sees K coordinates: the scaled features, or
    their first K principal components, each scaled to the same range again. Everything is fitted on
    training data. A projection that is trained begins with these coordinates.

    Attributes:
        minimum_F: Smallest training value of each feature, in raw units.
        maximum_F: Largest training value of each feature, in raw units.
        low: Lower end of the scaled range; for angles, in radians.
        high: Upper end of the scaled range; for angles, in radians.
        matrix_FK: Matrix A in router coordinates = scaled features @ A + b.
        offset_K: Offset b.
        explained_variance: Share of the scaled features' variance that the router sees; 1 if K = F.
            For a trained projection, the share that it began with.

    Raises:
        InputError: If the shapes of the arrays do not fit together, or a number is not finite.
    """

    minimum_F: FloatArray
    maximum_F: FloatArray
    low: float
    high: float
    matrix_FK: FloatArray
    offset_K: FloatArray
    explained_variance: float

    def __repr__(self) -> str:
        n_features, n_inputs = self.matrix_FK.shape
        seen = f"{n_inputs} combinations of them" if self.projects else "all of them"
        return (
            f"<FeatureMap of {n_features} features, scaled to {self.low:.3g} ... {self.high:.3g}: "
            f"the router sees {seen}>"
        )

    def __post_init__(self) -> None:
        n_features, n_inputs = np.shape(self.matrix_FK)
        shapes = {
            "minimum_F": (n_features,),
            "maximum_F": (n_features,),
            "matrix_FK": (n_features, n_inputs),
            "offset_K": (n_inputs,),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float64 or not np.isfinite(array).all():
                raise InputError(f"{name} must be finite float64 numbers of shape {shape}")
        scaled_range((self.low, self.high))

    @classmethod
    def fit(
        cls,
        features_NF: FloatArray,
        *,
        n_router_inputs: int,
        feature_range: tuple[float, float],
        weights_N: FloatArray | None = None,
        rotate: bool = False,
    ) -> Self:
        """Fit scaling and projection on training rows.

        Args:
            features_NF: Features of the rows.
            n_router_inputs: Number of coordinates that the router sees.
            feature_range: Lower and upper end of the scaled range.
            weights_N: Weights of the rows in the principal components, all above 0; None if all
                weigh the same.
            rotate: Whether K = F coordinates are principal components as well.

        Raises:
            InputError: If the range is empty, or `n_router_inputs` is above F.
        """
        low, high = scaled_range(feature_range)
        n_features = features_NF.shape[1]
        n_coordinates(n_router_inputs, n_features)
        minimum_F, maximum_F = features_NF.min(axis=0), features_NF.max(axis=0)
        scaled_NF = _min_max(features_NF, minimum_F, maximum_F, low, high)
        if n_router_inputs == n_features and not rotate:
            matrix, offset, explained = np.eye(n_features), np.zeros(n_features), 1.0
        else:
            matrix, offset, explained = _principal_axes(
                scaled_NF, n_router_inputs, low, high, weights_N
            )
        return cls(
            minimum_F=minimum_F,
            maximum_F=maximum_F,
            low=low,
            high=high,
            matrix_FK=matrix,
            offset_K=offset,
            explained_variance=explained,
        )

    @property
    def n_router_inputs(self) -> int:
        """Number of coordinates that the router sees, K."""
        return len(self.offset_K)

    @property
    def projects(self) -> bool:
        """Whether the router sees principal components."""
        n_features = len(self.minimum_F)
        return self.n_router_inputs < n_features or not (
            np.array_equal(self.matrix_FK, np.eye(n_features)) and not self.offset_K.any()
        )

    @property
    def halves(self) -> tuple[FloatArray, FloatArray]:
        """Half of each feature's minimum, and half of the width that it is divided by."""
        return _halves(self.minimum_F, self.maximum_F)

    def scale(self, features_NF: FloatArray) -> FloatArray:
        """Return the scaled features, which the experts see."""
        return _min_max(features_NF, self.minimum_F, self.maximum_F, self.low, self.high)

    def rows_outside(self, features_NF: FloatArray) -> NDArray[np.bool_]:
        """Return which rows have a feature outside the range of the training data."""
        rows: NDArray[np.bool_] = np.any(
            (features_NF < self.minimum_F) | (features_NF > self.maximum_F), axis=1
        )
        return rows

    def warn_outside(self, features_NF: FloatArray) -> None:
        """Issue one `OutOfRangeWarning` if a row lies outside the range of the training data."""
        rows = self.rows_outside(features_NF)
        if not rows.any():
            return
        row = int(np.argmax(rows))
        value_F = features_NF[row]
        feature = int(np.argmax((value_F < self.minimum_F) | (value_F > self.maximum_F)))
        warn_user(
            f"{rows.sum()} of {len(rows)} rows lie outside the range that the model was trained "
            f"on: row {row} has {value_F[feature]:.6g} in feature {feature}, training saw "
            f"{self.minimum_F[feature]:.6g} to {self.maximum_F[feature]:.6g}",
            OutOfRangeWarning,
        )


def n_coordinates(n_qubits: int | None, n_features: int) -> int:
    """Return the number of qubits that a setting chooses for F features: by default at most 6.

    Raises:
        InputError: If it is above F.
    """
    if n_qubits is None:
        return min(n_features, DEFAULT_MAX_QUBITS)
    if n_qubits > n_features:
        raise InputError(
            f"n_qubits is {n_qubits}, but the data has {n_features} feature(s): use at most "
            f"{n_features}"
        )
    return n_qubits


def projection_sentence(
    projection: str,
    *,
    n_features: int,
    n_inputs: int,
    n_qubits: int | None,
    feature_range: tuple[float, float],
    explained_variance: float,
) -> str:
    """Return a sentence on what a router sees of F features; "" if it sees them themselves.

    Args:
        projection: One of `PROJECTIONS`, or "random" for that of a private training.
        n_features: Number of features.
        n_inputs: Number of coordinates that the router sees.
        n_qubits: Number of qubits of the router's circuit; None for a classical router.
        feature_range: Range of the scaled features.
        explained_variance: See `FeatureMap`.
    """
    experts = "the experts see every feature."
    if projection == "linear":
        low, high = feature_range
        return (
            f"The router sees {n_inputs} trained linear combinations of the {n_features} features, "
            f"each bounded to {low:.3g} ... {high:.3g}; {experts}"
        )
    if projection == "groups" and n_qubits is not None and n_qubits < n_features:
        return (
            f"The circuit takes all {n_features} features, {n_qubits} per upload, in "
            f"{-(-n_features // n_qubits)} groups; {experts}"
        )
    if n_inputs == n_features and projection != "pca":
        return ""
    if projection == "random":
        return (
            f"The router sees {n_inputs} random projections of the {n_features} features; {experts}"
        )
    return (
        f"The router sees {n_inputs} principal components of the {n_features} features, which hold "
        f"{100 * explained_variance:.1f} % of their variance; {experts}"
    )


def scaled_range(feature_range: tuple[float, float]) -> tuple[float, float]:
    """Return the two ends of a range as numbers.

    Raises:
        InputError: If the range is not two finite numbers, the smaller one first.
    """
    try:
        low, high = (float(end) for end in feature_range)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (low < high and math.isfinite(high - low)):
        raise InputError(
            f"feature_range must be two numbers (low, high) with low < high, got {feature_range!r}"
        )
    return low, high


def _min_max(
    features_NF: FloatArray, minimum_F: FloatArray, maximum_F: FloatArray, low: float, high: float
) -> FloatArray:
    half_minimum_F, half_width_F = _halves(minimum_F, maximum_F)
    with np.errstate(over="ignore"):
        share_NF = (features_NF / 2 - half_minimum_F) / half_width_F
    return low + np.clip(share_NF, -FAR, FAR) * (high - low)


def _halves(minimum_F: FloatArray, maximum_F: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return half of the minimum and of the width, 1 for a width of 0.

    Halved, since the difference of two finite numbers can overflow.
    """
    half_width_F = maximum_F / 2 - minimum_F / 2
    return minimum_F / 2, np.where(half_width_F > 0, half_width_F, 0.5)


def _principal_axes(
    scaled_NF: FloatArray, count: int, low: float, high: float, weights_N: FloatArray | None
) -> tuple[FloatArray, FloatArray, float]:
    if len(scaled_NF) < count:
        raise InputError(
            f"{len(scaled_NF)} training rows are too few for {count} principal components: "
            f"set n_qubits to at most {len(scaled_NF)}"
        )
    axes_KF, mean_F, scores_NK = _components(scaled_NF, count, weights_N)
    lowest_K = scores_NK.min(axis=0)
    width_K = scores_NK.max(axis=0) - lowest_K
    varies_K = width_K > _NOISE * (high - low)
    slope_K = np.where(varies_K, (high - low) / np.where(varies_K, width_K, 1.0), 1.0)
    matrix_FK = axes_KF.T * slope_K
    offset_K = low - lowest_K * slope_K - mean_F @ matrix_FK
    variance = _total_variance(scaled_NF, weights_N)
    share = _total_variance(scores_NK, weights_N) / variance if variance > 0 else 1.0
    return matrix_FK, offset_K, min(share, 1.0)


def _components(
    scaled_NF: FloatArray, count: int, weights_N: FloatArray | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return principal axes (K, F), the mean (F,), and the rows' coordinates (N, K)."""
    if weights_N is None:
        from sklearn.decomposition import PCA

        with np.errstate(invalid="ignore"):  # the variance is 0 if every feature is constant
            pca = PCA(n_components=count, svd_solver="full").fit(scaled_NF)
        return pca.components_, pca.mean_, pca.transform(scaled_NF)
    mean_F = np.average(scaled_NF, axis=0, weights=weights_N)
    centered_NF = scaled_NF - mean_F
    axes_KF = np.linalg.svd(np.sqrt(weights_N)[:, None] * centered_NF, full_matrices=False)[2][
        :count
    ]
    # As scikit-learn does it: the largest number of an axis is positive.
    largest_K = np.abs(axes_KF).argmax(axis=1)
    axes_KF = axes_KF * np.sign(axes_KF[np.arange(count), largest_K])[:, None]
    return axes_KF, mean_F, centered_NF @ axes_KF.T


def _total_variance(values_NK: FloatArray, weights_N: FloatArray | None) -> float:
    if weights_N is None:
        return float(np.sum(np.var(values_NK, axis=0)))
    centered_NK = values_NK - np.average(values_NK, axis=0, weights=weights_N)
    return float(np.sum(np.average(centered_NK**2, axis=0, weights=weights_N)))
