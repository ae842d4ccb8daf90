"""Ctrl-C in training, and going on, with the real program and the real signal."""

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

if TYPE_CHECKING:
    from collections.abc import Callable

# About a second of training for the quantum router.
OPTIONS = ("--samples", "80", "--layers", "1", "--epochs", "90", "--seed", "3")
MODEL_FIRST = ("--router", "quantum", "--control", "linear")
CONTROL_LONG = ("--router", "linear", "--control", "quantum")


def interrupt_behind(
    n_epochs: int, checkpoint: Path, command: list[str], cwd: Path
) -> subprocess.CompletedProcess[str]:
    """Start a program, send it SIGINT behind some epochs of a model, and wait for its end."""
    written: set[int] = set()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd
    ) as process:
        limit = time.monotonic() + 240
        while len(written) <= n_epochs and process.poll() is None:
            assert time.monotonic() < limit
            time.sleep(0.002)
            with contextlib.suppress(FileNotFoundError):
                written.add(checkpoint.stat().st_mtime_ns)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=240)
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


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


@pytest.mark.parametrize(
    ("routers", "checkpoint"),
    [
        (MODEL_FIRST, "checkpoint.safetensors"),
        (CONTROL_LONG, "checkpoint-control.safetensors"),
    ],
    ids=["model", "control"],
)
def test_interrupted_training_goes_on_to_the_same_result(
    *,
    routers: tuple[str, ...],
    checkpoint: str,
    program: str,
    qmoe: Callable[..., Any],
    qmoe_process: Callable[..., subprocess.CompletedProcess[str]],
    the_document: Callable[[str], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path("new folder") / "run"
    arguments = ["train", *OPTIONS, *routers, "--out", str(out), "--json"]
    ended = interrupt_behind(3, tmp_path / out / checkpoint, [program, *arguments], tmp_path)
    assert ended.returncode == 130, ended.stderr
    assert ended.stdout == ""
    advice = "qmoe train --resume --out 'new folder/run'"
    assert ended.stderr == f"interrupted: nothing is lost, go on with {advice}\n"
    assert not (out / "manifest.json").exists()
    assert not list(out.glob(".*"))
    assert f"go on with {advice}" in qmoe("info", out).stderr

    begun = Path(shutil.copytree(out, "begun"))
    refuse_what_contradicts(qmoe, begun)

    resume = ["train", "--resume", "--out", str(out), "--epochs", "90", "--json"]
    if routers == MODEL_FIRST:
        resumed = qmoe_process(*resume, cwd=tmp_path)
        assert resumed.returncode == 0, resumed.stderr
        assert the_document(resumed.stdout)["run"] == str(out)
    else:
        assert qmoe(*resume).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["control", "figures", "history.json", "manifest.json", "metrics.json", "model.safetensors"]
        + ["router.qpy"] * (routers == MODEL_FIRST)
    )
    seconds = read_run(out / ("" if routers == MODEL_FIRST else "control")).metrics
    done = re.search(r"after (\d+) before an interruption", seconds["training_seconds"].produced_by)
    assert done is not None
    assert 3 <= int(done[1]) < 90
    interrupted = result_of(out)
    shutil.rmtree(out)
    whole = qmoe(*arguments)
    assert whole.exit_code == 0, whole.stderr
    assert interrupted == result_of(out)


def refuse_what_contradicts(qmoe: Callable[..., Any], begun: Path) -> None:
    before = {path: path.read_bytes() for path in begun.iterdir()}
    for options, words in (
        (["--layers", "3"], "was begun with --layers 1, not with --layers 3"),
        (["--epochs", "91"], "was begun with --epochs 90, not with --epochs 91"),
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
