"""NumPy archives: what is accepted, and what every refusal says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qmoe_qiskit.data import Dataset, load_dataset
from qmoe_qiskit.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

X = np.array([[0.5, 1.5], [2.5, -3.5], [4.0, 5.0]])
Y = np.array([0, 1, 1])


def load(folder: Path, target: str | None = None, /, **arrays: Any) -> Dataset:
    path = folder / "table.npz"
    np.savez(path, **arrays)
    return load_dataset(path, target=target)


def refusal(folder: Path, target: str | None = None, /, **arrays: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(folder, target, **arrays)
    assert "table.npz" in str(caught.value)
    return str(caught.value)


def refusal_of(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_dataset(path)
    return str(caught.value)


@pytest.mark.parametrize(("features", "labels"), [("X", "y"), ("features", "labels")])
def test_either_pair_of_names_is_read(features: str, labels: str, tmp_path: Path) -> None:
    dataset = load(tmp_path, None, **{features: X, labels: Y, "more": np.arange(7)})
    np.testing.assert_array_equal(dataset.features_NF, X)
    np.testing.assert_array_equal(dataset.labels_N, Y)
    assert dataset.feature_names == ("x0", "x1")
    assert (dataset.name, dataset.target_name, dataset.source) == ("table", labels, "table.npz")


def test_the_target_names_the_labels(tmp_path: Path) -> None:
    dataset = load(tmp_path, "kind", X=X, y=Y, kind=np.array(["a", "b", "c"]))
    assert dataset.labels_N.tolist() == ["a", "b", "c"]
    assert dataset.target_name == "kind"
    assert load(tmp_path, "kind", features=X, kind=Y).labels_N.tolist() == [0, 1, 1]


@pytest.mark.parametrize("dtype", ["?", "i1", ">u2", ">f8", "f2", "g"])
def test_any_type_of_number_is_read(dtype: str, tmp_path: Path) -> None:
    dataset = load(tmp_path, X=np.array([[0, 1], [1, 0]]).astype(dtype), y=Y[:2])
    assert dataset.features_NF.dtype == np.dtype("=f8")
    np.testing.assert_array_equal(dataset.features_NF, [[0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("labels_N", "expected"),
    [
        (np.array([1.0, 2.0, 3.0], dtype=np.float32), [1, 2, 3]),
        (np.array([True, False, True]), [True, False, True]),
        (np.array([1, 2, 3], dtype=">i4"), [1, 2, 3]),
        (np.array([2**64 - 1, 0, 1], dtype=np.uint64), [2**64 - 1, 0, 1]),
        (np.array(["a", "bc", "a"]), ["a", "bc", "a"]),
        (np.array(["ä".encode(), b"b", b"c"]), ["ä", "b", "c"]),
    ],
)
def test_labels_are_kept_and_whole_floats_become_integers(
    labels_N: np.ndarray[Any, Any], expected: list[object], tmp_path: Path
) -> None:
    found = load(tmp_path, X=X, y=labels_N).labels_N
    assert found.tolist() == expected
    assert list(map(type, found.tolist())) == list(map(type, expected))
    assert found.dtype.isnative


@pytest.mark.parametrize(
    ("arrays", "facts"),
    [
        ({"X": X}, ["'X' and 'y'", "'features' and 'labels'", "holds 'X'", "target"]),
        ({"X": X, "labels": Y}, ["'X' and 'y'", "holds 'X', 'labels'"]),
        ({"X": X[:, 0], "y": Y}, ["'X'", "shape (3,)", "two axes", "reshape"]),
        ({"X": X[None], "y": Y}, ["'X'", "shape (1, 3, 2)", "two axes"]),
        ({"X": X[:0], "y": Y[:0]}, ["'X'", "(0, 2)", "no rows"]),
        ({"X": X[:, :0], "y": Y}, ["'X'", "(3, 0)", "no feature columns"]),
        ({"X": X.astype(str), "y": Y}, ["'X'", "<U32", "must be numbers"]),
        ({"X": X.astype(complex), "y": Y}, ["'X'", "complex128", "must be numbers"]),
        ({"X": X.astype("M8[s]"), "y": Y}, ["'X'", "datetime64", "must be numbers"]),
        ({"X": X.astype(object), "y": Y}, ["'X'", "Python objects", "run code"]),
        ({"X": X, "y": Y.astype(object)}, ["'y'", "Python objects", "run code"]),
        ({"X": X, "y": Y[:2]}, ["'y'", "shape (2,)", "3 rows", "(3,)"]),
        ({"X": X, "y": Y[:, None]}, ["'y'", "shape (3, 1)", "(3,)"]),
        ({"X": X, "y": np.eye(3)}, ["'y'", "shape (3, 3)", "(3,)"]),
        ({"X": X, "y": Y.astype(complex)}, ["y[0]", "complex128", "not accepted"]),
        ({"X": X, "y": Y + 0.5}, ["y[0]", "0.5", "regression"]),
        ({"X": X, "y": np.array([0, 1, np.nan])}, ["y[2]", "nan", "not a finite"]),
        ({"X": X, "y": np.array([0, 1e300, 1])}, ["y[1]", "1e+300", "2**53"]),
        ({"X": X, "y": np.array(["a", "", "b"])}, ["y[1]", "empty"]),
        ({"X": X, "y": np.array([b"a", b"\xff", b"b"])}, ["y[1]", "Unicode"]),
        ({"X": X, "y": np.array(["a", "\ud800", "b"])}, ["y[1]", "Unicode"]),
        ({"X": X, "y": np.zeros(3, dtype=int)}, ["'y'", "every row has the label 0"]),
    ],
)
def test_every_refusal_says_where_and_why(
    arrays: dict[str, Any], facts: list[str], tmp_path: Path
) -> None:
    message = refusal(tmp_path, **arrays)
    assert [fact for fact in facts if fact not in message] == [], message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_feature_that_is_not_finite_is_named_by_row_and_column(
    value: float, tmp_path: Path
) -> None:
    features_NF = X.copy()
    features_NF[2, 0] = value
    message = refusal(tmp_path, X=features_NF, y=Y)
    assert "X[2, 0] (row 2, column 0, from 0)" in message
    assert f"{value}, not a finite number" in message


def test_a_number_too_large_for_float64_is_refused(tmp_path: Path) -> None:
    too_large = np.array([[1, 2], [3, 4]], dtype=np.longdouble) * np.finfo(np.float64).max
    if np.isinf(too_large).any():
        pytest.skip("long double is float64 here")
    assert "not a finite number" in refusal(tmp_path, X=too_large, y=Y[:2])


def test_code_points_that_are_no_characters_are_refused(tmp_path: Path) -> None:
    labels_N = np.frombuffer(np.array([65, 2**32 - 1, 66], dtype="u4").tobytes(), dtype="U1")
    assert "y[1]: the label is not valid Unicode" in refusal(tmp_path, X=X, y=labels_N)


def test_an_absent_target_lists_the_arrays_and_suggests_the_nearest(tmp_path: Path) -> None:
    message = refusal(tmp_path, "classs", X=X, classes=Y)
    assert "unknown target 'classs'" in message
    assert "known are X, classes" in message
    assert "did you mean 'classes'?" in message


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.npz"
    assert "is not an .npz archive" in refusal_of(path, b"a,y\n1,0\n")
    assert "is empty" in refusal_of(path, b"")
    np.save(tmp_path / "array.npy", X)
    assert "is not an .npz archive" in refusal_of(path, (tmp_path / "array.npy").read_bytes())
    np.savez(path, X=X, y=Y)
    assert "is not an .npz archive" in refusal_of(path, path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"absent\.npz' does not exist"):
        load_dataset(tmp_path / "absent.npz")
