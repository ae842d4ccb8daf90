"""The feature map, against scikit-learn's MinMaxScaler and PCA, and where those give up."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.decomposition import PCA
from sklearn.preprocessing import MinMaxScaler

from qmoe_qiskit.errors import InputError, OutOfRangeWarning
from qmoe_qiskit.train import FeatureMap, QMoEClassifier

PI = float(np.pi)
LARGEST = float(np.finfo(float).max)


def fit(
    features_NF: np.ndarray, k: int | None = None, low: float = 0, high: float = PI
) -> FeatureMap:
    k = features_NF.shape[1] if k is None else k
    return FeatureMap.fit(features_NF, n_router_inputs=k, feature_range=(low, high))


def seen(feature_map: FeatureMap, features_NF: np.ndarray) -> np.ndarray:
    return feature_map.scale(features_NF) @ feature_map.matrix_FK + feature_map.offset_K


@given(
    seed=st.integers(0, 2**32),
    shape=st.tuples(st.integers(1, 20), st.integers(1, 5)),
    ends=st.tuples(st.floats(-10, 10), st.floats(0.1, 10)),
    exponents=st.tuples(st.integers(-8, 8), st.integers(-4, 4)),
)
def test_scaling_is_scikit_learns(
    seed: int,
    shape: tuple[int, int],
    ends: tuple[float, float],
    exponents: tuple[int, int],
) -> None:
    rng = np.random.default_rng(seed)
    scale, offset = 10.0 ** np.array(exponents)
    train_NF, test_NF = scale * (offset + rng.normal(size=(2, *shape)))
    low, high = ends[0], ends[0] + ends[1]
    ours, theirs = fit(train_NF, low=low, high=high), MinMaxScaler((low, high)).fit(train_NF)
    # Theirs is x * slope + constant: it loses the digits that x and the range have in common.
    rounding = 8 * np.finfo(float).eps * (np.abs(train_NF).max() + np.abs(test_NF).max())
    for rows_NF in (train_NF, test_NF):
        np.testing.assert_allclose(
            ours.scale(rows_NF),
            theirs.transform(rows_NF),
            rtol=1e-12,
            atol=1e-12 + rounding * theirs.scale_.max(),
        )
    if shape[0] > 1:
        np.testing.assert_allclose(ours.scale(train_NF).min(axis=0), low, atol=1e-9)
        np.testing.assert_allclose(ours.scale(train_NF).max(axis=0), high, atol=1e-9)


@given(
    hnp.arrays(
        float,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    ),
    hnp.arrays(float, (2, 6), elements=st.floats(allow_nan=False, allow_infinity=False)),
)
def test_any_finite_numbers_scale_to_finite_ones(
    train_NF: np.ndarray, other_NF: np.ndarray
) -> None:
    """Training rows into the range, others wherever they belong, without a NumPy warning."""
    feature_map = fit(train_NF)
    scaled_NF = feature_map.scale(train_NF)
    assert scaled_NF.min() >= 0
    assert scaled_NF.max() <= PI + 1e-12
    assert np.isfinite(feature_map.scale(other_NF[:, : train_NF.shape[1]])).all()


def test_a_model_predicts_for_the_largest_numbers(moons: tuple[np.ndarray, np.ndarray]) -> None:
    for router in ("quantum", "quadratic", "fourier"):
        model = QMoEClassifier(router, max_epochs=1, random_state=0).fit(*moons)
        far = np.array([[LARGEST, -LARGEST], [-1e308, 1e-320]])
        with pytest.warns(OutOfRangeWarning):
            probabilities_NC = model.predict_proba(far)
        np.testing.assert_allclose(probabilities_NC.sum(axis=1), 1)


def test_a_constant_feature_takes_the_lower_end() -> None:
    feature_map = fit(np.array([[5.0, 0.0], [5.0, 1.0]]), low=-1, high=1)
    np.testing.assert_allclose(
        feature_map.scale(np.array([[5.0, 0.5], [6.0, 2.0]])), [[-1, 0], [1, 3]], atol=1e-15
    )


@given(seed=st.integers(0, 2**32), shape=st.tuples(st.integers(6, 30), st.integers(2, 8)))
def test_the_router_sees_scikit_learns_principal_components(
    seed: int, shape: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    train_NF, test_NF = rng.normal(size=(2, *shape)) @ rng.normal(size=(shape[1], shape[1]))
    k = int(rng.integers(1, min(shape[1], 6)))
    feature_map = fit(train_NF, k, low=-1, high=2)
    scaler = MinMaxScaler((-1, 2)).fit(train_NF)
    pca = PCA(k).fit(scaler.transform(train_NF))
    ends = MinMaxScaler((-1, 2)).fit(pca.transform(scaler.transform(train_NF)))

    assert feature_map.projects
    assert feature_map.n_router_inputs == k
    assert feature_map.explained_variance == pytest.approx(pca.explained_variance_ratio_.sum())
    for rows_NF in (train_NF, test_NF):
        expected_NK = ends.transform(pca.transform(scaler.transform(rows_NF)))
        # A component's sign is nobody's choice: the other sign mirrors the range.
        ours_NK = seen(feature_map, rows_NF)
        mirrored_NK = 1 - expected_NK
        flipped_K = np.abs(ours_NK - expected_NK).max(0) > np.abs(ours_NK - mirrored_NK).max(0)
        np.testing.assert_allclose(
            ours_NK, np.where(flipped_K, mirrored_NK, expected_NK), atol=1e-8
        )


def test_components_that_are_rounding_noise_are_not_blown_up(rng: np.random.Generator) -> None:
    """Five copies of two features have two components; the third and fourth are zero."""
    features_NF = np.repeat(rng.uniform(size=(40, 2)), 5, axis=1)
    feature_map = fit(features_NF, 4)
    assert feature_map.explained_variance == pytest.approx(1)
    other_NF = np.repeat(rng.uniform(size=(40, 2)), 5, axis=1)
    np.testing.assert_allclose(seen(feature_map, other_NF)[:, 2:], 0, atol=1e-9)
    np.testing.assert_allclose(seen(feature_map, features_NF)[:, :2].max(axis=0), PI)


def test_all_features_constant() -> None:
    feature_map = fit(np.full((9, 7), 3.0), 2)
    assert feature_map.explained_variance == 1
    np.testing.assert_array_equal(seen(feature_map, np.full((1, 7), 3.0)), [[0, 0]])


def test_a_router_that_sees_all_sees_the_features_themselves(rng: np.random.Generator) -> None:
    features_NF = rng.normal(size=(10, 3))
    feature_map = fit(features_NF)
    assert not feature_map.projects
    assert feature_map.explained_variance == 1
    np.testing.assert_array_equal(seen(feature_map, features_NF), feature_map.scale(features_NF))


def test_the_warning_counts_rows_and_shows_the_first() -> None:
    feature_map = fit(np.array([[0.0, -2.0], [1.0, 4.5]]))
    rows_NF = np.array([[0.0, 4.5], [0.5, 5.25], [2.0, 0.0], [9.0, 9.0], [1.0, -2.0]])
    assert feature_map.rows_outside(rows_NF).tolist() == [False, True, True, True, False]
    expected = (
        "3 of 5 rows lie outside the range that the model was trained on: "
        r"row 1 has 5.25 in feature 1, training saw -2 to 4.5$"
    )
    with pytest.warns(OutOfRangeWarning, match=expected) as caught:
        feature_map.warn_outside(rows_NF)
    assert len(caught) == 1


def test_no_warning_inside_the_range(moons: tuple[np.ndarray, np.ndarray]) -> None:
    model = QMoEClassifier("linear", max_epochs=1, random_state=0).fit(*moons)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(moons[0])
    with pytest.warns(OutOfRangeWarning, match="1 of 1 rows .* row 0 has 50 in feature 0"):
        model.predict([[50.0, 0.0]])


@pytest.mark.parametrize(
    "feature_range", [(1, 0), (2, 2), (0, np.nan), (0, np.inf), (-1e308, 1e308), (0,), None, "ab"]
)
def test_a_range_that_is_none(feature_range: object) -> None:
    with pytest.raises(InputError, match=r"feature_range must be two numbers .* got "):
        FeatureMap.fit(np.eye(2), n_router_inputs=2, feature_range=feature_range)


def test_more_coordinates_than_features_or_rows() -> None:
    with pytest.raises(InputError, match=r"n_qubits is 3, but the data has 2 feature\(s\)"):
        fit(np.eye(2), 3)
    with pytest.raises(InputError, match="2 training rows are too few for 3 principal components"):
        fit(np.eye(5)[:2], 3)
