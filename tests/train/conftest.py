"""Small data, and what it means for two models to be the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.train import QMoEClassifier

Rows = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="session")
def moons() -> Rows:
    """Sixty points on Two Moons."""
    return make_moons(60, noise=0.1, random_state=0)


@pytest.fixture(scope="session")
def wide() -> Rows:
    """Eighty rows of eight features of different scale, three classes."""
    rng = np.random.default_rng(0)
    labels_N = np.arange(80) % 3
    features_NF = rng.normal(size=(80, 8)) * 10.0 ** np.arange(-3, 5)
    features_NF[:, 0] += 0.002 * labels_N
    return features_NF, labels_N


@pytest.fixture
def assert_same() -> Callable[[QMoEClassifier, QMoEClassifier], None]:
    """A check that two fitted models are equal, bit for bit."""

    def check(one: QMoEClassifier, other: QMoEClassifier) -> None:
        assert one.history_ == other.history_
        a, b = one.module_.state_dict(), other.module_.state_dict()
        assert a.keys() == b.keys()
        assert [name for name in a if not torch.equal(a[name], b[name])] == []
        np.testing.assert_array_equal(one.classes_, other.classes_)

    return check
