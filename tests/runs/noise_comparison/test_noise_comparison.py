"""The four settings: what is trained, where it is evaluated, and what stays when it is stopped."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qmoe_qiskit.data import load_dataset, split_dataset
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile
from qmoe_qiskit.runs import (
    NoiseCase,
    NoiseComparison,
    NoiseRequest,
    TrainingRequest,
    compare_under_noise,
    load_run,
    read_run,
    resume_comparison,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.train import QMoEClassifier

REQUEST = NoiseRequest(
    device="ibmq_manila",
    training=TrainingRequest(n_samples=80, n_layers=1, max_epochs=6, learning_rate=0.2, seed=3),
    drift_seed=5,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("noise") / "some" / "where"


@pytest.fixture(scope="module")
def compared(folder: Path) -> NoiseComparison:
    """A complete comparison; not to be changed."""
    return compare_under_noise(REQUEST, folder)


def test_the_four_settings_are_what_their_names_say(
    compared: NoiseComparison, folder: Path
) -> None:
    assert [result.setting for result in compared.settings] == list(NoiseCase)
    assert (compared.data, compared.n_rows, compared.seed) == ("moons", 20, 3)
    hashes = {
        None: None,
        "noisy": load_profile("ibmq_manila").content_hash,
        "later": load_profile("ibmq_manila").drift(5, hours=24.0).content_hash,
    }
    later = f"noisy:<ibmq_manila of 2024-05-28, hash {str(hashes['later'])[:12]}>"
    names = {None: "statevector", "noisy": "noisy:ibmq_manila", "later": later}
    expected = [(None, None), (None, "noisy"), ("noisy", "noisy"), ("noisy", "later")]
    for result, (trained, evaluated) in zip(compared.settings, expected, strict=True):
        for execution, where in ((result.trained_on, trained), (result.evaluated_on, evaluated)):
            calibration = execution.calibration
            assert (calibration and calibration.content_hash) == hashes[where]
            assert execution.backend == names[where]
            assert execution.shots is None
    assert NoiseProfile.load(folder / "later.json").content_hash == hashes["later"]


def test_both_trainings_begin_alike_and_their_rows_are_the_same(
    compared: NoiseComparison, folder: Path
) -> None:
    ideal, noisy = (read_run(folder / name).manifest for name in ("ideal", "noisy"))
    assert ideal.data == noisy.data
    settings = [manifest.model["settings"] for manifest in (ideal, noisy)]
    assert settings[0] | {"backend": "noisy:ibmq_manila"} == settings[1]
    assert ideal.seed == noisy.seed == compared.seed


@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")
def test_every_number_is_that_of_the_model(compared: NoiseComparison, folder: Path) -> None:
    """Counted anew from the runs."""
    test = split_dataset(load_dataset("moons", n_samples=80, seed=42), seed=3).test
    later = load_profile("ibmq_manila").drift(5)
    models = {
        NoiseCase.IDEAL_IDEAL: load_run(folder / "ideal"),
        NoiseCase.IDEAL_NOISY: load_run(folder / "ideal", backend="noisy:ibmq_manila"),
        NoiseCase.NOISY_NOISY: load_run(folder / "noisy"),
        NoiseCase.NOISY_LATER: load_run(
            folder / "noisy",
            backend=later,
            device_qubits=compared.settings[3].evaluated_on.physical_qubits,
        ),
    }

    def hits_and_experts(model: QMoEClassifier) -> tuple[np.ndarray, np.ndarray]:
        return (
            model.predict(test.features_NF) == test.labels_N,
            model.routing_weights(test.features_NF).argmax(axis=1),
        )

    reference_N, _ = hits_and_experts(models[NoiseCase.IDEAL_IDEAL].classifier)
    for result in compared.settings:
        run = models[result.setting]
        hits_N, experts_N = hits_and_experts(run.classifier)
        _, exact_N = hits_and_experts(load_run(run.path, backend="statevector").classifier)
        values = {name: metric.value for name, metric in result.metrics.items()}
        assert values["accuracy"] == hits_N.mean()
        assert values["accuracy_difference"] == pytest.approx(hits_N.mean() - reference_N.mean())
        assert values["routing_flips"] == (experts_N != exact_N).mean()
        assert values["expert_load"] == [(experts_N == e).mean() for e in range(2)]
        has_interval = result.setting != NoiseCase.IDEAL_IDEAL
        for name in ("accuracy_difference", "routing_flips"):
            assert (result.metrics[name].uncertainty is not None) == has_interval
        assert result.metrics["accuracy"].uncertainty is not None


def test_the_circuit_stays_on_its_qubits(compared: NoiseComparison, tmp_path: Path) -> None:
    """Also where a later calibration would have preferred others; another device has its own."""
    noisy, later = (result.evaluated_on for result in compared.settings[2:])
    assert set(noisy.physical_qubits) == set(later.physical_qubits)
    profile = load_profile("ibmq_manila")
    worse = [replace(q, p_meas1_prep0=0.4) if q.qubit in noisy.physical_qubits else q
             for q in profile.qubits]  # fmt: skip
    replace(profile, qubits=tuple(worse)).save(tmp_path / "worse.json")
    request = replace(REQUEST, later=str(tmp_path / "worse.json"))
    request = replace(request, training=replace(request.training, max_epochs=1))
    stayed = compare_under_noise(request, tmp_path / "one").settings[3].evaluated_on
    assert set(stayed.physical_qubits) == set(noisy.physical_qubits)
    moved = compare_under_noise(replace(request, later="ibm_perth"), tmp_path / "two")
    assert moved.settings[3].evaluated_on.backend == "noisy:ibm_perth"
    chosen = replace(request, later=None, device_qubits=(1, 0))
    for result in compare_under_noise(chosen, tmp_path / "three").settings[1:]:
        assert set(result.evaluated_on.physical_qubits) == {0, 1}


def test_shots_are_those_of_the_evaluations(tmp_path: Path) -> None:
    request = replace(
        REQUEST,
        shots=40,
        mitigation="readout",
        training=replace(REQUEST.training, max_epochs=1, data="moons"),
    )
    compared = compare_under_noise(request, tmp_path / "run")
    results = compared.settings
    assert [result.trained_on.shots for result in results] == [None] * 4
    assert [result.evaluated_on.shots for result in results] == [None, 40, 40, 40]
    assert {result.evaluated_on.mitigation for result in results[1:]} == {"readout"}
    assert results[3].trained_on.mitigation == "readout"
    assert compare_under_noise(request, tmp_path / "run", force=True) == compared


def test_the_document_says_everything(compared: NoiseComparison, folder: Path) -> None:
    document = json.loads((folder / "comparison.json").read_bytes())
    assert document["kind"] == "qmoe-noise-comparison"
    assert document["request"]["device"] == "ibmq_manila"
    assert [row["setting"] for row in document["settings"]] == [str(s) for s in NoiseCase]
    metric = document["settings"][1]["metrics"]["routing_flips"]
    assert metric["value"] == compared.settings[1].metrics["routing_flips"].value
    assert "noisy:ibmq_manila" in metric["produced_by"]
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["comparison.json", "ideal", "later.json", "noisy"]


@pytest.mark.parametrize("run_number", [1, 2])
def test_an_interrupted_comparison_goes_on(
    run_number: int, compared: NoiseComparison, tmp_path: Path
) -> None:
    calls = []

    def figures(*_: Any) -> None:
        calls.append(None)
        if len(calls) == run_number:
            raise KeyboardInterrupt

    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        compare_under_noise(REQUEST, out, figures=figures)
    assert not (out / "comparison.json").exists()
    with pytest.raises(RunError, match="add --resume to go on"):
        compare_under_noise(REQUEST, out)
    assert resume_comparison(out) == compared
    assert not (out / "request.json").exists()
    with pytest.raises(RunError, match="no interrupted comparison"):
        resume_comparison(out)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"device": "ibm_tornio"}, "did you mean 'ibm_torino'"),
    ({"device": "missing.json"}, "missing.json"),
    ({"later": "ibm_tornio"}, "did you mean 'ibm_torino'"),
    ({"shots": 0}, "shots must be"),
    ({"mitigation": "twirl"}, "known are none, readout"),
    ({"device_qubits": (0, 9)}, r"\[9\] are not on"),
    ({"drift_hours": -1.0}, "hours of drift"),
    ({"drift_seed": -1}, "seed of the drift"),
    ({"training": TrainingRequest(data="mons")}, "moons"),
    ({"training": TrainingRequest(data="digits", n_samples=60)}, "has 6 qubits, ibmq_manila has 5"),
    (
        {"training": TrainingRequest(data="digits", n_samples=60), "device": "ibm_perth",
         "later": "ibmq_manila"},
        "has 6 qubits, ibmq_manila has 5",
    ),
    ({"training": TrainingRequest(learning_rate=-1.0)}, "learning_rate"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), REFUSED, ids=str)
def test_what_is_refused_leaves_nothing(
    changes: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=words):
        compare_under_noise(replace(REQUEST, **changes), "some/where")
    assert list(tmp_path.iterdir()) == []


def test_divergence_leaves_nothing(tmp_path: Path) -> None:
    training = replace(REQUEST.training, learning_rate=1e308)
    with pytest.raises(InputError, match="diverged"):
        compare_under_noise(replace(REQUEST, training=training), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(
    compared: NoiseComparison, folder: Path, tmp_path: Path,
    files_of: Callable[[Path], dict[str, bytes]],
) -> None:  # fmt: skip
    assert compared
    shutil.copytree(folder, tmp_path / "there")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "comparison.json").write_text("{}")
    (tmp_path / "file").touch()
    shutil.copytree(folder / "ideal", tmp_path / "run")
    before = files_of(tmp_path)
    for name in ("there", "foreign", "run"):
        with pytest.raises(RunError, match="exists: choose another folder"):
            compare_under_noise(REQUEST, tmp_path / name)
    for name in ("foreign", "run"):
        with pytest.raises(RunError, match="is not a comparison of qmoe noise"):
            compare_under_noise(REQUEST, tmp_path / name, force=True)
    with pytest.raises(RunError, match="is not a folder"):
        compare_under_noise(REQUEST, tmp_path / "file", force=True)
    assert files_of(tmp_path) == before
    request = replace(REQUEST, training=replace(REQUEST.training, seed=4, max_epochs=1))
    assert compare_under_noise(request, tmp_path / "there", force=True).seed == 4


def test_paths_tell_nothing_of_the_machine(tmp_path: Path) -> None:
    load_profile("ibmq_manila").save(tmp_path / "device.json")
    request = replace(
        REQUEST,
        device=str(tmp_path / "device.json"),
        training=replace(REQUEST.training, max_epochs=1),
    )
    compare_under_noise(request, tmp_path / "run")
    for path in (tmp_path / "run").rglob("*.json"):
        assert str(tmp_path) not in path.read_text(), path
