"""Scaling and projection that were declared, not fitted."""

from __future__ import annotations

import numpy as np

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train.features import FeatureMap, scaled_range
from qmoe_qiskit.train.private.settings import Privacy


def declared_features(
    privacy: Privacy,
    *,
    n_features: int,
    n_router_inputs: int,
    feature_range: tuple[float, float],
) -> FeatureMap:
    """Return a feature map that no row has a part in.

    A random projection has orthonormal columns (F, K) that are the same for every training, and
    keeps the middle of the range where it is.

    Raises:
        InputError: If the router sees fewer coordinates and no projection is declared.
    """
    minimum_F, maximum_F = privacy.limits_of(n_features)
    low, high = scaled_range(feature_range)
    matrix_FK, offset_K, share = np.eye(n_features), np.zeros(n_features), 1.0
    if n_router_inputs > n_features:
        raise InputError(
            f"n_qubits is {n_router_inputs}, but the data has {n_features} feature(s): "
            f"use at most {n_features}"
        )
    if n_router_inputs < n_features:
        if privacy.projection is None:
            raise InputError(
                f"the router sees {n_router_inputs} of {n_features} features as principal "
                "components, which would tell of the private rows: declare projection='random', "
                "or give it fewer features"
            )
        normal_FK = np.random.default_rng(0).normal(size=(n_features, n_router_inputs))
        matrix_FK = np.linalg.qr(normal_FK)[0]
        middle = (low + high) / 2
        offset_K = middle - middle * matrix_FK.sum(axis=0)
        share = n_router_inputs / n_features
    return FeatureMap(
        minimum_F=minimum_F,
        maximum_F=maximum_F,
        low=low,
        high=high,
        matrix_FK=matrix_FK,
        offset_K=offset_K,
        explained_variance=share,
    )
