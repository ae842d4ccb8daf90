"""Runs under noise: what they say that they ran on, and that they need nothing else to go on."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.io.checked_json import dump_checked
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile
from qmoe_qiskit.runs import (
    TrainingRequest,
    evaluate_run,
    load_run,
    predict_file,
    read_run,
    resume_run,
    train_run,
)
from qmoe_qiskit.runs.store.manifest import KIND

if TYPE_CHECKING:
    from collections.abc import Callable

MANILA = "noisy:ibmq_manila"


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def noisy_request(request_: TrainingRequest) -> TrainingRequest:
    return replace(request_, backend=MANILA, mitigation="readout", max_epochs=2)


@pytest.fixture(scope="module")
def noisy(noisy_request: TrainingRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run under noise; not to be changed."""
    out = tmp_path_factory.mktemp("noisy") / "run"
    train_run(noisy_request, out)
    return out


@pytest.fixture(scope="module")
def sampled(noisy_request: TrainingRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run from shots; not to be changed."""
    out = tmp_path_factory.mktemp("sampled") / "run"
    train_run(replace(noisy_request, shots=60, n_samples=24, max_epochs=1), out)
    return out


def test_the_manifest_says_in_full_what_it_ran_on(noisy: Path) -> None:
    execution = read_run(noisy).manifest.execution
    assert execution is not None
    profile = load_profile("ibmq_manila")
    assert execution.backend == MANILA
    assert (execution.shots, execution.mitigation) == (None, "readout")
    assert len(set(execution.physical_qubits)) == 2
    calibration = execution.calibration
    assert calibration is not None
    assert calibration.device == "ibmq_manila"
    assert calibration.family == profile.family
    assert calibration.captured_at == "2024-05-27T18:27:23Z"
    assert calibration.content_hash == profile.content_hash
    assert NoiseProfile.load(noisy / "profile.json") == profile


def test_metrics_say_what_produced_them(noisy: Path, sampled: Path, finished: Path) -> None:
    said = read_run(noisy).metrics["accuracy"].produced_by
    qubits = read_run(noisy).manifest.execution.physical_qubits  # type: ignore[union-attr]
    for words in (
        f"15 held-out rows of moons; router 'quantum', backend '{MANILA}'",
        "calibration of 2024-05-27 18:27 UTC",
        load_profile("ibmq_manila").content_hash[:12],
        f"qubits {qubits[0]} {qubits[1]}",
        "exact, mitigation 'readout', seed 3",
    ):
        assert words in said
    assert "60 shots" in read_run(sampled).metrics["accuracy"].produced_by
    assert read_run(finished).metrics["accuracy"].produced_by == (
        "15 held-out rows of moons; router 'quantum', backend 'statevector', seed 3"
    )
    control = read_run(noisy).control()
    assert control is not None
    assert control.manifest.execution is None
    assert control.metrics["accuracy"].produced_by.endswith("router 'linear', seed 3")


@pytest.mark.parametrize("name", ["noisy", "sampled"])
def test_evaluating_a_run_repeats_its_metrics(name: str, request: pytest.FixtureRequest) -> None:
    run = load_run(request.getfixturevalue(name))
    result = evaluate_run(run)
    assert result.execution == run.manifest.execution
    for metric_name, metric in result.metrics.items():
        assert metric == run.metrics[metric_name]


def test_a_run_from_shots_repeats(
    sampled: Path, noisy_request: TrainingRequest, tmp_path: Path,
    assert_same_run: Callable[[Path, Path], None],
) -> None:  # fmt: skip
    train_run(replace(noisy_request, shots=60, n_samples=24, max_epochs=1), tmp_path / "run")
    assert_same_run(tmp_path / "run", sampled)


def test_evaluation_elsewhere(noisy: Path, finished: Path) -> None:
    """Trained here, evaluated there."""
    result = evaluate_run(load_run(finished, backend="noisy:ibm_perth", shots=50))
    assert result.execution is not None
    assert (result.execution.backend, result.execution.shots) == ("noisy:ibm_perth", 50)
    assert "50 shots" in result.metrics["accuracy"].produced_by
    ideal = evaluate_run(load_run(noisy, backend="statevector"))
    assert ideal.execution is not None
    assert (ideal.execution.calibration, ideal.execution.mitigation) == (None, "none")
    drifted = load_profile("ibmq_manila").drift(3)
    moved = evaluate_run(load_run(noisy, backend=drifted, device_qubits=(1, 0)))
    assert moved.execution is not None
    assert moved.execution.calibration is not None
    assert moved.execution.calibration.history == drifted.history
    assert "drifted: hours 24.0" in moved.metrics["accuracy"].produced_by
    assert set(moved.execution.physical_qubits) == {0, 1}
    control = evaluate_run(load_run(noisy / "control", backend=MANILA))
    assert control.execution is None


def test_backends_that_cannot_run_the_model(noisy: Path) -> None:
    for settings, words in (
        ({"backend": "noisy:ibm_tornio"}, "did you mean 'ibm_torino'"),
        ({"shots": 0}, "shots must be"),
        ({"device_qubits": (0, 7)}, r"qubits \[7\] are not on ibmq_manila"),
        ({"backend": "statevector", "shots": 5}, "is exact"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            load_run(noisy, **settings)  # type: ignore[arg-type]
        assert not isinstance(caught.value, RunError)
        if "backend" in settings and "shots" not in settings:
            with pytest.raises(InputError, match=words):
                load_run(noisy / "control", **settings)  # type: ignore[arg-type]


def test_a_file_with_a_profile_is_not_needed_afterwards(
    noisy_request: TrainingRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run holds the calibration, and tells nothing of where the file was."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    load_profile("ibmq_manila").drift(1).save("here/device.json")
    request = replace(noisy_request, backend=f"noisy:{tmp_path}/here/device.json", control=None)
    out = tmp_path / "here" / "runs" / "one"
    with pytest.raises(KeyboardInterrupt):
        train_run(request, out, figures=interrupt)
    assert str(tmp_path) not in (out / "request.json").read_text()
    # Run and file may move together while the training is interrupted.
    (tmp_path / "here").rename("there")
    monkeypatch.chdir("/")
    run = resume_run(tmp_path / "there" / "runs" / "one")
    (tmp_path / "there" / "device.json").unlink()
    text = (run.path / "manifest.json").read_text()
    assert str(tmp_path) not in text
    assert "noisy:here/device.json" in run.manifest.command
    again = load_run(run.path)
    points_NF = np.linspace(
        again.classifier.feature_map_.minimum_F, again.classifier.feature_map_.maximum_F, 9
    )
    ours, theirs = (one.classifier.predict_proba(points_NF) for one in (again, run))
    np.testing.assert_array_equal(ours, theirs)
    np.savez(tmp_path / "points.npz", X=points_NF)
    assert predict_file(again, tmp_path / "points.npz").execution == run.manifest.execution


def test_a_damaged_profile_is_noticed(noisy: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(noisy, tmp_path / "run"))
    path = out / "profile.json"
    path.write_text(path.read_text().replace("0.1", "0.2", 1))
    with pytest.raises(RunError, match=r"profile.json' was changed"):
        load_run(out)
    manifest = read_run(noisy).manifest
    path.write_bytes(b"\xff{")
    forged = replace(manifest, files={**manifest.files, "profile.json": digest(b"\xff{")})
    (out / "manifest.json").write_bytes(forged.to_json())
    with pytest.raises(RunError, match="stored model cannot be rebuilt"):
        load_run(out)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_runs_from_before_there_was_noise_are_read(finished: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(finished, tmp_path / "run"))
    for path in (out / "control" / "manifest.json", out / "manifest.json"):
        document = json.loads(path.read_bytes())
        del document["execution"], document["content_hash"], document["model"]["backend_seed"]
        for name in ("shots", "mitigation", "device_qubits"):
            del document["model"]["settings"][name]
        if path.parent == out:
            content = (out / "control" / "manifest.json").read_bytes()
            document["files"]["control/manifest.json"] = digest(content)
        assert document.pop("kind") == KIND
        path.write_bytes(dump_checked(KIND, document))
    assert read_run(out).manifest.execution is None
    before, now = load_run(out), load_run(finished)
    assert evaluate_run(before).metrics == evaluate_run(now).metrics
    assert load_run(out, backend=MANILA, shots=20).classifier.shots == 20
