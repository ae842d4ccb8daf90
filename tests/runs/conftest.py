"""Small runs that the tests of run folders share."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.runs import TrainingRequest, train_run

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def request_() -> TrainingRequest:
    return TrainingRequest(n_samples=60, n_layers=1, max_epochs=4, control="linear", seed=3)


@pytest.fixture(scope="session")
def finished(request_: TrainingRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run; not to be changed."""
    out = tmp_path_factory.mktemp("finished") / "run"
    train_run(request_, out)
    return out


@pytest.fixture
def run_copy(finished: Path, tmp_path: Path) -> Path:
    """A complete run that a test may damage."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


@pytest.fixture(scope="session")
def files_of() -> Callable[[Path], dict[str, bytes]]:
    """Everything below a folder, hidden files included."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }

    return read


@pytest.fixture(scope="session")
def assert_same_run() -> Callable[[Path, Path], None]:
    """Two runs are equal bit for bit, but for times and what follows from them."""

    def timeless(path: Path) -> Any:
        document = json.loads(path.read_bytes())
        return {name: value for name, value in document.items() if name != "training_seconds"}

    def circuit(path: Path) -> str:
        return RouterCircuit.from_qpy(path.read_bytes()).content_hash

    def check(one: Path, other: Path) -> None:
        names = {p.relative_to(one).as_posix() for p in one.rglob("*") if p.is_file()}
        assert names == {p.relative_to(other).as_posix() for p in other.rglob("*") if p.is_file()}
        for name in names:
            if name.endswith("metrics.json"):
                assert timeless(one / name) == timeless(other / name), name
            elif name.endswith(".qpy"):  # holds random identifiers
                assert circuit(one / name) == circuit(other / name)
            elif not name.endswith("manifest.json"):
                assert (one / name).read_bytes() == (other / name).read_bytes(), name

    return check
