"""The plane that data of any number of features are drawn in."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qmoe_qiskit.data import Dataset
from qmoe_qiskit.errors import NO_NAMES, InputError, OutOfRangeWarning
from qmoe_qiskit.figures.style import fitted
from qmoe_qiskit.typing import FloatArray

RESOLUTION = 120
_MARGIN = 0.08  # share of the data's extent that stays free on every side


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A plane in feature space, with the window that a figure shows.

    Attributes:
        axis_labels: Labels of the horizontal and the vertical axis.
        note: Sentence for the caption, empty if the plane is that of the features.
        origin_F: Point of feature space at (0, 0).
        scale_F: Length of one unit of each feature, in the feature's own unit.
        directions_2F: Directions of the two axes, in scaled features.
        x_G: Positions of the grid's columns.
        y_G: Positions of the grid's rows.
    """

    axis_labels: tuple[str, str]
    note: str
    origin_F: FloatArray
    scale_F: FloatArray
    directions_2F: FloatArray
    x_G: FloatArray
    y_G: FloatArray

    def project(self, features_NF: npt.ArrayLike) -> FloatArray:
        """Return the projections of points of feature space onto the plane, shape (N, 2).

        Points with a single feature are spread vertically, so that they can be told apart.
        """
        points_N2 = _project(features_NF, self.origin_F, self.scale_F, self.directions_2F)
        if len(self.origin_F) == 1:
            golden = (np.sqrt(5.0) - 1.0) / 2.0  # its multiples fill the height evenly
            points_N2[:, 1] = 0.8 * (np.arange(len(points_N2)) * golden % 1.0 - 0.5)
        return points_N2

    def grid_features(self) -> FloatArray:
        """Return the grid's points in feature space, shape (G * G, F), row after row."""
        x_GG, y_GG = np.meshgrid(self.x_G, self.y_G)
        points_M2 = np.column_stack([x_GG.ravel(), y_GG.ravel()])
        return self.origin_F + points_M2 @ self.directions_2F * self.scale_F

    def on_grid(self, values_M: FloatArray) -> FloatArray:
        """Return values at the grid's points as a matrix, shape (G, G), rows upwards."""
        return values_M.reshape(len(self.y_G), len(self.x_G))


def fit_plane(train: Dataset, test: Dataset) -> Plane:
    """Choose the plane for a data set: that of its two features, or that of a PCA.

    The principal components are those of the training data with every feature divided by its
    range, as models of this project see them: the unit of a feature does not matter. The grid then
    lies in the slice of feature space through the training mean.

    Args:
        train: Training data, which alone decides on the plane.
        test: Held-out data; the window shows all training and held-out points.

    Raises:
        InputError: If the two data sets have different features, or one of them has no rows.
    """
    if tuple(train.feature_names) != tuple(test.feature_names):
        raise InputError(
            f"training and held-out data must have the same features, got "
            f"{_listed(train.feature_names)} and {_listed(test.feature_names)}"
        )
    if not len(train.labels_N) or not len(test.labels_N):
        raise InputError("a figure needs at least one training and one held-out point, got none")
    features_NF = np.asarray(train.features_NF, dtype=np.float64)
    n_features = features_NF.shape[1]
    origin_F, scale_F = np.zeros(n_features), np.ones(n_features)
    note = ""
    if n_features <= 2:
        directions_2F = np.eye(2, n_features)
        names = [fitted(name, 40) for name in train.feature_names]
        if n_features == 1:
            names.append("")
            note = "One feature: the height only spreads the points."
    else:
        origin_F = features_NF.mean(axis=0)
        range_F = np.ptp(features_NF, axis=0)
        scale_F = np.where(range_F > 0.0, range_F, 1.0)
        directions_2F, shares = _principal_components((features_NF - origin_F) / scale_F)
        names = [
            f"principal component {i} ({100 * share:.0f} % of variance)"
            for i, share in enumerate(shares, start=1)
        ]
        note = (
            f"{n_features} features, each divided by its range: the background is the slice "
            f"through the training mean along the first two principal components; points are "
            f"projected onto it."
        )
    both_NF = np.concatenate([features_NF, np.asarray(test.features_NF, dtype=np.float64)])
    points_N2 = _project(both_NF, origin_F, scale_F, directions_2F)
    return Plane(
        axis_labels=(names[0], names[1]),
        note=note,
        origin_F=origin_F,
        scale_F=scale_F,
        directions_2F=directions_2F,
        x_G=_window(points_N2[:, 0]),
        y_G=_window(points_N2[:, 1]),
    )


def evaluate(
    name: str, model: object, method: Callable[[FloatArray], npt.ArrayLike], features_NF: FloatArray
) -> FloatArray:
    """Call a model once on many points that may lie beyond its training data.

    Args:
        name: Name of the model, for the error.
        model: The model; its `n_features_in_`, if it has one, is compared first.
        method: Method of the model to call.
        features_NF: All points at once.

    Returns:
        Values of the method in float64, one row per point.

    Raises:
        InputError: If the model was trained on another number of features.
    """
    expected = getattr(model, "n_features_in_", features_NF.shape[1])
    if expected != features_NF.shape[1]:
        raise InputError(
            f"model {name!r} takes {expected} features, the data have {features_NF.shape[1]}: "
            f"draw it with the data that it was trained on"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)  # the window is wider than the data
        warnings.filterwarnings("ignore", NO_NAMES)
        return np.asarray(method(features_NF), dtype=np.float64)


def _project(
    features_NF: npt.ArrayLike, origin_F: FloatArray, scale_F: FloatArray, directions_2F: FloatArray
) -> FloatArray:
    scaled_NF = (np.asarray(features_NF, dtype=np.float64) - origin_F) / scale_F
    projected_N2: FloatArray = scaled_NF @ directions_2F.T
    return projected_N2


def _principal_components(centred_NF: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the first two components, shape (2, F), and their shares of the variance."""
    _, singular, components = np.linalg.svd(centred_NF, full_matrices=len(centred_NF) < 2)
    variance = np.zeros(2)
    variance[: len(singular[:2])] = singular[:2] ** 2
    directions_2F = components[:2]
    # The sign of a component is arbitrary: let its largest entry be positive.
    largest = np.argmax(np.abs(directions_2F), axis=1)
    directions_2F = directions_2F * np.sign(directions_2F[[0, 1], largest])[:, None]
    return directions_2F, variance / max(float(np.sum(singular**2)), np.finfo(float).tiny)


def _window(positions_N: FloatArray) -> FloatArray:
    low, high = float(positions_N.min()), float(positions_N.max())
    margin = _MARGIN * (high - low) or 0.5  # points that all coincide still get a window
    return np.linspace(low - margin, high + margin, RESOLUTION)


def _listed(names: tuple[str, ...]) -> str:
    return f"{len(names)} ({fitted(', '.join(map(str, names)), 60)})"
