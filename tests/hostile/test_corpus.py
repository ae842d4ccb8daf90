"""Files and settings that attack: one sentence each, within 5 s of processor time and 1 GiB."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.lib import format as npy
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import ParameterVector
from qiskit.qpy import formats

from qmoe_qiskit import limits
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import load_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BILLION = 10**9
SHORT = ("--samples", 60, "--layers", 1, "--epochs", 1)


# --- what a path can lead to ---


def put(path: Path, how: str) -> Path:
    """Put something at a path that is no regular file, or never ends."""
    path.unlink(missing_ok=True)
    if how == "pipe":
        os.mkfifo(path)
    elif how == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(os.path.relpath(path))
    elif how == "folder":
        path.mkdir()
    elif how == "sparse":
        with path.open("wb") as file:
            file.truncate(2**40)
    else:
        path.symlink_to(how)
    return path


PLACES = ("pipe", "socket", "/dev/zero", "sparse")
SAID = {
    "pipe": "it is a named pipe, not a file",
    "socket": "it is a socket, not a file",
    "/dev/zero": "it is a device, not a file",
    "sparse": "it takes 1,099,511,627,776 bytes, and at most",
}


@pytest.mark.parametrize("how", PLACES)
@pytest.mark.parametrize(
    "name",
    ["manifest.json", "metrics.json", "history.json", "model.safetensors", "router.qpy"],
)
def test_files_of_a_run(
    *,
    refused_within_limits: Callable[..., None],
    copy_of_run: Path,
    name: str,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(copy_of_run)
    put(copy_of_run / name, how)
    refused_within_limits(SAID[how], "info", "run")
    refused_within_limits(SAID[how], "evaluate", "run")


@pytest.mark.usefixtures("copy_of_run")
@pytest.mark.parametrize("how", PLACES)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("x.csv", ("train", "--data", "x.csv", "--target", "y", "--out", "out")),
        ("x.csv", ("predict", "run", "x.csv")),
        ("x.npz", ("train", "--data", "x.npz", "--out", "out")),
        ("x.npz", ("evaluate", "run", "--data", "x.npz")),
        ("x.sur", ("evaluate", "run", "--surrogate", "x.sur")),
        ("x.json", ("profiles", "show", "x.json")),
        ("x.json", ("train", "--backend", "noisy:x.json", "--out", "out")),
        ("x.json", ("noise", "--device", "x.json", "--out", "out")),
        ("x.toml", ("estimate", "run", "--backend", "runtime:fake_manila", "--options", "x.toml")),
        ("x.toml", ("study", "balance", "--quick", "--settings", "x.toml", "--out", "out")),
        ("request.json", ("train", "--resume", "--out", ".")),
        ("study.json", ("report", ".")),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_other_files(
    *,
    refused_within_limits: Callable[..., None],
    tmp_path: Path,
    name: str,
    arguments: tuple[str, ...],
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path / name, how)
    refused_within_limits(SAID[how], *arguments)


@pytest.mark.parametrize("how", ["pipe", "/dev/zero"])
def test_ledgers(refused_within_limits: Callable[..., None], tmp_path: Path, how: str) -> None:
    put(tmp_path / "ledger", how)
    refused_within_limits("is not a file", "jobs", "list", "--ledger", "ledger")


# --- documents that promise too much ---


def setting(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["model"]["settings"].__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "command", "words"),
    [
        (lambda d: d["data"].update(n_samples=5 * 10**11), "evaluate", "n_samples must be at most"),
        (lambda d: d["data"].update(n_samples=10**18), "evaluate", "n_samples must be at most"),
        (lambda d: d["model"].update(classes=[*range(10**6)]), "info", "at most 2 MiB"),
        (lambda d: d["model"].update(classes=[*range(20_000)]), "info", "20000 classes: at most"),
        (lambda d: d["model"].update(classes=[*range(20_000)]), "evaluate", "20000 classes"),
        (setting("n_experts", BILLION), "evaluate", "n_experts must be at most 1000"),
        (setting("n_layers", BILLION), "evaluate", "n_layers must be at most 5000"),
        (setting("reuploads", BILLION), "evaluate", "reuploads must be at most 5000"),
        (setting("n_layers", 4000), "evaluate", "at most 5000 are accepted"),
        (setting("n_layers", 300), "evaluate", "the stored circuit is not the one"),
        (setting("shots", 10**40), "evaluate", "the stored model"),
        (setting("backend", "noisy:thermal:1e308,1e308"), "evaluate", "t1 is"),
    ],
)
def test_manifests(
    *,
    refused_within_limits: Callable[..., None],
    copy_of_run: Path,
    forge: Callable[..., Path],
    change: Callable[[dict[str, Any]], object],
    command: str,
    words: str,
) -> None:
    forge(copy_of_run, change)
    refused_within_limits(words, command, "run")


def test_a_manifest_as_large_as_it_may_be_is_shown(
    within_limits: Callable[..., Any], copy_of_run: Path, forge: Callable[..., Path], tmp_path: Path
) -> None:
    room = limits.FACTS_BYTES - len((copy_of_run / "manifest.json").read_bytes()) - 1000
    forge(copy_of_run, lambda d: d["data"].update(source="word " * (room // 5)))
    assert within_limits(tmp_path, "info", "run").status == 0


def test_documents_nested_deeply(
    refused_within_limits: Callable[..., None], copy_of_run: Path, tmp_path: Path
) -> None:
    deep = b"[" * 500_000
    (copy_of_run / "manifest.json").write_bytes(deep)
    (tmp_path / "x.json").write_bytes(deep)
    (tmp_path / "study.json").write_bytes(deep)
    refused_within_limits("it is not JSON", "info", "run")
    refused_within_limits("is truncated or not JSON", "profiles", "show", "x.json")
    refused_within_limits("is damaged", "report", ".")


# --- circuits ---


def qpy_of(circuit: QuantumCircuit) -> bytes:
    buffer = io.BytesIO()
    qpy.dump(circuit, buffer)
    return buffer.getvalue()


def with_header(data: bytes, **fields: int) -> bytes:
    start = formats.FILE_HEADER_V10_SIZE + 1 + formats.CIRCUIT_TABLE_ENTRY_SIZE
    layout, end = formats.CIRCUIT_HEADER_V12_PACK, start + formats.CIRCUIT_HEADER_V12_SIZE
    header = formats.CIRCUIT_HEADER_V12._make(struct.unpack(layout, data[start:end]))
    return data[:start] + struct.pack(layout, *header._replace(**fields)) + data[end:]


def laughing() -> QuantumCircuit:
    """A circuit of a few kilobytes that unfolds into 100 000 gates."""
    circuit = QuantumCircuit(1)
    circuit.h(0)
    for level in range(5):
        gate = circuit.to_gate(label=None)
        gate.name = f"level{level}"
        circuit = QuantumCircuit(1)
        for _ in range(10):
            circuit.append(gate, [0])
    return circuit


def long_loop() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    body = QuantumCircuit(1)
    body.h(0)
    circuit.for_loop(range(10**9), None, body, [0], [])
    return circuit


@pytest.fixture
def stored(copy_of_run: Path) -> bytes:
    return (copy_of_run / "router.qpy").read_bytes()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: with_header(d, num_qubits=2**32 - 1), "2000 qubits, this one states 4294967295"),
        (lambda d: with_header(d, num_clbits=10**8), "2000 classical bits"),
        (lambda d: with_header(d, num_registers=2**32 - 1), "2000 registers"),
        (lambda d: with_header(d, num_instructions=2**63), "50000 instructions"),
        (lambda d: with_header(d, metadata_size=2**62), "it ends too early"),
        (lambda d: d[:6] + b"\x0c" + d[7:], "version 12 is too old"),
        (lambda d: d[:6] + b"\xff" + d[7:], "not a router circuit"),
        (lambda d: d[:10] + b"\xff" * 8 + d[18:], "circuits"),
        (lambda d: d + bytes(limits.CIRCUIT_BYTES), "at most 4 MiB are read"),
        (lambda _: b"", "not a router circuit"),
    ],
)
def test_circuits(
    *,
    refused_within_limits: Callable[..., None],
    copy_of_run: Path,
    forge: Callable[..., Path],
    stored: bytes,
    spoil: Callable[[bytes], bytes],
    words: str,
) -> None:
    forge(copy_of_run, files={"router.qpy": spoil(stored)})
    refused_within_limits(words, "info", "run")


def test_loops_that_never_end(
    refused_within_limits: Callable[..., None], copy_of_run: Path, forge: Callable[..., Path]
) -> None:
    circuit = long_loop()
    circuit.metadata = {
        "inputs": [[]],
        "weights": [[]],
        "degree": None,
        "observables": [[["Z", 1.0]]],
    }
    forge(copy_of_run, files={"router.qpy": qpy_of(circuit)})
    refused_within_limits("unfolds into more than 50000 operations", "info", "run")


def test_definitions_that_never_end() -> None:
    with pytest.raises(InputError, match="unfolds into more than 50000 operations"):
        RouterCircuit.from_circuit(laughing(), inputs=[])


def test_long_vectors(
    refused_within_limits: Callable[..., None], copy_of_run: Path, forge: Callable[..., Path]
) -> None:
    """Of old and of new QPY: Qiskit makes all elements of a vector when it meets one."""
    vector = ParameterVector("vector", 3)
    circuit = QuantumCircuit(1)
    circuit.rx(vector[1], 0)
    for version in (17, formats_version()):
        buffer = io.BytesIO()
        qpy.dump(circuit, buffer, version=version)
        data = buffer.getvalue().replace(struct.pack("!HQ", 6, 3), struct.pack("!HQ", 6, 10**8))
        assert data != buffer.getvalue()
        forge(copy_of_run, files={"router.qpy": data})
        refused_within_limits("10000 parameters of a vector, this one states", "info", "run")


def formats_version() -> int:
    return int(qpy.common.QPY_VERSION)


# --- data ---


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
            lambda: parquet_of(10**4, "b" * 10**5, use_dictionary=False, compression="zstd"),
            "more than the accepted 512 MiB when it is unpacked",
        ),
        ("b.npz", lambda: bomb(npy_header((2, 200_000_000)), 3200), "bytes, and at most 512 MiB"),
        ("b.npz", lambda: bomb(npy_header((2, 30_000_000)), 480), "at most 10000 columns"),
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


# --- settings ---


@pytest.mark.usefixtures("copy_of_run")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "[" * 20_000 + "]" * 20_000, "may stand within each other"),
        ("a = " + "[" * 30 + "]" * 30, "may stand within each other"),
        ("a = " + "{a = " * 10_000, "may stand within each other"),
        (".".join("a" * 30_000) + " = 1", "more than the accepted 1000 values"),
        ("repetition = " + "1" * 5000, "at most 18 digits"),
        ("repetition = " + "1" * 40, "at most 18 digits"),
        ("[execution]\nrep_delay = nan", "rep_delay is nan: it must be seconds"),
        ("[execution]\nrep_delay = inf", "rep_delay is inf: it must be seconds"),
        ("[execution]\nrep_delay = -1.0", "rep_delay is -1.0: it must be seconds"),
        ("[resilience.zne]\nnoise_factors = [" + "3," * 10**6 + "]", "at most 64 KiB are read"),
        ("[resilience.zne]\nnoise_factors = [" + "3," * 20_000 + "]", "has 20000 values"),
        ("[resilience.zne]\nnoise_factors = [" + "3," * 200 + "]", "at most 100 noise factors"),
        ("[resilience.zne]\nnoise_factors = [1, 1e9]", "at most 100 noise factors"),
        ("[resilience.zne]\nnoise_factors = [1, inf]", "at most 100 noise factors"),
        ("[twirling]\nnum_randomizations = 1000000000000", "at most 10000000 are accepted"),
        ("precision = 1e-300", "takes more than 10 000 000 shots"),
        ("session_seconds = 100000000000", "session_seconds"),
        ("primitive = 'sampler'\nspsa_directions = 100000000", "spsa_directions"),
        ("a = '" + "x" * 60_000 + "'", "unknown option 'a'"),
    ],
    ids=range(19),
)
def test_options(
    *,
    refused_within_limits: Callable[..., None],
    tmp_path: Path,
    text: str,
    words: str,
) -> None:
    (tmp_path / "x.toml").write_text(text)
    device = ("--backend", "runtime:fake_manila")
    refused_within_limits(words, "estimate", "run", *device, "--options", "x.toml")


LONG = "1" * 40


@pytest.mark.usefixtures("copy_of_run")
@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("at most", ("train", "--experts", BILLION)),
        ("at most", ("train", "--layers", BILLION)),
        ("at most", ("train", "--reuploads", BILLION)),
        ("at most", ("train", "--samples", 10**12)),
        ("at most", ("train", "--samples", BILLION)),
        ("at most", ("train", "--epochs", LONG)),
        ("at most", ("train", "--batch-size", LONG)),
        ("at most", ("train", "--qubits", LONG)),
        ("at most", ("train", *SHORT, "--router", "quadratic", "--experts", LONG)),
        ("whole number", ("train", *SHORT, "--seed", LONG)),
        ("at most", ("train", *SHORT, "--backend", "noisy:ibmq_manila", "--shots", LONG)),
        ("at most", ("evaluate", "run", "--backend", "noisy:ibmq_manila", "--shots", LONG)),
        ("at most", ("evaluate", "run", "--backend", "noisy:ibmq_manila", "--shots", BILLION)),
        ("at most", ("predict", "run", "x.csv", "--backend", "noisy:ideal", "--shots", LONG)),
        ("at most", ("estimate", "run", "--backend", "runtime:fake_manila", "--shots", LONG)),
        ("at most", ("evaluate", "run", "--samples", LONG)),
        ("at most", ("noise", "--device", "ibmq_manila", "--shots", LONG)),
        ("at most", ("study", "balance", "--quick", "--seeds", BILLION)),
        ("not valid Unicode", ("train", "--data", "\udcff.csv", "--target", "y")),
        ("not valid Unicode", ("train", "--target", "\udcff")),
        ("not valid Unicode", ("train", "--out", "\udcff")),
        ("not valid Unicode", ("train", "--router", "\udcff")),
        ("not valid Unicode", ("predict", "run", "\udcff.csv")),
        ("not valid Unicode", ("info", "\udcff")),
        ("not valid Unicode", ("study", "balance", "--quick", "--out", "\udcff")),
        ("not valid Unicode", ("report", "\udcff")),
        ("not valid Unicode", ("profiles", "show", "\udcff.json")),
        ("not valid Unicode", ("jobs", "list", "--ledger", "\udcff")),
        ("not valid Unicode", ("\udcff",)),
    ],
)
def test_arguments(
    *,
    refused_within_limits: Callable[..., None],
    words: str,
    arguments: tuple[object, ...],
) -> None:
    refused_within_limits(words, *arguments)


# --- calibrations ---


@pytest.mark.parametrize(
    ("rows", "field", "value", "words"),
    [
        ("qubits", "t1", 1e308, "t1 is 1e+308: it must be above 0 and at most 1000000"),
        ("qubits", "readout_length", 1e308, "readout_length is 1e+308: it must be at most"),
        ("qubits", "readout_length", 1e5, None),
        ("gates", "duration", 1e308, "duration is 1e+308: it must be at most"),
        (None, "dt", 1e-308, "it must be at most"),
        (None, "dt", "a long number", "not JSON"),
        (None, "physical_qubits", [*range(10**6)], "it must hold 5 numbers"),
    ],
)
@pytest.mark.parametrize("command", ["show", "scale", "train"])
def test_calibrations(
    *,
    refused_within_limits: Callable[..., None],
    within_limits: Callable[..., Any],
    tmp_path: Path,
    rows: str | None,
    field: str,
    value: object,
    words: str | None,
    command: str,
) -> None:
    document = json.loads(load_profile("ibmq_manila").dumps())
    document.pop("content_hash")
    for place in [document] if rows is None else document[rows]:
        place[field] = "VALUE"
    text = "1" + "0" * 5000 if value == "a long number" else json.dumps(value)
    (tmp_path / "x.json").write_text(json.dumps(document).replace('"VALUE"', text))
    arguments = {
        "show": ("profiles", "show", "x.json"),
        "scale": ("profiles", "scale", "x.json", "--factor", 2, "--out", "y.json"),
        "train": ("train", *SHORT, "--backend", "noisy:x.json", "--out", "out"),
    }[command]
    if words is None:
        assert within_limits(tmp_path, *arguments).status == 0
    else:
        refused_within_limits(words, *arguments)


def test_a_calibration_of_many_qubits(
    refused_within_limits: Callable[..., None], tmp_path: Path
) -> None:
    document = json.loads(load_profile("ibmq_manila").dumps())
    document.pop("content_hash")
    row = document["qubits"][0]
    document |= {
        "qubits": [{**row, "qubit": number} for number in range(50_000)],
        "physical_qubits": [*range(50_000)],
    }
    (tmp_path / "x.json").write_text(json.dumps(document))
    refused_within_limits("qubits has 50000 entries", "profiles", "show", "x.json")


def test_reasonable_arrays_are_read(tmp_path: Path) -> None:
    """The guard of archives lets through what NumPy writes, of every order and type."""
    from qmoe_qiskit.data import load_dataset

    for dtype in ("<f8", ">f4", "u1", "?"):
        features = np.asfortranarray(np.arange(12).reshape(6, 2) % 2).astype(dtype)
        np.savez_compressed(tmp_path / "a.npz", X=features, y=np.arange(6) % 2)
        assert load_dataset(tmp_path / "a.npz").features_NF.tolist() == features.tolist()
