"""The plane that data are drawn in."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.decomposition import PCA

from qmoe_qiskit.data import Dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures.plane import RESOLUTION, fit_plane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qmoe_qiskit.data import Split


def dataset(features_NF: NDArray[np.float64]) -> Dataset:
    return Dataset(
        name="made",
        features_NF=features_NF,
        labels_N=np.arange(len(features_NF)) % 2,
        feature_names=tuple(f"f{i}" for i in range(features_NF.shape[1])),
        target_name="class",
        source="generated",
    )


def test_two_features_are_their_own_plane(moons: Split) -> None:
    plane = fit_plane(moons.train, moons.test)
    assert plane.axis_labels == ("x0", "x1")
    assert plane.note == ""
    np.testing.assert_array_equal(plane.project(moons.test.features_NF), moons.test.features_NF)
    grid_M2 = plane.grid_features()
    assert grid_M2.shape == (RESOLUTION**2, 2)
    for data in (moons.train, moons.test):
        assert np.all(data.features_NF > grid_M2.min(axis=0))
        assert np.all(data.features_NF < grid_M2.max(axis=0))
    x_GG = plane.on_grid(grid_M2[:, 0])
    np.testing.assert_array_equal(x_GG[0], plane.x_G)


def test_more_features_are_projected_as_by_scikit_learn(digits10: Split) -> None:
    plane = fit_plane(digits10.train, digits10.test)
    range_F = np.ptp(digits10.train.features_NF, axis=0)
    range_F[range_F == 0.0] = 1.0
    oracle = PCA(2, svd_solver="full").fit(digits10.train.features_NF / range_F)
    expected_N2 = oracle.transform(digits10.test.features_NF / range_F)
    points_N2 = plane.project(digits10.test.features_NF)
    signs = np.sign(np.sum(expected_N2 * points_N2, axis=0))
    np.testing.assert_allclose(points_N2, signs * expected_N2, atol=1e-10)
    for label, share in zip(plane.axis_labels, oracle.explained_variance_ratio_, strict=True):
        assert label.endswith(f"({100 * share:.0f} % of variance)")


def test_the_grid_lies_in_the_plane(digits10: Split) -> None:
    plane = fit_plane(digits10.train, digits10.test)
    x_GG, y_GG = np.meshgrid(plane.x_G, plane.y_G)
    there_and_back = plane.project(plane.grid_features())
    np.testing.assert_allclose(plane.on_grid(there_and_back[:, 0]), x_GG, atol=1e-10)
    np.testing.assert_allclose(plane.on_grid(there_and_back[:, 1]), y_GG, atol=1e-10)


def test_the_plane_does_not_depend_on_units_or_held_out_data(rng: np.random.Generator) -> None:
    train, test = dataset(rng.normal(size=(40, 4))), dataset(rng.normal(size=(10, 4)))
    units_F = np.array([1e-6, 1.0, 1e3, 1e9])
    train_units, test_units = (
        dataclasses.replace(data, features_NF=data.features_NF * units_F) for data in (train, test)
    )
    plane, other = fit_plane(train, test), fit_plane(train_units, test_units)
    np.testing.assert_allclose(
        plane.project(test.features_NF), other.project(test_units.features_NF), atol=1e-9
    )
    np.testing.assert_array_equal(plane.directions_2F, fit_plane(train, train).directions_2F)


def test_one_feature_is_spread_vertically(rng: np.random.Generator) -> None:
    train, test = dataset(rng.normal(size=(40, 1))), dataset(rng.normal(size=(10, 1)))
    plane = fit_plane(train, test)
    points_N2 = plane.project(test.features_NF)
    np.testing.assert_array_equal(points_N2[:, 0], test.features_NF[:, 0])
    assert len(np.unique(points_N2[:, 1])) == 10
    assert plane.y_G[0] < points_N2[:, 1].min()
    assert points_N2[:, 1].max() < plane.y_G[-1]
    np.testing.assert_array_equal(plane.grid_features()[:RESOLUTION, 0], plane.x_G)
    assert "One feature" in plane.note


@pytest.mark.parametrize("n_features", [1, 2, 5])
def test_data_without_spread_still_have_a_window(n_features: int) -> None:
    data = dataset(np.full((6, n_features), 3.0))
    plane = fit_plane(data, data)
    grid = plane.grid_features()
    assert np.all(np.isfinite(grid))
    assert np.all(np.diff(plane.x_G) > 0)
    assert np.all(np.diff(plane.y_G) > 0)


def test_no_rows_are_an_error(moons: Split) -> None:
    empty = moons.test.take(np.array([], dtype=np.int64), "none")
    with pytest.raises(InputError, match="at least one training and one held-out point"):
        fit_plane(moons.train, empty)
