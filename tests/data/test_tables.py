"""Tables in other files than CSV, judged by pandas; and which of their columns are features."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from qmoe_qiskit import limits
from qmoe_qiskit.data import load_dataset, load_features
from qmoe_qiskit.data.table import stem_of, suffix_of
from qmoe_qiskit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME = pd.DataFrame({
    "id": ["r1", "r2", "r3", "r4"],
    "length": [1.5, -2.25, 1e-300, 4.0],
    "count": [3, 1, 4, 1],
    "is, open": [True, False, False, True],
    "kind": ["über", "a, b", "über", "a, b"],
})  # fmt: skip
FEATURES = ["length", "count", "is, open"]

WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".CSV.GZ": lambda frame, path: frame.to_csv(path, index=False, compression="gzip"),
    ".tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    ".tsv.gz": lambda frame, path: frame.to_csv(path, index=False, sep="\t", compression="gzip"),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
}


@pytest.fixture(params=WRITERS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[pd.DataFrame], Path]:
    def write(frame: pd.DataFrame) -> Path:
        path = tmp_path / f"rows{request.param}"
        WRITERS[request.param](frame, path)
        return path

    return write


def test_every_file_gives_the_same_rows(written: Callable[[pd.DataFrame], Path]) -> None:
    path = written(FRAME)
    dataset = load_dataset(path, target="kind", drop=["id"])
    expected = FRAME[FEATURES].to_numpy(dtype=np.float64)
    assert np.array_equal(dataset.features_NF, expected)
    assert dataset.labels_N.tolist() == FRAME["kind"].tolist()
    assert dataset.feature_names == tuple(FEATURES)
    assert dataset.ignored_columns == ("id",)
    assert dataset.name == "rows"
    same = load_dataset(path, target="kind", features=FEATURES)
    assert same.content_hash == dataset.content_hash
    two = load_dataset(path, target="is, open", features=["count", "length"])
    assert np.array_equal(two.features_NF, FRAME[["count", "length"]].to_numpy(dtype=np.float64))
    assert two.labels_N.tolist() == FRAME["is, open"].tolist()
    assert two.ignored_columns == ("id", "kind")

    rows = load_features(
        path, feature_names=["count"], target_name="kind", ignored=FEATURES, keep=["id", "count"]
    )
    assert rows.features_NF.tolist() == [[3], [1], [4], [1]]
    assert rows.kept == {"id": FRAME["id"].tolist(), "count": ["3", "1", "4", "1"]}
    with pytest.raises(DataError, match="unknown column to keep 'idd'"):
        load_features(path, feature_names=["count"], keep=["idd"])
    with pytest.raises(DataError, match="'id', 'length', 'is, open' not known to the model"):
        load_features(path, feature_names=["count"], target_name="kind")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (FRAME.assign(length=[1.0, np.nan, 2.0, 3.0]), "column 'length': the value is missing"),
        (FRAME.assign(length=[1.0, np.inf, 2.0, 3.0]), "column 'length': .*inf.* is not a finite"),
        (FRAME.assign(kind=["a", None, "b", "b"]), "column 'kind': the label is missing"),
        (FRAME.assign(kind=["a", "b", "", "b"]), "column 'kind': the label"),
        (FRAME.assign(kind=[0.5, 1.5, 1.0, 1.0]), "is not a whole number"),
        (FRAME.assign(length=list("wxyz")), "column 'length': .*number"),
        (FRAME.iloc[:0], "no rows"),
    ],
)
def test_what_is_no_number_or_label_is_refused(
    written: Callable[[pd.DataFrame], Path], frame: pd.DataFrame, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(written(frame), target="kind", drop=["id"])


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"features": ["lenght"]}, "unknown feature 'lenght': .*did you mean 'length'"),
        ({"drop": ["idd"]}, "unknown dropped column 'idd'"),
        ({"features": ["kind"]}, "'kind' is the target"),
        ({"features": ["count", "count"]}, "'count' is named twice"),
        ({"features": ["count"], "drop": ["count"]}, "both a feature and dropped"),
        ({"drop": ["id", *FEATURES]}, "has no feature columns left"),
        ({}, "'r1' is not a number"),
    ],
)
def test_a_choice_of_columns_that_is_refused(
    tmp_path: Path, chosen: dict[str, list[str]], message: str
) -> None:
    FRAME.to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(DataError, match=message):
        load_dataset(tmp_path / "rows.csv", target="kind", **chosen)


def test_columns_of_an_archive_and_of_built_in_data(tmp_path: Path) -> None:
    features_NF = np.arange(12.0).reshape(4, 3)
    np.savez(tmp_path / "a.npz", X=features_NF, y=[0, 1, 0, 1])
    dataset = load_dataset(tmp_path / "a.npz", features=["x2", "x0"])
    assert np.array_equal(dataset.features_NF, features_NF[:, [2, 0]])
    for columns in (slice(None), [2, 0]):
        np.savez(tmp_path / "b.npz", X=features_NF[:, columns])
        rows = load_features(tmp_path / "b.npz", feature_names=["x2", "x0"], ignored=["x1"])
        assert np.array_equal(rows.features_NF, features_NF[:, [2, 0]])
    np.savez(tmp_path / "b.npz", X=features_NF)
    with pytest.raises(DataError, match="trained on 2 features"):
        load_features(tmp_path / "b.npz", feature_names=["a", "b"], ignored=["c"])
    with pytest.raises(DataError, match="no columns of text to keep"):
        load_features(tmp_path / "b.npz", feature_names=["a"], keep=["id"])
    with pytest.raises(DataError, match="drop 'x0' does not go with the built-in"):
        load_dataset("moons", drop=["x0"])


def test_text_columns_of_parquet_in_other_types(tmp_path: Path) -> None:
    frame = pd.DataFrame({
        "a": pd.Series([1, 2, 3], dtype="Int8"),
        "b": np.array([0.5, 1.5, 2.5], dtype=np.float32),
        "c": ["true", "False", "TRUE"],
        "y": pd.Categorical(["no", "yes", "no"]),
    })  # fmt: skip
    frame.to_parquet(tmp_path / "a.parquet", row_group_size=2)  # dictionaries differ by group
    dataset = load_dataset(tmp_path / "a.parquet", target="y")
    assert dataset.features_NF.tolist() == [[1, 0.5, 1], [2, 1.5, 0], [3, 2.5, 1]]
    assert dataset.labels_N.tolist() == ["no", "yes", "no"]
    frame.assign(a=[[1], [2], [3]]).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError, match="column 'a': it holds lists or structures"):
        load_dataset(tmp_path / "b.parquet", target="y")
    frame.assign(a=pd.to_datetime(["2020", "2021", "2022"])).to_parquet(tmp_path / "c.parquet")
    with pytest.raises(DataError, match="column 'a': it holds values of type timestamp"):
        load_dataset(tmp_path / "c.parquet", target="y")


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FRAME.to_parquet(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match=r"needs pyarrow, which is not installed: .*'parquet'"):
        load_dataset(tmp_path / "a.parquet", target="kind")


def test_damaged_files(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    for cut in (content[:-20], content[: len(content) // 2], b"PAR1", b"a,b\n1,2\n"):
        (tmp_path / "b.parquet").write_bytes(cut)
        with pytest.raises(DataError, match="is not a Parquet file"):
            load_dataset(tmp_path / "b.parquet", target="kind")
    packed = gzip.compress(b"a,y\n1,0\n2,1\n")
    for cut in (packed[:-9], packed[:5], b"a,y\n1,0\n", packed[:12] + b"\xff" + packed[13:]):
        (tmp_path / "b.csv.gz").write_bytes(cut)
        with pytest.raises(DataError, match="cannot be unpacked"):
            load_dataset(tmp_path / "b.csv.gz", target="y")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(DataError, match="is empty"):
        load_dataset(tmp_path / "b.csv.gz", target="y")


def test_what_is_unpacked_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"a,y\n" + b"1.000000,0\n2.000000,1\n" * 10_000
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text))
    FRAME.loc[[0, 1] * 20_000].to_parquet(tmp_path / "a.parquet", use_dictionary=False)
    for name, limit in (("a.csv.gz", "TABLE_BYTES"), ("a.parquet", "ARCHIVE_BYTES")):
        for size, accepted in ((2**23, True), (2**16, False)):
            with monkeypatch.context() as patch:
                patch.setattr(limits, limit, size)
                target = "y" if name == "a.csv.gz" else "kind"
                if accepted:
                    features = ["a"] if name == "a.csv.gz" else ["count"]
                    load_dataset(tmp_path / name, target=target, features=features)
                else:
                    with pytest.raises(DataError, match=r"more than .*64 KiB.* unpacked"):
                        load_dataset(tmp_path / name, target=target)


def test_names_of_files() -> None:
    assert [suffix_of(Path(name)) for name in ("a.TSV.gz", "b.gz", "csv", ".csv")] == [
        ".tsv.gz", "", "", ".csv",
    ]  # fmt: skip
    assert [stem_of(name) for name in ("d/a.b.tsv.gz", "moons", "a.npz")] == ["a.b", "moons", "a"]


def test_tabs_and_commas_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\ty\n1\t0\n")
    with pytest.raises(DataError, match=r"no comma in its header but '\\t': name it \.tsv"):
        load_dataset(tmp_path / "a.csv", target="y")
    (tmp_path / "a.tsv").write_text("a,y\n1,0\n")
    with pytest.raises(DataError, match=r"no tab in its header but ',': name it \.csv"):
        load_dataset(tmp_path / "a.tsv", target="y")


def test_a_row_index_of_pandas_is_no_feature(tmp_path: Path) -> None:
    path = tmp_path / "selected.parquet"
    frame = FRAME[FRAME["length"] > 0].drop(columns="id")
    frame.to_parquet(path)  # with the numbers of the selected rows, in a column of its own
    dataset = load_dataset(path, target="kind")
    expected = pd.read_parquet(path)
    assert dataset.feature_names == tuple(expected.columns.drop("kind")) == tuple(FEATURES)
    assert np.array_equal(dataset.features_NF, expected[FEATURES].to_numpy(dtype=np.float64))
    table = load_features(path, feature_names=FEATURES[::-1], target_name="kind", keep=["count"])
    assert np.array_equal(table.features_NF, expected[FEATURES[::-1]].to_numpy(dtype=np.float64))
    assert table.kept == {"count": expected["count"].astype(str).tolist()}
    path = tmp_path / "named.parquet"
    frame.set_index("count").to_parquet(path)  # an index with a name is a column, as in CSV
    assert load_dataset(path, target="kind").feature_names == ("length", "is, open", "count")
