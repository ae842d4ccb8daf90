"""Every reader, given damaged bytes and odd values: only the project's own exceptions."""

from __future__ import annotations

import json
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qmoe_qiskit.backends import FourierSurrogate, open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.errors import QMoEError
from qmoe_qiskit.hardware.ledger.records import pack, unpack, with_check_sum
from qmoe_qiskit.hardware.options import read_options, runtime_options
from qmoe_qiskit.io.checked_tensors import read_tensors, write_tensors
from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.runs import evaluate_run, read_run
from qmoe_qiskit.runs.training import read_request
from qmoe_qiskit.studies.engine.folder import read_folder
from qmoe_qiskit.studies.engine.settings import read_settings
from qmoe_qiskit.studies.registry import load_study
from qmoe_qiskit.train.stored.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

STORED = Path(__file__).parents[1] / "compatibility" / "v0_1"
ODD = st.sampled_from([
    None, True, 0, -1, 1, 10**9, 10**12, 2**63, 10**40, -0.0, 0.5, 1e308, -1e308, "", "x", "\0",
    "\ud800", "quantum", "noisy:ideal", [], [[]], [0], ["x"], {}, {"a": {}}, "9" * 5000,
])  # fmt: skip


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """The content with some bytes changed, inserted or cut off."""

    @st.composite
    def draw_one(draw: st.DrawFn) -> bytes:
        spoilt = bytearray(content)
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, len(spoilt) - 1))
            spoilt[at : at + draw(st.integers(0, 1))] = draw(st.binary(min_size=1, max_size=2))
        return bytes(spoilt[: draw(st.integers(0, len(spoilt)))] if draw(st.booleans()) else spoilt)

    return draw_one()


def odd(document: Any) -> st.SearchStrategy[Any]:
    """A JSON document with one value, at any depth, replaced by an odd one, or left out."""

    @st.composite
    def draw_one(draw: st.DrawFn) -> Any:
        changed = json.loads(json.dumps(document))
        place = changed
        while place:
            key = draw(st.sampled_from([*place] if isinstance(place, dict) else range(len(place))))
            if not isinstance(place[key], dict | list) or not draw(st.integers(0, 3)):
                if draw(st.booleans()):
                    place[key] = draw(ODD)
                else:
                    del place[key]
                break
            place = place[key]
        return changed

    return draw_one()


@pytest.fixture
def only_ours(*, whole: bool) -> Callable[[Callable[[Any], object], st.SearchStrategy[Any]], None]:
    """Call a reader on many inputs: it returns, or raises one of the project's exceptions."""

    def check(read: Callable[[Any], object], inputs: st.SearchStrategy[Any]) -> None:
        @settings(
            max_examples=500 if whole else 20,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        @given(value=inputs)
        def refuse_or_read(value: Any) -> None:
            with suppress(QMoEError):
                read(value)

        refuse_or_read()

    return check


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(STORED / "moons", tmp_path / "run"))


def use(path: Path) -> None:
    """Read a run, show it, rebuild its model and evaluate it."""
    opened = read_run(path)
    opened.control()
    if opened.has_circuit:
        opened.load_circuit().draw()
    evaluate_run(opened.load())


@pytest.mark.parametrize(
    "name", ["manifest.json", "metrics.json", "history.json", "model.safetensors", "router.qpy"]
)
def test_bytes_of_a_run(
    only_ours: Callable[..., None], run: Path, forge: Callable[..., Path], name: str
) -> None:
    content, manifest = (run / name).read_bytes(), (run / "manifest.json").read_bytes()

    def read(spoilt: bytes) -> None:
        if name == "manifest.json":
            (run / name).write_bytes(spoilt)
        else:
            (run / "manifest.json").write_bytes(manifest)
            forge(run, files={name: spoilt})
        use(run)

    only_ours(read, damaged(content))


@pytest.mark.parametrize("name", ["manifest.json", "metrics.json", "history.json"])
def test_values_of_a_run(
    only_ours: Callable[..., None], run: Path, forge: Callable[..., Path], name: str
) -> None:
    document, manifest = json.loads((run / name).read_bytes()), (run / "manifest.json").read_bytes()

    def read(changed: Any) -> None:
        (run / "manifest.json").write_bytes(manifest)
        if name == "manifest.json":
            forge(run, lambda sealed: (sealed.clear(), sealed.update(changed)))
        else:
            forge(run, files={name: json.dumps(changed).encode()})
        use(run)

    only_ours(read, odd(document))


def test_circuits(only_ours: Callable[..., None]) -> None:
    content = (STORED / "moons" / "router.qpy").read_bytes()
    only_ours(lambda data: RouterCircuit.from_qpy(data).standard_circuit, damaged(content))


@pytest.fixture
def surrogate(tmp_path: Path) -> tuple[Path, RouterCircuit]:
    """The file of a surrogate, and its circuit."""
    compiled = open_backend("statevector").compile(angle_router(2, 1))
    FourierSurrogate.measure(compiled, np.ones(6)).save(tmp_path / "surrogate")
    return tmp_path / "surrogate", compiled.router


def test_bytes_of_surrogates(
    only_ours: Callable[..., None], surrogate: tuple[Path, RouterCircuit]
) -> None:
    path, router = surrogate

    def read(spoilt: bytes) -> None:
        path.write_bytes(spoilt)
        FourierSurrogate.load(path, router).expectations(np.zeros((1, 2)))

    only_ours(read, damaged(path.read_bytes()))


def test_values_of_surrogates(
    only_ours: Callable[..., None], surrogate: tuple[Path, RouterCircuit]
) -> None:
    path, router = surrogate
    state, tensors = read_tensors(path, "", 10**6)

    def read(changed: Any) -> None:
        write_tensors(path, changed, tensors)
        FourierSurrogate.load(path, router).expectations(np.zeros((1, 2)))

    only_ours(read, odd(state).filter(lambda changed: isinstance(changed, dict)))


def test_calibrations(only_ours: Callable[..., None], tmp_path: Path) -> None:
    document = json.loads(load_profile("ibmq_manila").dumps())
    del document["content_hash"]
    path = tmp_path / "x.json"

    def read(changed: Any) -> None:
        path.write_text(json.dumps(changed))
        profile = load_profile(path)
        profile.summary()
        profile.scale(2.0)
        profile.drift(1)

    only_ours(read, odd(document))


OPTIONS = {
    "primitive": "estimator",
    "precision": 0.1,
    "resilience_level": 2,
    "resilience": {"zne": {"noise_factors": [1, 3, 5]}, "zne_mitigation": True},
    "twirling": {"num_randomizations": 8, "enable_gates": True},
    "execution": {"rep_delay": 1e-4},
    "spsa_directions": 2,
    "spsa_step": 0.1,
    "session_seconds": 60,
    "repetition": 1,
}


def test_options(only_ours: Callable[..., None]) -> None:
    def read(changed: dict[str, Any]) -> None:
        options = runtime_options(changed)
        options.shots(None)
        json.dumps(options.key_settings(gradient=True), allow_nan=False)

    only_ours(read, odd(OPTIONS))


def test_bytes_of_settings(only_ours: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    text = b'seeds = 3\nname = "x"\n[a.b]\nc = [1, 2.5, nan]\nd = 2020-01-01\n'
    study = load_study("balance")

    def read(content: bytes) -> None:
        path.write_bytes(content)
        read_options(path)
        read_settings(study, path)

    only_ours(read, damaged(text) | st.binary(max_size=60) | st.text(max_size=40).map(str.encode))


def test_checkpoints(only_ours: Callable[..., None], tmp_path: Path) -> None:
    import torch

    path = tmp_path / "checkpoint"
    state = {"w": torch.arange(3.0)}
    save_checkpoint(path, Checkpoint(module=state, optimizer={}, best={}, history=[], identity={}))
    content = path.read_bytes()

    def read(spoilt: bytes) -> None:
        path.write_bytes(spoilt)
        load_checkpoint(path)

    only_ours(read, damaged(content))


@pytest.mark.parametrize("name", ["request.json", "study.json"])
def test_records(only_ours: Callable[..., None], tmp_path: Path, name: str) -> None:
    stored = (STORED / "studies" / "balance" / "study.json").read_bytes()

    def read(content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        (read_request if name == "request.json" else read_folder)(tmp_path)

    values = odd(json.loads(stored)).map(lambda value: json.dumps(value).encode())
    only_ours(read, damaged(stored) | values)


def test_tables(only_ours: Callable[..., None], tmp_path: Path) -> None:
    content = (STORED / "points.csv").read_bytes()
    target = content.split(b"\n", 1)[0].split(b",")[-1].strip().decode()

    def read(spoilt: bytes) -> None:
        (tmp_path / "x.csv").write_bytes(spoilt)
        load_dataset(tmp_path / "x.csv", target=target)

    only_ours(read, damaged(content))


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_parquet(only_ours: Callable[..., None], tmp_path: Path, compression: str) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table({"a": [0.5, 1.5, None, 2.5], "b": [1, 2, 3, 4], "y": ["u", "v", "u", "v"]})
    pq.write_table(table, path, compression=compression)

    def read(spoilt: bytes) -> None:
        path.write_bytes(spoilt)
        load_dataset(path, target="y", drop=["a"])

    only_ours(read, damaged(path.read_bytes()))


def test_archives(only_ours: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, X=np.arange(12.0).reshape(6, 2), y=np.arange(6) % 2)
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def read(spoilt: bytes) -> None:
        path.write_bytes(spoilt)
        load_dataset(path)

    def read_member(spoilt: bytes) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, member in {**members, "X.npy": spoilt}.items():
                archive.writestr(name, member)
        load_dataset(path)

    only_ours(read, damaged(content))
    only_ours(read_member, damaged(members["X.npy"]))


def test_arrays_of_a_ledger(only_ours: Callable[..., None]) -> None:
    """The ledger turns a ValueError into its own exception, which names the work."""

    def read(content: bytes) -> None:
        try:
            unpack(with_check_sum(content))
        except ValueError:
            return

    only_ours(read, damaged(pack(np.arange(6.0).reshape(2, 3))[:-4]))
