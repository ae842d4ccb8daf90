"""Coupling maps as flat pictures."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmoe_qiskit.figures.device.couplers import broken_couplers
from qmoe_qiskit.figures.device.lattice import lattice_positions
from qmoe_qiskit.noise_profiles import load_profile


def grid(rows: int, columns: int) -> list[tuple[int, int]]:
    across = [
        (r * columns + c, r * columns + c + 1) for r, c in product(range(rows), range(columns - 1))
    ]
    down = [
        (r * columns + c, (r + 1) * columns + c)
        for r, c in product(range(rows - 1), range(columns))
    ]
    return across + down


def lengths(positions_Q2: np.ndarray, pairs: list[tuple[int, int]]) -> np.ndarray:
    a, b = np.array(pairs).T
    return np.asarray(np.linalg.norm(positions_Q2[a] - positions_Q2[b], axis=1))


def test_a_grid_is_drawn_as_a_grid() -> None:
    """Rows horizontal and from top to bottom, qubit 0 at the upper left."""
    rows, columns = 4, 6
    pairs = grid(rows, columns)
    positions_Q2 = lattice_positions(rows * columns, pairs)
    x_RC = positions_Q2[:, 0].reshape(rows, columns)
    y_RC = positions_Q2[:, 1].reshape(rows, columns)
    assert (np.diff(x_RC, axis=1) > 0.7).all()
    assert (np.diff(y_RC, axis=0) < -0.7).all()
    assert np.ptp(y_RC, axis=1).max() < 0.5
    assert np.ptp(x_RC, axis=0).max() < 0.5
    np.testing.assert_allclose(lengths(positions_Q2, pairs), 1, atol=0.3)


def test_a_line_is_a_line() -> None:
    positions_Q2 = lattice_positions(5, list(pairwise(range(5))))
    np.testing.assert_allclose(positions_Q2[:, 0], [-2, -1, 0, 1, 2], atol=1e-6)
    np.testing.assert_allclose(positions_Q2[:, 1], 0, atol=1e-6)


def test_a_ring_is_round() -> None:
    positions_Q2 = lattice_positions(8, [(k, (k + 1) % 8) for k in range(8)])
    radii = np.linalg.norm(positions_Q2, axis=1)
    np.testing.assert_allclose(radii, radii[0], rtol=1e-3)


@pytest.mark.parametrize("name", ["ibm_torino", "ibm_fez", "ibm_miami", "ibm_brisbane"])
def test_no_coupler_of_a_large_device_crosses_another(name: str) -> None:
    profile = load_profile(name)
    pairs = sorted({(min(p), max(p)) for p in [*profile.couplings, *broken_couplers(profile)]})
    positions_Q2 = lattice_positions(profile.n_qubits, pairs)
    assert lengths(positions_Q2, pairs).min() > 0.6
    assert lengths(positions_Q2, pairs).max() < 1.5
    start, end = positions_Q2[np.array(pairs).T]

    def side(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        """On which side of the line from a to b each point c lies."""
        (abx, aby), (acx, acy) = (b - a).T, np.moveaxis(c - a[:, None], -1, 0)
        return np.asarray(np.sign(abx[:, None] * acy - aby[:, None] * acx))

    between_PP = side(start, end, start[None]) * side(start, end, end[None]) < 0
    crossing_PP = between_PP & between_PP.T
    share_an_end = np.array([[bool({*p} & {*q}) for q in pairs] for p in pairs])
    assert not (crossing_PP & ~share_an_end).any()
    apart_QQ = np.linalg.norm(positions_Q2[:, None] - positions_Q2[None], axis=-1)
    assert (apart_QQ + 9 * np.eye(profile.n_qubits)).min() > 0.6


@given(data=st.data())
def test_any_map_has_a_picture(data: st.DataObject) -> None:
    """Disconnected ones too: finite, centred, no two qubits in one place."""
    n_qubits = data.draw(st.integers(1, 9))
    qubit = st.integers(0, n_qubits - 1)
    pairs = [p for p in data.draw(st.lists(st.tuples(qubit, qubit), max_size=14)) if p[0] != p[1]]
    positions_Q2 = lattice_positions(n_qubits, pairs)
    assert positions_Q2.shape == (n_qubits, 2)
    assert np.isfinite(positions_Q2).all()
    np.testing.assert_allclose(positions_Q2.mean(axis=0), 0, atol=1e-9)
    reversed_pairs = [(b, a) for a, b in reversed(pairs)]
    np.testing.assert_array_equal(lattice_positions(n_qubits, reversed_pairs), positions_Q2)
