"""`qmoe evaluate`, `qmoe predict` and `qmoe info`."""

from __future__ import annotations

import csv
import dataclasses
import io
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.runs import load_run, predict_file, read_run

if TYPE_CHECKING:
    from collections.abc import Callable


def test_evaluate_repeats_the_metrics_of_the_run(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], run: Path, file_run: Path
) -> None:
    for path in (run, run / "control", file_run):
        document = the_document(qmoe("evaluate", path, "--json").stdout)
        assert (document["rows"], document["n_rows"]) == ("held-out", 15)
        for name, metric in document["metrics"].items():
            stored = dataclasses.asdict(read_run(path).metrics[name])
            assert metric["value"] == stored["value"]
            assert metric["uncertainty"] == stored["uncertainty"]
        outcome = qmoe("evaluate", path)
        assert f"{document['metrics']['accuracy']['value']:.3f}" in outcome.stdout
        assert "the 15 held-out rows" in " ".join(outcome.stdout.split())


def test_evaluate_on_other_data(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], run: Path, file_run: Path,
    table: Path,
) -> None:  # fmt: skip
    outcome = qmoe("evaluate", run, "--data", "circles", "--json", "--backend", "statevector")
    document = the_document(outcome.stdout)
    assert (document["rows"], document["n_rows"]) == ("all", 500)
    outside = document["metrics"]["rows_outside_range"]["value"]
    assert outcome.stderr == (
        f"note: {outside} of 500 rows lie outside the range of the training data\n"
    )
    document = the_document(
        qmoe("evaluate", file_run, "--data", table, "--target", "arc", "--json").stdout
    )
    assert document["rows"] == "held-out"


def test_evaluate_under_noise(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], run: Path
) -> None:
    """Where the run was trained without."""
    options = ("--backend", "noisy:ibm_torino", "--shots", "50", "--mitigation", "readout")
    document = the_document(qmoe("evaluate", run, *options, "--json").stdout)
    execution = document["execution"]
    profile = load_profile("ibm_torino")
    assert execution["backend"] == "noisy:ibm_torino"
    assert execution["calibration"]["content_hash"] == profile.content_hash
    assert (execution["shots"], execution["mitigation"]) == (50, "readout")
    assert len(execution["physical_qubits"]) == 2
    for metric in document["metrics"].values():
        assert "50 shots, mitigation 'readout'" in metric["produced_by"]
        assert profile.content_hash[:12] in metric["produced_by"]
    assert the_document(qmoe("evaluate", run, *options, "--json").stdout) == document
    said = " ".join(qmoe("evaluate", run, *options).stdout.split())
    assert "calibration of 2025-02-26 20:26 UTC" in said
    chosen = qmoe("evaluate", run, "--backend", "noisy:ibm_torino", "--device-qubits", "1,0")
    assert "qubits 0 1, exact" in " ".join(chosen.stdout.split()) or "qubits 1 0, exact" in (
        " ".join(chosen.stdout.split())
    )


@pytest.mark.usefixtures("no_figures")
def test_a_run_under_noise_from_training_to_predictions(
    qmoe: Callable[..., Any],
    the_document: Callable[[str], Any],
    small: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    load_profile("ibmq_manila").scale(2).save("double.json")
    options = ("--backend", "noisy:double.json", "--device-qubits", "1,2", "--out", "run")
    document = the_document(qmoe("train", *small, *options, "--json").stdout)
    execution, none = (model["execution"] for model in document["models"])
    assert none is None
    assert set(execution["physical_qubits"]) == {1, 2}
    assert execution["calibration"]["history"] == ["scaled: gates 2.0, relaxation 2.0, readout 2.0"]
    (tmp_path / "double.json").unlink()
    assert the_document(qmoe("info", "run", "--json").stdout)["execution"] == execution
    said = " ".join(qmoe("info", "run").stdout.split())
    assert "ran on backend 'noisy:<ibmq_manila of 2024-05-27, hash" in said
    assert "noisy:double.json" in said
    said = " ".join(qmoe("evaluate", "run").stdout.split())
    error = load_run("run").classifier.compiled_router.expected_error
    assert f"error in {100 * error:.2g} % of its executions is expected" in said
    assert "no circuit: the router is classical" in qmoe("info", "run/control").stdout
    np.savez("points.npz", X=np.full((3, 2), 0.3))
    exact = the_document(qmoe("predict", "run", "points.npz", "--json").stdout)
    assert exact["execution"] == execution
    assert exact["predictions"][0] == exact["predictions"][1]
    shots = ("--shots", "20", "--json")
    sampled = the_document(qmoe("predict", "run", "points.npz", *shots).stdout)
    assert sampled["execution"] == {**execution, "shots": 20}
    assert sampled["predictions"][0] != sampled["predictions"][1]
    assert the_document(qmoe("predict", "run", "points.npz", *shots).stdout) == sampled
    elsewhere = qmoe("predict", "run", "points.npz", "--backend", "statevector", "--json")
    assert the_document(elsewhere.stdout)["execution"]["calibration"] is None


def test_predictions_in_another_process_are_pythons(
    qmoe_process: Callable[..., subprocess.CompletedProcess[str]],
    the_document: Callable[[str], Any],
    run: Path,
    tmp_path: Path,
) -> None:
    moved = Path(shutil.copytree(run, tmp_path / "moved"))
    points_NF = np.random.default_rng(1).normal(size=(40, 2))
    np.savez(tmp_path / "points.npz", X=points_NF)
    result = qmoe_process("predict", "moved", "points.npz", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    document = the_document(result.stdout)
    ours = predict_file(load_run(moved), tmp_path / "points.npz")
    rows = document["predictions"]
    assert [row["label"] for row in rows] == ours.labels_N.tolist()
    assert [row["probabilities"] for row in rows] == ours.probabilities_NC.tolist()
    assert [row["weights"] for row in rows] == ours.weights_NE.tolist()
    assert document["classes"] == [0, 1]
    assert result.stderr == (
        f"note: {ours.rows_outside_range} of 40 rows lie outside the range of the training data\n"
    )


def test_predictions_as_csv(
    qmoe: Callable[..., Any], file_run: Path, table: Path, tmp_path: Path
) -> None:
    outcome = qmoe("predict", file_run, table)
    header, *rows = csv.reader(io.StringIO(outcome.stdout))
    assert header == [
        "label",
        "probability_lower, arc",
        "probability_upper arc",
        "weight_expert_0",
        "weight_expert_1",
    ]
    ours = predict_file(load_run(file_run), table)
    assert [row[0] for row in rows] == ours.labels_N.tolist()
    assert [[float(x) for x in row[1:3]] for row in rows] == ours.probabilities_NC.tolist()
    assert [[float(x) for x in row[3:]] for row in rows] == ours.weights_NE.tolist()
    written = qmoe("predict", file_run, table, "--out", tmp_path / "out.csv")
    assert written.stdout == ""
    assert (tmp_path / "out.csv").read_text() == outcome.stdout


def test_reader_that_goes_is_no_error(program: str, run: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "many.npz", X=np.full((4000, 2), 0.3))
    command = [program, "predict", str(run), "many.npz"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("label,")
        process.stdout.close()
        assert process.stderr.read() == ""


def test_info_tells_what_a_person_wants(qmoe: Callable[..., Any], run: Path) -> None:
    outcome = qmoe("info", run)
    assert outcome.exit_code == 0, outcome.stderr
    said = " ".join(outcome.stdout.split())
    for words in (
        "45 training rows, 15 held out",
        "sklearn.datasets.make_moons(n_samples=60",
        "x0, x1",
        "statevector",
        "qmoe train --data moons",
        "torch",
        "Rx(x[0])",
        "Rz(w[0])",
        "linear (control)",
    ):
        assert words in said
    assert max(map(len, outcome.stdout.splitlines())) <= 80


def test_info_as_json(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], run: Path, file_run: Path
) -> None:
    document = the_document(qmoe("info", run, "--json").stdout)
    record = read_run(run)
    assert document["seed"] == 0
    assert document["files"] == record.manifest.files
    assert document["data"]["content_hash"] == record.manifest.data.content_hash
    assert document["epochs"] == record.history
    assert "Rx(x[0])" in document["circuit"]
    assert document["control"]["model"]["settings"]["router"] == "linear"
    document = the_document(qmoe("info", file_run, "--json").stdout)
    assert document["circuit"] is None
    assert document["control"] is None
    assert document["data"]["file"] == "../points.csv"


def test_runs_side_by_side(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], run: Path, file_run: Path
) -> None:
    outcome = qmoe("info", run, file_run)
    assert outcome.exit_code == 0, outcome.stderr
    assert "different data: their metrics are from different rows" in outcome.stdout
    assert "router " in outcome.stdout
    document = the_document(qmoe("info", run, file_run, "--json").stdout)
    assert [one["run"] for one in document["runs"]] == [str(run), str(file_run)]
    assert document["settings"]["router"] == ["quantum", "linear"]
    assert document["settings"]["data"] == ["moons", "points"]
    assert "learning_rate" not in document["settings"]
    same = qmoe("info", run, run).stdout
    assert "The runs have the same settings." in same
    assert "On the same held-out rows, with 95 % intervals:" in same
    value = read_run(run).metrics["accuracy"].number
    assert same.count(f"{value:.3f}") >= 2


@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")
@pytest.mark.usefixtures("no_figures")
def test_columns_are_chosen_by_name_and_kept(
    qmoe: Callable[..., Any],
    the_document: Callable[[str], Any],
    assert_refused: Callable[[Any, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    points = load_dataset("moons", n_samples=60)
    frame = pd.DataFrame(points.features_NF, columns=["a", "b"])
    frame.insert(0, "id", [f"row {i}" for i in range(60)])
    frame["label"] = points.labels_N
    frame.to_parquet("rows.parquet", index=False)
    options = ("--target", "label", "--drop", "id", "--router", "linear", "--epochs", "2")
    assert qmoe("train", "--data", "rows.parquet", *options, "--out", "run").exit_code == 0
    record = read_run("run").manifest.data
    assert (record.feature_names, record.ignored_columns) == (("a", "b"), ("id",))
    frame[["b", "id", "a"]].to_csv("new.tsv.gz", index=False, sep="\t")
    outcome = qmoe("predict", "run", "new.tsv.gz", "--keep", "id")
    assert outcome.exit_code == 0, outcome.stderr
    predicted = pd.read_csv(io.StringIO(outcome.stdout))
    assert predicted["id"].tolist() == frame["id"].tolist()
    model = load_run("run").classifier
    assert np.array_equal(predicted["label"], model.predict(frame[["a", "b"]]))
    document = the_document(qmoe("predict", "run", "new.tsv.gz", "--keep", "id", "--json").stdout)
    assert document["kept"] == {"id": frame["id"].tolist()}
    assert qmoe("predict", "run", "new.tsv.gz").stdout.startswith("label,")
    evaluated = the_document(qmoe("evaluate", "run", "--json").stdout)
    accuracy = read_run("run").metrics["accuracy"].value
    assert evaluated["metrics"]["accuracy"]["value"] == accuracy
    assert_refused(qmoe("predict", "run", "new.tsv.gz", "--keep", "idd"), "did you mean 'id'")
    assert_refused(
        qmoe("predict", "run", "rows.parquet", "--keep", "label"), "have a column of that name"
    )
    assert_refused(qmoe("train", "--data", "rows.parquet", "--drop", ","), "--drop must be names")
