"""Data that the tests of the figures share."""

from __future__ import annotations

import pytest

from qmoe_qiskit.data import Split, load_dataset, split_dataset


@pytest.fixture(scope="session")
def moons() -> Split:
    return split_dataset(load_dataset("moons", n_samples=200))


@pytest.fixture(scope="session")
def digits10() -> Split:
    return split_dataset(load_dataset("digits10", n_samples=400))
