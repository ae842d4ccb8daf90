"""Whatever bytes a file holds, it is loaded or refused as data: nothing else escapes."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

CELLS = st.one_of(
    st.sampled_from(["", " ", "0", "1", "-2.5", "1e999", "nan", "True", "x", '"', '""', "\0", "é"]),
    st.text(max_size=4),
)
TABLES = st.builds(
    lambda rows, end: end.join(["a,b,y", *map(",".join, rows)]).encode("utf-8", "surrogatepass"),
    st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=6),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
)


def npy(array: np.ndarray[Any, Any]) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as file:
        for name, member in members.items():
            # Of one date: the processes of a suite must give its tests the same names.
            file.writestr(zipfile.ZipInfo(name), member, compression)
    return content.getvalue()


X = npy(np.array([[0.5, 1.5], [2.5, 3.5]]))
Y = npy(np.array(["a", "b"]))
ARCHIVES = [
    archive({"X.npy": X, "y.npy": Y}, compression)
    for compression in (
        zipfile.ZIP_STORED,
        zipfile.ZIP_DEFLATED,
        zipfile.ZIP_BZIP2,
        zipfile.ZIP_LZMA,
    )
]
HEADERS = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60).map(str.encode),
    st.builds(
        "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}".format,
        st.sampled_from(
            ["'<f8'", "'|O'", "'<U1'", "'|V0'", "'<U0'", "''", "[('a', '<f8')]", "[]", "(((", "5"]
        ),
        st.sampled_from(["True", "False", "1", "None"]),
        st.sampled_from(["(2, 2)", "(2,)", "()", "(-1, 2)", "(10**9,)", "(9999999999999999, 99)",
                         "(1L,)", "2", "('a',)", "(True, 2)", "(0, 2)"]),
    ).map(str.encode),
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, contents: list[bytes]) -> bytes:
    """One of the contents with some bytes replaced, or cut short."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(0, 4))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def load_or_refuse(path: Path, content: bytes, target: str | None) -> None:
    path.write_bytes(content)
    try:
        dataset = load_dataset(path, target=target)
    except DataError as error:
        assert path.name in str(error)  # noqa: PT017
        str(error).encode()  # can be printed
    else:
        assert np.isfinite(dataset.features_NF).all()
        assert dataset.features_NF.size > 0
        assert len(set(dataset.labels_N.tolist())) >= 2
        assert len(dataset.content_hash) == 64


@given(content=st.one_of(st.binary(max_size=80), TABLES, damaged([b"a,y\n1,0\n2,1\n"])))
@example(content="a,y\n1,0\n2,1\n".encode("utf-16"))
def test_any_bytes_as_csv(content: bytes, folder: Path) -> None:
    load_or_refuse(folder / "any.csv", content, "y")


@given(content=st.one_of(st.binary(max_size=80), damaged(ARCHIVES)))
def test_any_bytes_as_archive(content: bytes, folder: Path) -> None:
    load_or_refuse(folder / "any.npz", content, None)


@given(features=damaged([X]), labels=damaged([Y]))
@example(features=b"", labels=b"no array")
def test_any_bytes_as_arrays_of_a_sound_archive(
    features: bytes, labels: bytes, folder: Path
) -> None:
    load_or_refuse(folder / "any.npz", archive({"X.npy": features, "y.npy": labels}), None)
    load_or_refuse(folder / "any.npz", archive({"X.npy": X, "y.npy": labels}), None)


@given(header=HEADERS, version=st.integers(0, 4), data=st.binary(max_size=40))
def test_any_header_of_an_array(header: bytes, version: int, data: bytes, folder: Path) -> None:
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    array = b"\x93NUMPY" + bytes([version, 0]) + length + header + data
    load_or_refuse(folder / "any.npz", archive({"X.npy": array, "y.npy": Y}), None)
    load_or_refuse(folder / "any.npz", archive({"X.npy": X, "y.npy": array}), None)


@pytest.mark.parametrize("content", ARCHIVES)
def test_the_undamaged_archives_are_sound(content: bytes, folder: Path) -> None:
    (folder / "sound.npz").write_bytes(content)
    assert load_dataset(folder / "sound.npz").labels_N.tolist() == ["a", "b"]
