"""Rows to predict: columns are matched to the model's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qmoe_qiskit.data import FeatureTable, load_features
from qmoe_qiskit.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def csv_features(folder: Path, text: str, target_name: str | None = None) -> FeatureTable:
    path = folder / "rows.csv"
    path.write_text(text)
    return load_features(path, feature_names=("a", "b"), target_name=target_name)


def npz_features(
    folder: Path, arrays: dict[str, Any], target_name: str | None = None
) -> FeatureTable:
    path = folder / "rows.npz"
    np.savez(path, **arrays)
    return load_features(path, feature_names=("a", "b"), target_name=target_name)


def test_columns_are_matched_by_name(tmp_path: Path) -> None:
    table = csv_features(tmp_path, "b,a\n1,2\n3,4\n")
    np.testing.assert_array_equal(table.features_NF, [[2, 1], [4, 3]])
    assert table.labels_N is None
    assert table.source == "rows.csv"


def test_the_target_may_be_there_and_is_returned(tmp_path: Path) -> None:
    table = csv_features(tmp_path, "b,y,a\n1,cat,2\n", "y")
    np.testing.assert_array_equal(table.features_NF, [[2, 1]])
    assert table.labels_N is not None
    assert table.labels_N.tolist() == ["cat"]
    assert csv_features(tmp_path, "a,b\n1,2\n", "y").labels_N is None


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("a\n1\n", ["'a', 'b'", "'b' missing"]),
        ("a,b,c,y\n1,2,3,4\n", ["'a', 'b'", "'c', 'y' not known to the model"]),
        ("a,B\n1,2\n", ["'b' missing", "'B' not known"]),
        ("1,2\n3,4\n", ["first line is made of numbers", "header"]),
        ("a,b\n1,2\n3,x\n", ["line 3", "column 'b'", "'x'"]),
        ("a,b\n1,nan\n", ["line 2", "column 'b'", "'nan'"]),
        ("a,b\n", ["no rows"]),
    ],
)
def test_columns_that_do_not_fit_are_told(text: str, facts: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        csv_features(tmp_path, text)
    message = str(caught.value)
    assert [fact for fact in facts if fact not in message] == [], message


def test_many_columns_are_cut_in_the_message(tmp_path: Path) -> None:
    header = ",".join(f"c{column}" for column in range(30))
    with pytest.raises(DataError, match=r"'c19' and 10 more not known to the model"):
        csv_features(tmp_path, f"a,b,{header}\n" + ",".join("0" * 32) + "\n")


@pytest.mark.parametrize("name", ["X", "features"])
def test_an_archive_is_matched_by_the_number_of_columns(name: str, tmp_path: Path) -> None:
    rows_NF = np.array([[1.0, 2.0], [3.0, 4.0]])
    table = npz_features(tmp_path, {name: rows_NF})
    np.testing.assert_array_equal(table.features_NF, rows_NF)
    assert table.labels_N is None
    with pytest.raises(DataError, match=rf"{name}' has shape \(2, 1\), .* trained on 2"):
        npz_features(tmp_path, {name: rows_NF[:, :1]})


def test_the_labels_of_an_archive_are_returned_when_asked_for(tmp_path: Path) -> None:
    rows_NF, labels_N = np.zeros((2, 2)), np.array([1, 0])
    for target_name in ("y", "kind"):
        table = npz_features(tmp_path, {"X": rows_NF, "y": labels_N}, target_name)
        assert table.labels_N is not None
        assert table.labels_N.tolist() == [1, 0]
    table = npz_features(tmp_path, {"X": rows_NF, "y": labels_N, "kind": labels_N + 5}, "kind")
    assert table.labels_N is not None
    assert table.labels_N.tolist() == [6, 5]
    assert npz_features(tmp_path, {"X": rows_NF, "y": labels_N}).labels_N is None
    assert npz_features(tmp_path, {"X": rows_NF}, "y").labels_N is None


def test_an_archive_without_features_lists_its_arrays(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'X' or 'features'; it holds 'rows'"):
        npz_features(tmp_path, {"rows": np.zeros((2, 2))})


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        load_features(tmp_path / "absent.csv", feature_names=("a",))
    with pytest.raises(DataError, match="is a folder"):
        load_features(tmp_path, feature_names=("a",))
    with pytest.raises(DataError, match="cannot be read: save it as"):
        load_features("moons", feature_names=("a",))
