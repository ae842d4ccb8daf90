"""Ctrl-C in training, and going on: with the real program and signal, and in this process."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.runs import read_run
from qmoe_qiskit.train.stored.checkpoint import Checkpoint, save_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OPTIONS = ("--samples", "80", "--layers", "1", "--seed", "3")
FILES = [
    *("control", "figures", "history.json", "manifest.json", "metrics.json", "model.safetensors"),
]
MODEL_FIRST = ("--router", "quantum", "--control", "linear")
CONTROL_LONG = ("--router", "linear", "--control", "quantum")


def interrupt(
    command: list[str], cwd: Path, is_time: Callable[[], bool]
) -> subprocess.CompletedProcess[str]:
    """Start a program, send it SIGINT when it is time to, and wait for its end."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd
    ) as process:
        limit = time.monotonic() + 240
        while not is_time() and process.poll() is None:
            assert time.monotonic() < limit
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=240)
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def writings(file: Path) -> Callable[[], int]:
    """Return what counts the times that a file was written, if it is asked often enough."""
    written: set[int] = set()

    def count() -> int:
        with contextlib.suppress(FileNotFoundError):
            written.add(file.stat().st_mtime_ns)
        return len(written)

    return count


@contextlib.contextmanager
def interrupted_behind(n_epochs: int, checkpoint: str) -> Iterator[None]:
    """Interrupt what this process trains when it has written a checkpoint after some epochs."""

    def save(path: Path, content: Checkpoint) -> None:
        save_checkpoint(path, content)
        if path.name == checkpoint and len(content.history) == n_epochs:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qmoe_qiskit.train.fit.save_checkpoint", save)
        yield


def result_of(run: Path) -> dict[str, Any]:
    """Everything about a run that must not depend on an interruption."""
    record = read_run(run)
    metrics = json.loads((run / "metrics.json").read_bytes())
    del metrics["training_seconds"]
    figures = {path.name: path.read_bytes() for path in run.glob("figures/*.png")}
    control = record.control()
    return {
        "weights": record.files["model.safetensors"],
        "history": record.history,
        "metrics": metrics,
        "figures": figures,
        "model": record.manifest.model,
        "command": record.manifest.command,
        "control": None if control is None else result_of(control.path),
    }


def test_interrupted_training_goes_on_to_the_same_result(
    *,
    program: str,
    python: str,
    qmoe: Callable[..., Any],
    qmoe_process: Callable[..., subprocess.CompletedProcess[str]],
    the_document: Callable[[str], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: bool,
) -> None:
    """The signal comes between two epochs; as a trial, at any place of a second of training."""
    monkeypatch.chdir(tmp_path)
    out = Path("new folder") / "run"
    n_epochs = "90" if whole else "8"
    arguments = [
        *("train", *OPTIONS, "--epochs", n_epochs, *MODEL_FIRST, "--out", str(out), "--json"),
    ]
    if whole:
        count = writings(tmp_path / out / "checkpoint.safetensors")
        ended = interrupt([program, *arguments], tmp_path, lambda: count() > 3)
    else:
        monkeypatch.setenv("WAIT_BEHIND", "3")
        script = str(Path(__file__).with_name("waiting_program.py"))
        ended = interrupt([python, script, *arguments], tmp_path, Path("waiting").exists)
    assert ended.returncode == 130, ended.stderr
    assert ended.stdout == ""
    advice = "qmoe train --resume --out 'new folder/run'"
    assert ended.stderr == f"interrupted: nothing is lost, go on with {advice}\n"
    assert not (out / "manifest.json").exists()
    assert not list(out.glob(".*"))
    assert f"go on with {advice}" in qmoe("info", out).stderr

    begun = Path(shutil.copytree(out, "begun"))
    refuse_what_contradicts(qmoe, begun, n_epochs)

    resumed = qmoe_process(
        *("train", "--resume", "--out", str(out), "--epochs", n_epochs, "--json"), cwd=tmp_path
    )
    assert resumed.returncode == 0, resumed.stderr
    assert the_document(resumed.stdout)["run"] == str(out)
    assert sorted(path.name for path in out.iterdir()) == [*FILES, "router.qpy"]
    assert 3 <= epochs_before(out) < int(n_epochs)
    interrupted = result_of(out)
    shutil.rmtree(out)
    whole = qmoe(*arguments)
    assert whole.exit_code == 0, whole.stderr
    assert interrupted == result_of(out)


def epochs_before(run: Path) -> int:
    """How many epochs were trained before the interruption."""
    seconds = read_run(run).metrics["training_seconds"]
    done = re.search(r"after (\d+) before an interruption", seconds.produced_by)
    assert done is not None
    return int(done[1])


@pytest.mark.usefixtures("no_figures")
def test_the_training_of_a_control_goes_on_as_well(
    qmoe: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ("train", *OPTIONS, "--epochs", "8", *CONTROL_LONG, "--out", "run")
    with interrupted_behind(3, "checkpoint-control.safetensors"):
        ended = qmoe(*arguments)
    assert (ended.exit_code, ended.stdout) == (130, "")
    advice = "qmoe train --resume --out run"
    assert ended.stderr == f"interrupted: nothing is lost, go on with {advice}\n"
    assert not Path("run/manifest.json").exists()
    assert qmoe("train", "--resume", "--out", "run").exit_code == 0
    files = [name for name in FILES if name != "figures"]
    assert sorted(path.name for path in Path("run").iterdir()) == files
    assert epochs_before(Path("run/control")) == 3
    interrupted = result_of(Path("run"))
    shutil.rmtree("run")
    assert qmoe(*arguments).exit_code == 0
    assert interrupted == result_of(Path("run"))


def refuse_what_contradicts(qmoe: Callable[..., Any], begun: Path, n_epochs: str) -> None:
    before = {path: path.read_bytes() for path in begun.iterdir()}
    for options, words in (
        (["--layers", "3"], "was begun with --layers 1, not with --layers 3"),
        (["--epochs", "91"], f"was begun with --epochs {n_epochs}, not with --epochs 91"),
        (["--data", "circles"], "was begun with --data moons, not with --data circles"),
        (["--control", "none"], "not without --control"),
        (["--early-stopping"], "was begun without --early-stopping, not with --early-stopping"),
        (["--learning-rate", "0.01"], "was begun with --learning-rate 0.05"),
        (["--seed", "0"], "was begun with --seed 3, not with --seed 0"),
        (["--force"], "give only one"),
    ):
        outcome = qmoe("train", "--resume", "--out", begun, *options)
        assert outcome.exit_code == 2
        assert words in outcome.stderr
    assert "add --resume to go on with it" in qmoe("train", "--out", begun).stderr
    assert {path: path.read_bytes() for path in begun.iterdir()} == before
