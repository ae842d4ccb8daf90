"""CSV files: what is accepted, and what every refusal says."""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmoe_qiskit.data import Dataset, load_dataset
from qmoe_qiskit.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def load(folder: Path, text: str | bytes, target: str | None = "y") -> Dataset:
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_dataset(path, target=target)


def refusal(folder: Path, text: str | bytes, target: str | None = "y") -> str:
    with pytest.raises(DataError) as caught:
        load(folder, text, target)
    assert "table.csv" in str(caught.value)
    return str(caught.value)


def test_a_file_becomes_a_data_set(tmp_path: Path) -> None:
    dataset = load(tmp_path, "a,y,b\n1,cat,0.5\n-2e3,dog,+.25\n")
    np.testing.assert_array_equal(dataset.features_NF, [[1, 0.5], [-2000, 0.25]])
    assert dataset.features_NF.dtype == np.float64
    assert dataset.labels_N.tolist() == ["cat", "dog"]
    assert dataset.feature_names == ("a", "b")
    assert (dataset.name, dataset.target_name, dataset.source) == ("table", "y", "table.csv")


def test_semicolons_stand_for_commas_if_the_header_has_none(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.5, 2.0], "b, in m": [3.0, 4.0], "y": ["x; y", "z"]})
    spaced = "a; b; y\n1; 2; cat\n3; 4; dog\n"
    assert load(tmp_path, spaced).labels_N.tolist() == ["cat", "dog"]
    dataset = load(tmp_path, frame[["a", "y"]].to_csv(sep=";", index=False))
    np.testing.assert_array_equal(dataset.features_NF, frame[["a"]])
    assert dataset.labels_N.tolist() == ["x; y", "z"]
    # A comma anywhere in the header: it is taken as it is, and names what does not fit.
    assert "line 2" in refusal(tmp_path, frame.to_csv(sep=";", index=False))


@given(
    features_NF=st.lists(st.tuples(FINITE, FINITE), min_size=2, max_size=8),
    names=st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)
        .map(str.strip)
        .filter(lambda name: name and name != "y" and not name.startswith("\ufeff")),
        min_size=2,
        max_size=2,
        unique=True,
    ),
)
def test_what_was_written_is_read_bit_for_bit(
    features_NF: list[tuple[float, float]],
    names: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*names, "y"])
        writer.writerows([*row, index % 2] for index, row in enumerate(features_NF))
    dataset = load_dataset(path, target="y")
    assert dataset.features_NF.tobytes() == np.array(features_NF).tobytes()
    assert dataset.feature_names == tuple(names)


def test_what_spreadsheets_write_is_read(tmp_path: Path) -> None:
    text = '\ufeff"a, cm", b ,y\r\n"1","2",  "x, y"\r\n\r\n3, 4 ,z \r\n,,\r\n'
    dataset = load(tmp_path, text)
    assert dataset.feature_names == ("a, cm", "b")
    np.testing.assert_array_equal(dataset.features_NF, [[1, 2], [3, 4]])
    assert dataset.labels_N.tolist() == ["x, y", "z"]


def test_the_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    path = tmp_path / "TABLE.CSV"
    path.write_text("a,y\n1,0\n2,1\n")
    assert load_dataset(str(path), target="y").name == "TABLE"


def test_true_and_false_are_one_and_zero(tmp_path: Path) -> None:
    dataset = load(tmp_path, "a,b,y\nTrue,FALSE,0\nfalse,true,1\n")
    np.testing.assert_array_equal(dataset.features_NF, [[1, 0], [0, 1]])


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (("3", "-4"), [3, -4]),
        (("1.0", "2"), [1, 2]),
        (("1e2", "0"), [100, 0]),
        (("True", "false"), [True, False]),
        (("yes", "no"), ["yes", "no"]),
        (("1", "one"), ["1", "one"]),
        (("1.5", "one"), ["1.5", "one"]),
        (("1_0", "2"), ["1_0", "2"]),
        (("01", "1"), ["01", "1"]),
        (("007", "0"), ["007", "0"]),
        (("0.5e1", "0"), [5, 0]),
        (("é", "猫"), ["é", "猫"]),
    ],
)
def test_labels_get_the_type_that_all_of_them_have(
    cells: tuple[str, str], labels: list[object], tmp_path: Path
) -> None:
    found = load(tmp_path, f"a,y\n1,{cells[0]}\n2,{cells[1]}\n").labels_N.tolist()
    assert found == labels
    assert list(map(type, found)) == list(map(type, labels))


def test_a_target_in_a_header_of_numbers_is_found(tmp_path: Path) -> None:
    assert load(tmp_path, "0,1,2\n5,6,0\n7,8,1\n", "2").feature_names == ("0", "1")


def test_a_stratified_part_of_a_file_can_be_drawn(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,y\n" + "".join(f"{row},{row % 10 == 0}\n" for row in range(100)))
    dataset = load_dataset(path, target="y", n_samples=20, seed=1)
    assert np.bincount(dataset.labels_N).tolist() == [18, 2]
    assert dataset.source == "table.csv; 20 of 100 rows, stratified, seed=1"
    with pytest.raises(DataError, match="table has 100 rows, fewer than n_samples=101"):
        load_dataset(path, target="y", n_samples=101)


@pytest.mark.parametrize(
    ("cell", "facts"),
    [
        ("red", ["'red'", "not a number"]),
        ("True", ["'True'", "not a number"]),
        ("1_000", ["'1_000'", "not a number"]),
        ("1;5", ["'1;5'", "not a number"]),
        ("", ["missing"]),
        ("   ", ["missing"]),
        ("nan", ["'nan'", "not a finite number"]),
        ("-inf", ["'-inf'", "not a finite number"]),
        ("1e999", ["'1e999'", "not a finite number"]),
        ("word" * 1000, ["'wordword", "...", "not a number"]),
    ],
)
def test_a_feature_that_is_no_number_is_named_by_line_and_column(
    cell: str, facts: list[str], tmp_path: Path
) -> None:
    message = refusal(tmp_path, f"a,b,y\n1,2,0\n3,{cell},1\n5,bad,0\n")
    assert "line 3" in message
    assert "column 'b'" in message
    assert all(fact in message for fact in facts)
    assert len(message) < 300 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ("a,b,y\n", 2),
        ("\n\na,b,y\n", 4),
        ("a,b,y\r\n1,2,0\r\n", 3),
        ("a,b,y\r1,2,0\r", 3),
        ("a,b,y\n\n1,2,0\n \n,,\n", 6),
        ('a,b,y\n1,2,"two\nlines"\n', 4),
        ('a,"b\n",y\n1,2,"two\r\n\r\nlines"\n\n', 7),
    ],
)
def test_lines_are_those_of_the_file(before: str, line: int, tmp_path: Path) -> None:
    assert f"line {line}, column 'a'" in refusal(tmp_path, before + "bad,2,1\n3,4,5\n")
    assert f"line {line}: the number of fields is 4 here" in refusal(tmp_path, before + "1,2,3,4\n")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("a,y\n1,0\n2\n", ["line 3", "1 here", "2 in the header"]),
        ("a,y\n1,0,7\n", ["line 2", "3 here", "2 in the header"]),
        ("a,y\n1,\n2,0\n", ["line 2", "column 'y'", "label is missing"]),
        ("a,y\n1,0\n2,nan\n", ["line 3", "column 'y'", "nan", "not a finite"]),
        ("a,y\n1,0\n2,inf\n", ["line 3", "column 'y'", "inf", "not a finite"]),
        ("a,y\n1,0\n2,0.5\n", ["line 3", "column 'y'", "0.5", "classes", "regression"]),
        ("a,y\n1,0\n2,99999999999999999999\n", ["line 3", "1e+20", "2**53"]),
        ("a,y\n1,0\n2,0\n", ["'y'", "every row has the label 0", "two classes"]),
        ("a,y\n1,cat\n", ["every row has the label 'cat'", "two classes"]),
        ("a,y\n", ["a header and no rows"]),
        ("\n\n", ["no header"]),
        ("\ufeff", ["no header"]),
        ("y\n0\n1\n", ["no feature columns", "'y'"]),
        ("a,a,y\n1,2,0\n", ["two columns named 'a'"]),
        ("1,1,0\n1,2,0\n", ["two columns named '1'", "is the header line missing?"]),
        ("a,,y\n1,2,0\n", ["column 2 has no name"]),
        (",a,y\n0,1,0\n", ["column 1 has no name", "index=False"]),
        ('"a;b"\n"1;2"\n', ["no comma", "';'"]),
        ("a;b;y\n1;2\n", ["line 2", "2 here", "3 in the header"]),
        ("a;b;y\n1,5;2;0\n", ["line 2", "column 'a'", "'1,5'", "write a point, not a comma"]),
        ("a\tb\ty\n1\t2\t0\n", ["no comma", r"'\t'"]),
        ("1.5,2.5,0\n2,3,1\n", ["first line is made of numbers", "'1.5'", "header"]),
        ("a,Y\n1,0\n2,1\n", ["unknown target 'y'", "a", "Y"]),
        ('a,y\n1,0\n2,"open\n3,1\n', ["line 3", "cannot be read"]),
        ('a,y\n1,"x"z\n', ["line 2", "cannot be read"]),
        ("a,y\n1," + "z" * 200_000 + "\n", ["line 2", "cannot be read", "field"]),
        ("a,y\n1,0\0\n", ["NUL", "UTF-8"]),
        ("a,y\n1,é\n".encode("latin-1"), ["not UTF-8", "byte 6", "0xe9", "save it"]),
        ("a,y\n1,0\n".encode("utf-16"), ["not UTF-8", "0xff"]),
        (b"", ["is empty"]),
    ],
)
def test_every_refusal_says_where_and_why(
    text: str | bytes, facts: list[str], tmp_path: Path
) -> None:
    message = refusal(tmp_path, text)
    assert [fact for fact in facts if fact not in message] == [], message


def test_an_absent_target_lists_the_columns_and_suggests_the_nearest(tmp_path: Path) -> None:
    message = refusal(tmp_path, "width,height,species\n1,2,a\n", "specie")
    assert "unknown target 'specie'" in message
    assert all(name in message for name in ("width", "height", "species"))
    assert "did you mean 'species'?" in message


def test_a_target_is_asked_for_with_the_columns(tmp_path: Path) -> None:
    message = refusal(tmp_path, "width,species\n1,a\n", None)
    assert "needs a target" in message
    assert "'width', 'species'" in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.csv' does not exist"):
        load_dataset(tmp_path / "absent.csv", target="y")


@pytest.mark.parametrize("name", ["folder", "folder.csv", "folder.npz"])
def test_a_folder_is_no_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=f"{name}' is a folder"):
        load_dataset(tmp_path / name, target="y")


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"table\.xlsx' cannot be read: save it as a \.csv"):
        load_dataset(tmp_path / "table.xlsx", target="y")


def test_other_failures_of_the_system_are_told(tmp_path: Path) -> None:
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    with pytest.raises(DataError, match=r"loop\.csv' cannot be read: .*symbolic links"):
        load_dataset(loop, target="y")
    with pytest.raises(DataError, match="is no path"):
        load_dataset("null\0.csv", target="y")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read any file"
)
def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    path = tmp_path / "secret.csv"
    path.write_text("a,y\n1,0\n")
    path.chmod(0)
    with pytest.raises(DataError, match="may not be read: check its permissions"):
        load_dataset(path, target="y")
