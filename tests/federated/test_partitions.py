"""Partitions: every row goes to one client, and clients differ as the name says."""

from __future__ import annotations

import numpy as np
import pytest

from qmoe_qiskit.data import Dataset, load_dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.federated import partition


@pytest.fixture(scope="module")
def moons() -> Dataset:
    return load_dataset("moons", n_samples=200, seed=3)


@pytest.mark.parametrize("how", ["iid", "dirichlet:0.3", "labels"])
@pytest.mark.parametrize("clients", [1, 3, 8])
def test_every_row_goes_to_one_client(moons: Dataset, how: str, clients: int, seed: int) -> None:
    parts = partition(moons, clients, how, seed=seed)
    assert len(parts) == clients
    rows = np.concatenate([np.column_stack((p.features_NF, p.labels_N)) for p in parts])
    all_rows = np.column_stack((moons.features_NF, moons.labels_N))
    np.testing.assert_array_equal(np.unique(rows, axis=0), np.unique(all_rows, axis=0))
    assert len(rows) == 200
    again = partition(moons, clients, how, seed=seed)
    assert [p.content_hash for p in parts] == [p.content_hash for p in again]


def test_shares_of_labels(moons: Dataset) -> None:
    """Over seeds the shares of a class vary as Dirichlet's: variance (K - 1) / (K^2 (A K + 1))."""
    clients, concentration = 4, 2.0
    shares = [
        (part.labels_N == 0).sum() / 100
        for seed in range(300)
        for part in partition(moons, clients, f"dirichlet:{concentration:g}", seed=seed)
    ]
    expected = (clients - 1) / (clients**2 * (concentration * clients + 1))
    assert np.mean(shares) == pytest.approx(1 / clients)
    # Rounding to rows and draws that are repeated change it a little; 1,200 shares vary by 4 %.
    assert np.var(shares) == pytest.approx(expected, rel=0.2)


def test_labels_are_few(moons: Dataset) -> None:
    parts = partition(moons, 8, "labels")
    counts = np.array([len(np.unique(part.labels_N)) for part in parts])
    assert (counts == 1).any()
    assert {len(part.labels_N) for part in parts} == {24, 25, 26} & {
        len(part.labels_N) for part in parts
    }


def test_rotated_parts_are_rotations(moons: Dataset) -> None:
    plain, turned = partition(moons, 3, "iid"), partition(moons, 3, "rotate")
    center_F = moons.features_NF.mean(axis=0)
    for part, other, angle in zip(plain, turned, (0, 45, 90), strict=True):
        before = (part.features_NF - center_F) @ [1, 1j]
        after = (other.features_NF - center_F) @ [1, 1j]
        np.testing.assert_allclose(after, before * np.exp(1j * np.radians(angle)), atol=1e-12)


@pytest.mark.parametrize(
    ("clients", "how", "words"),
    [
        (201, "iid", "201 clients are more than the 200 rows"),
        (0, "iid", "clients must be a whole number of at least 1"),
        (4, "idd", "known are dirichlet:A, iid, labels, rotate; did you mean 'iid'"),
        (4, "dirichlet", "unknown partition 'dirichlet'"),
        (4, "dirichlet:-1", "must be a positive number, such as dirichlet:0.3, got '-1'"),
        (4, "dirichlet:x", "got 'x'"),
        (150, "dirichlet:0.01", "without a row"),
    ],
)
def test_refused(moons: Dataset, clients: int, how: str, words: str) -> None:
    with pytest.raises(InputError, match="(?s)" + __import__("re").escape(words)):
        partition(moons, clients, how)


def test_rotation_needs_a_plane() -> None:
    with pytest.raises(InputError, match="two features, and digits has 16"):
        partition(load_dataset("digits", n_samples=40), 2, "rotate")
