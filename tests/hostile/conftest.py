"""A run that is small and known, copies of it that lie, and programs that may use little."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from qmoe_qiskit.io.checked_json import dump_checked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
RUN = HERE.parent / "compatibility" / "v0_1" / "moons"
# A program that waits, for a pipe that nobody writes to, takes no processor time: it is ended.
PATIENCE_S = 120


class Ending(NamedTuple):
    """How a program ended."""

    status: int
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def within_limits(
    python: str, tmp_path_factory: pytest.TempPathFactory, keep: Callable[[str], None]
) -> Iterator[Callable[..., Ending]]:
    """Run `qmoe` with little memory and processor time, see `forked.py`."""
    home = tmp_path_factory.mktemp("home")
    environment = {**os.environ, "HOME": str(home), "QMOE_LEDGER": str(home / "ledger.sqlite")}
    server = subprocess.Popen(
        [python, str(HERE / "forked.py"), str(PATIENCE_S)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None

    def call(folder: Path, *arguments: object) -> Ending:
        order = {"folder": str(folder), "arguments": [str(argument) for argument in arguments]}
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        ending = Ending(**json.loads(server.stdout.readline()))
        keep(ending.stdout)
        keep(ending.stderr)
        return ending

    yield call
    server.stdin.close()
    server.wait()
    server.stdout.close()


@pytest.fixture
def refused_within_limits(
    within_limits: Callable[..., Ending], tmp_path: Path
) -> Callable[..., None]:
    """Run `qmoe`, which must refuse with one sentence before its memory and time are spent."""

    def check(words: str, *arguments: object) -> None:
        ending = within_limits(tmp_path, *arguments)
        assert ending.status == 2, ending
        assert ending.stdout == ""
        assert ending.stderr.startswith("error: "), ending.stderr[:2000]
        assert ending.stderr.count("\n") == 1, ending.stderr[:2000]
        assert words in ending.stderr
        assert len(ending.stderr) < 2000

    return check


@pytest.fixture
def copy_of_run(tmp_path: Path) -> Path:
    """A copy of a run of the first release, on moons, with a control."""
    return Path(shutil.copytree(RUN, tmp_path / "run"))


@pytest.fixture
def forge() -> Callable[..., Path]:
    """Change a run so that its hashes fit what it holds."""
    return forged


def forged(
    run: Path,
    change: Callable[[dict[str, Any]], object] = lambda _: None,
    files: dict[str, bytes] | None = None,
) -> Path:
    """Replace files of a run, change its manifest's document in place, and seal the manifest."""
    document = json.loads((run / "manifest.json").read_bytes())
    for name, content in (files or {}).items():
        (run / name).write_bytes(content)
        document["files"][name] = hashlib.sha256(content).hexdigest()
    change(document)
    content = {k: v for k, v in document.items() if k not in _SEAL}
    (run / "manifest.json").write_bytes(dump_checked("qmoe-run", content))
    return run


_SEAL = {"schema_version", "kind", "content_hash"}
