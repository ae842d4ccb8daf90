"""The split into training and test rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmoe_qiskit.data import Dataset, split_dataset
from qmoe_qiskit.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


def numbered(labels: Sequence[object]) -> Dataset:
    """A data set whose only feature is the row's number."""
    return Dataset(
        name="numbered",
        features_NF=np.arange(len(labels), dtype=np.float64)[:, None],
        labels_N=np.array(labels),
        feature_names=("row",),
        target_name="kind",
        source="test",
    )


def rows(dataset: Dataset) -> list[int]:
    return [int(row) for row in dataset.features_NF[:, 0]]


@given(
    counts_C=st.lists(st.integers(2, 40), min_size=1, max_size=6),
    test_fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_parts_make_up_the_whole_and_both_have_every_class(
    counts_C: list[int], test_fraction: float, seed: int
) -> None:
    n_rows, n_classes = sum(counts_C), len(counts_C)
    labels_N = np.repeat(np.arange(n_classes), counts_C)
    dataset = numbered(np.random.default_rng(seed).permutation(labels_N).tolist())
    split = split_dataset(dataset, test_fraction=test_fraction, seed=seed)
    assert sorted(rows(split.train) + rows(split.test)) == list(range(n_rows))
    for part in (split.train, split.test):
        assert rows(part) == sorted(rows(part))
        np.testing.assert_array_equal(part.labels_N, dataset.labels_N[rows(part)])
        assert set(part.labels_N) == set(range(n_classes))
        assert (part.name, part.feature_names) == ("numbered", ("row",))
    expected = np.clip(round(test_fraction * n_rows), n_classes, n_rows - n_classes)
    assert split.test.labels_N.size == expected


@pytest.mark.parametrize("test_fraction", [0.1, 0.25, 0.5, 0.8])
def test_classes_keep_their_shares(test_fraction: float, seed: int) -> None:
    counts_C = np.array([400, 100, 20])
    dataset = numbered(np.repeat(["a", "b", "c"], counts_C).tolist())
    split = split_dataset(dataset, test_fraction=test_fraction, seed=seed)
    _, held_out_C = np.unique(split.test.labels_N, return_counts=True)
    assert np.abs(held_out_C - test_fraction * counts_C).max() <= 1


def test_a_quarter_is_held_out_by_default() -> None:
    assert split_dataset(numbered([0, 1] * 50)).test.labels_N.size == 25


def test_the_seed_decides_the_rows(seed: int) -> None:
    dataset = numbered([0, 1] * 50)
    first, again, other = (split_dataset(dataset, seed=s) for s in (seed, seed, seed - 1))
    assert rows(first.test) == rows(again.test) != rows(other.test)
    assert f"test_fraction=0.25, seed={seed}" in first.test.source
    assert first.test.source != first.train.source


def test_every_row_is_held_out_as_often_as_any_other() -> None:
    """400 splits: each row's count is binomial(400, 1/4), sd 8.7; 6 sd fails once in 10^7 runs."""
    dataset = numbered([0] * 20 + [1] * 20)
    counts_N = np.zeros(40)
    for seed in range(400):
        counts_N[rows(split_dataset(dataset, seed=seed).test)] += 1
    assert np.abs(counts_N - 100).max() < 6 * np.sqrt(400 * 0.25 * 0.75)


def test_a_class_of_one_row_is_named() -> None:
    with pytest.raises(DataError) as caught:
        split_dataset(numbered(["cat"] * 5 + ["dog"] + ["cow"] * 2))
    message = str(caught.value)
    assert "numbered: 1 of 3 classes of 'kind' in 8 rows have a single row ('dog')" in message
    assert "another target" not in message


def test_a_class_for_every_row_hints_at_the_target() -> None:
    with pytest.raises(DataError) as caught:
        split_dataset(numbered(list(range(9))))
    message = str(caught.value)
    assert "9 of 9 classes" in message
    assert "(0, 1, 2, 3, 4, ...)" in message
    assert "name another target" in message


@pytest.mark.parametrize("test_fraction", [0, 1, -0.1, 1.5, 25, float("nan")])
def test_a_share_out_of_range_is_refused(test_fraction: float) -> None:
    with pytest.raises(InputError, match=f"between 0 and 1, both excluded, got {test_fraction}"):
        split_dataset(numbered([0, 1] * 5), test_fraction=test_fraction)


def test_a_seed_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match=r"seed must be a whole number from 0 .* got -1"):
        split_dataset(numbered([0, 1] * 5), seed=-1)
