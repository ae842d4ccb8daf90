"""The data sets that come with the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_moons
from sklearn.svm import SVC

from qmoe_qiskit.data import DATASETS, Dataset, list_datasets, load_dataset, split_dataset
from qmoe_qiskit.data.registry import DatasetEntry
from qmoe_qiskit.errors import DataError, InputError

GENERATED = ("moons", "circles", "xor", "spirals")
DIGITS = ("digits", "digits10")


def test_the_list_names_what_can_be_loaded() -> None:
    assert list_datasets() == (*GENERATED, *DIGITS)


@pytest.mark.parametrize("name", [*GENERATED, *DIGITS])
def test_every_data_set_is_whole(name: str) -> None:
    dataset = load_dataset(name)
    n_rows, n_features = dataset.features_NF.shape
    assert dataset.name == name
    assert dataset.features_NF.dtype == np.float64
    assert np.isfinite(dataset.features_NF).all()
    assert dataset.labels_N.shape == (n_rows,)
    assert dataset.labels_N.dtype == np.int64
    assert len(set(dataset.feature_names)) == n_features
    assert dataset.source


@pytest.mark.parametrize("name", [*GENERATED, *DIGITS])
def test_the_seed_decides_the_rows(name: str, seed: int) -> None:
    first, again = (load_dataset(name, n_samples=60, seed=seed) for _ in range(2))
    other = load_dataset(name, n_samples=60, seed=seed - 1)
    assert first.content_hash == again.content_hash
    assert first.content_hash != other.content_hash
    assert str(seed) in first.source


@pytest.mark.parametrize("name", [*GENERATED, *DIGITS])
def test_the_number_of_rows_is_kept_and_classes_are_balanced(name: str) -> None:
    n_classes = 10 if name == "digits10" else 2
    for n_samples in (n_classes, 31, 64):
        dataset = load_dataset(name, n_samples=n_samples)
        counts_C = np.bincount(dataset.labels_N)
        assert dataset.labels_N.size == n_samples
        assert counts_C.size == n_classes
        assert np.ptp(counts_C) <= 1


@pytest.mark.parametrize("name", GENERATED)
def test_generated_data_sets_have_500_points_by_default(name: str) -> None:
    assert load_dataset(name).features_NF.shape == (500, 2)


def test_moons_are_those_of_the_paper() -> None:
    features_NF, labels_N = make_moons(n_samples=500, noise=0.1, random_state=42)
    moons = load_dataset("moons")
    np.testing.assert_array_equal(moons.features_NF, features_NF)
    np.testing.assert_array_equal(moons.labels_N, labels_N)
    assert moons.source == "sklearn.datasets.make_moons(n_samples=500, noise=0.1, random_state=42)"


def test_xor_is_one_where_the_signs_differ() -> None:
    xor = load_dataset("xor", n_samples=1000)
    np.testing.assert_array_equal(xor.labels_N, xor.features_NF.prod(axis=1) < 0)
    assert np.abs(xor.features_NF).max() <= 1


@pytest.mark.parametrize("name", GENERATED)
def test_a_kernel_method_separates_the_generated_classes(name: str) -> None:
    """The classes must be learnable: held-out accuracy is far above what noise costs."""
    split = split_dataset(load_dataset(name, n_samples=1000))
    model = SVC(C=100, gamma=10).fit(split.train.features_NF, split.train.labels_N)
    assert model.score(split.test.features_NF, split.test.labels_N) > 0.95


@pytest.mark.parametrize(("name", "n_classes"), [("digits", 2), ("digits10", 10)])
def test_digits_are_pooled_by_the_mean_of_two_by_two(name: str, n_classes: int) -> None:
    source = load_digits()
    kept_N = source.target < n_classes
    digits = load_dataset(name)
    np.testing.assert_array_equal(digits.labels_N, source.target[kept_N])
    for row in range(4):
        for column in range(4):
            corners = [
                source.images[kept_N, 2 * row + below, 2 * column + right]
                for below in (0, 1)
                for right in (0, 1)
            ]
            pooled_N = digits.features_NF[:, digits.feature_names.index(f"pixel_{row}_{column}")]
            np.testing.assert_allclose(pooled_N, sum(corners) / 4, rtol=1e-15)


def test_a_part_of_the_digits_consists_of_their_rows() -> None:
    whole = load_dataset("digits10")
    part = load_dataset("digits10", n_samples=200)
    rows, taken = (
        np.column_stack((dataset.features_NF, dataset.labels_N)).tolist()
        for dataset in (whole, part)
    )
    assert all(row in rows for row in taken)
    assert "200 of 1797 rows, stratified, seed=42" in part.source


def test_more_digits_than_there_are_is_refused() -> None:
    with pytest.raises(DataError, match=r"digits has 360 rows, fewer than n_samples=361"):
        load_dataset("digits", n_samples=361)
    assert load_dataset("digits", n_samples=360).labels_N.size == 360


@pytest.mark.parametrize(("name", "n_classes"), [("moons", 2), ("xor", 2), ("digits10", 10)])
def test_fewer_rows_than_classes_is_refused(name: str, n_classes: int) -> None:
    with pytest.raises(DataError, match=rf"{name} has {n_classes} classes.*got {n_classes - 1}"):
        load_dataset(name, n_samples=n_classes - 1)


@pytest.mark.parametrize("n_samples", [0, -3, 2.5, True])
def test_a_number_of_rows_that_is_none_is_refused(n_samples: int) -> None:
    with pytest.raises(InputError, match=f"n_samples must be .* at least 1, got {n_samples}"):
        load_dataset("moons", n_samples=n_samples)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, True, "7"])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(InputError, match=r"seed must be a whole number from 0 to 4294967295, got"):
        load_dataset("xor", seed=seed)


def test_an_unknown_name_lists_the_known_and_suggests_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        load_dataset("mons")
    message = str(caught.value)
    assert "unknown dataset 'mons'" in message
    assert all(name in message for name in list_datasets())
    assert "did you mean 'moons'?" in message
    assert ".parquet or .npz file is accepted too" in message


@pytest.mark.parametrize("name", ["", "no\0name", "n" * 5000])
def test_a_name_that_can_be_no_path_is_unknown(name: str) -> None:
    with pytest.raises(InputError, match="unknown dataset"):
        load_dataset(name)


def test_a_known_name_wins_over_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("moons").write_text("x,y\n1,2\n")
    assert load_dataset("moons").labels_N.size == 500
    assert load_dataset(Path("moons")).labels_N.size == 500
    with pytest.raises(DataError, match="cannot be read: save it as"):
        load_dataset("./moons")


def test_a_target_does_not_go_with_a_built_in_data_set() -> None:
    with pytest.raises(DataError, match=r"target 'label' .* built-in data set 'moons'.*leave it"):
        load_dataset("moons", target="label")


def test_a_data_set_is_added_in_one_place() -> None:
    def line(name: str, n_samples: int | None, seed: int) -> Dataset:
        positions_N1 = np.arange(n_samples or 10, dtype=float)[:, None] + seed
        return Dataset(
            name=name,
            features_NF=positions_N1,
            labels_N=np.arange(len(positions_N1)) % 2,
            feature_names=("x",),
            target_name="parity",
            source="counted",
        )

    entry = DatasetEntry(name="line", help="points in a row", load=line, generated=True)
    DATASETS.register(entry)
    try:
        assert "line" in list_datasets()
        assert load_dataset("line", n_samples=4, seed=1).features_NF.tolist() == [
            [1],
            [2],
            [3],
            [4],
        ]
    finally:
        del DATASETS._entries["line"]
