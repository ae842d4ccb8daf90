"""Tables that unfold or are too large: one sentence each, within 5 s of processor time, 1 GiB."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.lib import format as npy

from qmoe_qiskit import limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def npy_header(shape: tuple[int, ...], descr: str = "<f8") -> bytes:
    buffer = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(buffer, header)
    return buffer.getvalue()


def bomb(header: bytes, n_mib: int) -> bytes:
    """An archive whose X unfolds into so many MiB of zeros; it takes a thousandth of that."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(header) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    body += block * n_mib + packer.flush()
    size = len(header) + n_mib * 2**20
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("y.npy", npy_header((2,), "<i8") + bytes(16))
        archive.writestr("X.npy", body)
    # The entry says "stored", of the packed size: let it say "deflated", of the unpacked one.
    data = bytearray(buffer.getvalue())
    for mark, method, at in ((b"PK\3\4", 8, 22), (b"PK\1\2", 10, 24)):
        start = data.rfind(mark)
        data[start + method : start + method + 2] = struct.pack("<H", zipfile.ZIP_DEFLATED)
        data[start + at : start + at + 4] = struct.pack("<I", size)
    return bytes(data)


def gzip_bomb(n_mib: int) -> bytes:
    """So many MiB of rows as gzip packs them, in a thousandth of that."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    begin = packer.compress(b"c0,y\n") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b"1,a\n" * 2**18) + packer.flush(zlib.Z_FULL_FLUSH)
    return begin + block * n_mib


def parquet_of(n_rows: int, label: str, **options: Any) -> bytes:
    """A Parquet file whose rows all have one label."""
    labels = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n_rows, np.int8)), pa.array([label]))
    buffer = io.BytesIO()
    features = pa.array(np.zeros(n_rows, np.int8))
    pq.write_table(pa.table({"c0": features, "y": labels}), buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("b.csv.gz", lambda: gzip_bomb(1024), "more than 128 MiB when it is unpacked"),
        ("b.tsv.gz", lambda: gzip_bomb(1) * 500, "cannot be unpacked"),
        ("b.csv.gz", lambda: gzip.compress(bytes(2**20)) * 1024, "more than 128 MiB when"),
        ("b.parquet", lambda: parquet_of(10**6, "b" * 10**6), "a text has 1000000 characters"),
        ("b.parquet", lambda: parquet_of(limits.CELLS // 2 + 1, "a"), "50 000 000 cells"),
        (
            "b.parquet",
            lambda: parquet_of(5400, "b" * 10**5, use_dictionary=False, compression="zstd"),
            "more than the accepted 512 MiB when it is unpacked",
        ),
        ("b.npz", lambda: bomb(npy_header((2, 200_000_000)), 3200), "bytes, and at most 512 MiB"),
        ("b.npz", lambda: bomb(npy_header((2, 20_000)), 1), "at most 10000 columns"),
        pytest.param(
            *("b.npz", lambda: bomb(npy_header((2, 30_000_000)), 480), "at most 10000 columns"),
            marks=pytest.mark.trial,  # as large as an archive may be: two seconds to unpack
        ),
        ("b.npz", lambda: bomb(npy_header((10**9, 10**6)), 1), "1,048,704 bytes are stored"),
        ("b.npz", lambda: bomb(npy_header((2, 2)), 3200), "bytes, and at most 512 MiB"),
        ("b.npz", lambda: bomb(npy_header((2, 2), "|O"), 1), "holds Python objects"),
        ("b.npz", lambda: b"PK\1\2" * 10**6, "more arrays than the accepted 10000"),
        ("b.csv", lambda: ",".join(map(str, range(10**6))) + "\n1\n", "the row has 1000000 fields"),
        ("b.csv", lambda: "c0,y\n" + ",".join("1" * 10**6), "line 2: the row has 1000000 fields"),
        ("b.csv", lambda: "c0,y\n" + "1\n" * (limits.CELLS + 1), "more than 50 000 000 cells"),
        ("b.csv", lambda: "c0,y\n" + "1,a\n" * 10**5 + "2," + "b" * 10**5, "shorten it"),
        ("b.csv", lambda: "c0,y\n" + "9" * 10**5 + ",1\n", "is not a finite number"),
        ("b.csv", lambda: "\0" * 10**6, "is not text"),
    ],
)
def test_data(
    *,
    refused_within_limits: Callable[..., None],
    tmp_path: Path,
    name: str,
    make: Callable[[], str | bytes],
    words: str,
) -> None:
    content = make()
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    options = () if name == "b.npz" else ("--target", "y")
    refused_within_limits(words, "train", "--data", name, *options, "--out", "out")


def test_reasonable_arrays_are_read(tmp_path: Path) -> None:
    """The guard of archives lets through what NumPy writes, of every order and type."""
    from qmoe_qiskit.data import load_dataset

    for dtype in ("<f8", ">f4", "u1", "?"):
        features = np.asfortranarray(np.arange(12).reshape(6, 2) % 2).astype(dtype)
        np.savez_compressed(tmp_path / "a.npz", X=features, y=np.arange(6) % 2)
        assert load_dataset(tmp_path / "a.npz").features_NF.tolist() == features.tolist()
