"""Which point runs where: each at least once, found again, averaged where it runs twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmoe_qiskit.backends.slots.assignment import Assignment, permutation, singles


def test_the_draw_never_changes() -> None:
    """Results that were paid for find their points by it, in all later versions."""
    assert permutation(8, "00ff").tolist() == PINNED_8
    assert permutation(1000, "00ff").tolist() != permutation(1000, "00fe").tolist()
    assert sorted(permutation(1000, "00ff")) == list(range(1000))


PINNED_8 = [1, 7, 6, 5, 3, 4, 2, 0]


@given(n_groups=st.integers(0, 40), n_slots=st.integers(1, 12), pairs=st.booleans(), key=st.text())
def test_values_find_their_points(n_groups: int, n_slots: int, pairs: bool, key: str) -> None:
    rng = np.random.default_rng(n_groups)
    groups = rng.permutation(2 * n_groups).reshape(-1, 2) if pairs else singles(n_groups)
    points_PG = rng.normal(size=(groups.size, 3))
    drawn = Assignment.draw(groups, n_slots, key)
    packed = drawn.pack(points_PG)
    size = groups.shape[1]
    assert packed.shape == (size * -(-n_groups // n_slots), 3 * n_slots)
    # A device whose values are the angles.
    assert np.allclose(drawn.unpack(packed), points_PG, rtol=0, atol=1e-12)
    times = drawn.times_P
    assert times.min(initial=1) >= 1
    assert np.ptp(times) <= 1 if n_groups else True
    # Two points of a group run in the same slots.
    if pairs:
        cells = drawn.points_RK
        for a, b in groups:
            assert sorted(np.nonzero(cells == a)[1]) == sorted(np.nonzero(cells == b)[1])
            assert (np.nonzero(cells == b)[0] - np.nonzero(cells == a)[0] == 1).all()


def test_errors_of_means() -> None:
    """One of 2 points on 3 slots runs twice: its error is that of a mean of two."""
    drawn = Assignment.draw(singles(2), 3, "k")
    times = drawn.times_P
    assert sorted(times) == [1, 2]
    values = np.array([[1.0, 2.0, 4.0]])
    cells = drawn.points_RK[0]
    means = [values[0, cells == p].mean() for p in range(2)]
    assert drawn.unpack(values)[:, 0] == pytest.approx(means)
    errors = np.array([[0.3, 0.4, 0.5]])
    wanted = [np.sqrt((errors[0, cells == p] ** 2).sum()) / times[p] for p in range(2)]
    assert drawn.unpack_errors(errors)[:, 0] == pytest.approx(wanted)
