"""`qmoe noise`: the four settings as a table and as a document."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.runs import read_run
from qmoe_qiskit.train.stored.checkpoint import Checkpoint, save_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = ["ideal -> ideal", "ideal -> noisy", "noisy -> noisy", "noisy -> later"]
QUICK = ("--samples", "60", "--layers", "1", "--epochs", "2", "--device", "ibmq_manila")


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_table_and_the_folder(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any]
) -> None:
    outcome = qmoe("noise", *QUICK)
    assert outcome.exit_code == 0, outcome.stderr
    out = Path("runs/noise-moons-ibmq_manila")
    document = json.loads((out / "comparison.json").read_bytes())
    lines = outcome.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    said = " ".join(outcome.stdout.split())
    assert "15 held-out rows of moons, seed 0" in said
    assert load_profile("ibmq_manila").content_hash[:12] in said
    assert "drifted: hours 24.0" in said
    for name, row in zip(SETTINGS, document["settings"], strict=True):
        assert row["setting"] == name
        (line,) = [text for text in lines if text.strip().startswith(name)]
        assert f"{row['metrics']['accuracy']['value']:.3f}" in line
        assert f"{row['metrics']['routing_flips']['value']:.3f}" in line
    as_json = the_document(qmoe("noise", *QUICK, "--out", "again", "--json").stdout)
    assert as_json["settings"] == document["settings"]
    assert as_json["out"] == "again"


def test_every_option_reaches_the_comparison(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any]
) -> None:
    profile = load_profile("ibmq_manila")
    profile.drift(7, hours=5.0).save("later.json")
    options = (
        *("--data", "digits", "--samples", "60", "--test-fraction", "0.5", "--experts", "3"),
        *("--layers", "1", "--qubits", "2", "--rotation", "y", "--reuploads", "2"),
        *("--entanglement", "ring", "--readout", "probabilities", "--epochs", "2"),
        *("--batch-size", "16", "--learning-rate", "0.1", "--early-stopping", "--patience", "1"),
        *("--seed", "4", "--device", "ibmq_manila", "--shots", "30", "--mitigation", "readout"),
        *("--device-qubits", "1,2", "--out", "run", "--json"),
    )
    documents = [
        the_document(qmoe("noise", *options, *more, "--force").stdout)
        for more in (("--later", "later.json"), ("--drift-seed", "7", "--drift-hours", "5"))
    ]
    first, second = (document["settings"] for document in documents)
    assert first == second
    assert [row["evaluated_on"]["shots"] for row in first] == [None, 30, 30, 30]
    for row in first[1:]:
        assert set(row["evaluated_on"]["physical_qubits"]) == {1, 2}
        assert row["evaluated_on"]["mitigation"] == "readout"
        assert len(row["metrics"]["expert_load"]["value"]) == 3
    later = first[3]["evaluated_on"]["calibration"]
    assert later["content_hash"] == load_profile("later.json").content_hash
    manifest = read_run("run/noisy").manifest
    assert (manifest.data.n_train, manifest.data.n_test, manifest.seed) == (30, 30, 4)
    settings = manifest.model["settings"]
    expected = {
        "n_experts": 3, "n_layers": 1, "n_qubits": 2, "rotation": "y", "reuploads": 2,
        "entanglement": "ring", "readout": "probabilities", "backend": "noisy:ibmq_manila",
        "batch_size": 16, "learning_rate": 0.1, "early_stopping": True, "patience": 1,
        "mitigation": "readout", "device_qubits": [1, 2], "shots": None,
    }  # fmt: skip
    assert {name: settings[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--device", "ibm_tornio"], "did you mean 'ibm_torino'"),
        (["--later", "nowhere.json"], "'nowhere.json' cannot be read"),
        (["--shots", "0"], "--shots must be a whole number"),
        (["--epochs", "0"], "--epochs must be a whole number"),
        (["--device-qubits", "a"], "numbers separated by commas"),
        (["--mitigation", "zme"], "known are none, readout, zne"),
        (["--drift-hours", "-1"], "hours of drift is -1.0"),
        (["--drift-seed", "-1"], "seed of the drift"),
        (["--data", "digits", "--device", "ibmq_manila"], "has 6 qubits, ibmq_manila has 5"),
        (["--resume"], "--resume needs --out"),
        (["--resume", "--out", "nowhere"], "there is no interrupted comparison in 'nowhere'"),
        (["--resume", "--force", "--out", "nowhere"], "alone"),
    ],
    ids=str,
)
def test_bad_settings_write_nothing(
    options: list[str],
    words: str,
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
) -> None:
    assert_refused(qmoe("noise", *options), words)
    assert list(Path().iterdir()) == []


def test_an_existing_folder_is_not_overwritten(
    qmoe: Callable[..., Any], assert_refused: Callable[[Any, str], None]
) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.tex").touch()
    assert_refused(qmoe("noise", *QUICK, "--out", "mine"), "exists")
    assert_refused(qmoe("noise", *QUICK, "--out", "mine", "--force"), "replaces nothing else")
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.tex"]


def test_interrupted_and_resumed(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first training."""

    def save(path: Path, content: Checkpoint) -> None:
        save_checkpoint(path, content)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("qmoe_qiskit.train.fit.save_checkpoint", save)
        ended = qmoe("noise", *QUICK, "--out", "a run")
    assert Path("a run/ideal/checkpoint.safetensors").exists()
    assert_it_goes_on(qmoe, the_document, ended.exit_code, (ended.stdout, ended.stderr), QUICK)


def assert_it_goes_on(
    qmoe: Callable[..., Any],
    the_document: Callable[[str], Any],
    code: int,
    said: tuple[str, str],
    options: tuple[str, ...],
) -> None:
    advice = "qmoe noise --resume --out 'a run'"
    assert said == ("", f"interrupted: nothing is lost, go on with {advice}\n")
    assert code == 130
    resumed = the_document(qmoe("noise", "--resume", "--out", "a run", "--json").stdout)
    whole = the_document(qmoe("noise", *options, "--out", "whole", "--json").stdout)
    assert resumed["settings"] == whole["settings"]


@pytest.mark.trial
def test_interrupted_by_the_real_signal(
    program: str, qmoe: Callable[..., Any], the_document: Callable[[str], Any], tmp_path: Path
) -> None:
    options = ("--samples", "80", "--layers", "1", "--epochs", "60", "--device", "ibmq_manila")
    command = [program, "noise", *options, "--out", "a run"]
    checkpoint = tmp_path / "a run" / "ideal" / "checkpoint.safetensors"
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        limit = time.monotonic() + 240
        while not checkpoint.exists() and process.poll() is None:
            assert time.monotonic() < limit
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=240)
    assert_it_goes_on(qmoe, the_document, process.returncode, (stdout, stderr), options)
