"""From hardware to results: predictions row by row, figures, tables, and work on fakes."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.runs import load_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from ibm_service import IBMService

FEW = ("--samples", "8", "--shots", "64")
ON_MANILA = ("--backend", "runtime:ibmq_manila", *FEW)
FAKE = ("--backend", "runtime:fake_manila", *FEW)
FIGURES = {"routing.png", "outputs.png"}


@pytest.fixture
def new_rows(tmp_path: Path) -> Path:
    """Three rows without labels."""
    path = tmp_path / "new.npz"
    np.savez(path, X=np.array([[0.5, 0.2], [-1.0, 0.3], [1.5, -0.2]]))
    return path


def test_predictions_and_figures_of_an_evaluation(
    *,
    ibm: IBMService,
    document: Callable[..., Any],
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = ("--predictions", tmp_path / "rows.csv", "--figures", tmp_path / "figures")
    measured = document("evaluate", run, *ON_MANILA, "--yes", *files)
    assert {Path(file).name for file in measured["files"]} == {
        "rows.csv", "qpu_time.png", *FIGURES,
    }  # fmt: skip
    first = (tmp_path / "rows.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(first.decode())))
    assert [int(row["row"]) for row in rows] == list(range(8))
    hits = np.mean([row["label"] == row["predicted"] for row in rows])
    assert hits == measured["metrics"]["accuracy"]["value"]
    assert all(float(row["std_error_probability_0"]) > 0 for row in rows)
    # The service is gone: the same from the ledger, to new files only.
    ibm.stop()
    monkeypatch.setattr("qmoe_qiskit.figures.style.figure_bytes", lambda _: b"drawn")
    again = document("evaluate", run, *ON_MANILA, *files, "--force")
    assert again == measured
    drawn = [path.read_bytes() for path in (tmp_path / "figures").iterdir()]
    assert drawn == [b"drawn"] * 3
    assert (tmp_path / "rows.csv").read_bytes() == first


def test_weights_and_errors_are_those_of_the_job(
    ibm: IBMService, document: Callable[..., Any], run: Path, tmp_path: Path
) -> None:
    """Worked out again from the exported table, in NumPy; single outputs bound the errors."""
    del ibm
    document("evaluate", run, *ON_MANILA, "--yes", "--predictions", tmp_path / "rows.csv")
    document("jobs", "export", "--out", tmp_path / "all.csv")
    rows, table = pd.read_csv(tmp_path / "rows.csv"), pd.read_csv(tmp_path / "all.csv")
    values_NO = table.pivot_table(index="row", columns="observable", values="value").to_numpy()
    errors_NO = table.pivot_table(index="row", columns="observable", values="std_error").to_numpy()
    adapter = load_run(run).classifier.module_.router.adapter
    slope_O = (adapter.weight[1] - adapter.weight[0]).detach().numpy()
    score_N = values_NO @ slope_O + float((adapter.bias[1] - adapter.bias[0]).detach())
    weight_N = 1 / (1 + np.exp(-score_N))
    assert rows["weight_expert_1"].to_numpy() == pytest.approx(weight_N)
    steepness_N = weight_N * (1 - weight_N)
    parts_NO = np.abs(slope_O) * errors_NO
    largest_N = steepness_N * parts_NO.sum(axis=1)
    smallest_N = steepness_N * np.abs(parts_NO[:, 0] - parts_NO[:, 1])
    found_N = rows["std_error_weight_expert_1"].to_numpy()
    assert (found_N <= largest_N * (1 + 1e-9)).all()
    assert (found_N >= smallest_N * (1 - 1e-9)).all()


@pytest.mark.parametrize("option", ["--predictions", "--figures"])
def test_files_that_cannot_be_written_are_found_first(
    *, option: str, ibm: IBMService, refused: Callable[..., None], run: Path, tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "rows.csv").write_text("mine")
    (taken / "outputs.png").write_text("mine")
    existing = taken / "rows.csv" if option == "--predictions" else taken
    evaluate = ("evaluate", run, *ON_MANILA, "--yes", option)
    refused("exists: choose another file, or add --force", *evaluate, existing)
    refused("cannot be written", *evaluate, taken / "rows.csv" / "below")
    refused("cannot be written (File name too long)", *evaluate, taken / ("x" * 300) / "y")
    refused("cannot be written", *evaluate, "/proc/nowhere/x")
    other = taken if option == "--predictions" else taken / "rows.csv"
    refused(f"name a {'file' if option == '--predictions' else 'folder'}", *evaluate, other)
    assert ibm.requests == []
    assert (taken / "rows.csv").read_text() == (taken / "outputs.png").read_text() == "mine"


def test_figures_need_a_circuit(
    refused: Callable[..., None], file_run: Path, tmp_path: Path
) -> None:
    words = "router 'linear' is classical: --figures compares"
    refused(words, "evaluate", file_run, "--figures", tmp_path / "figures")


def test_predictions_of_new_rows_are_paid_for_once(
    *,
    ibm: IBMService,
    document: Callable[..., Any],
    qmoe: Callable[..., Any],
    refused: Callable[..., None],
    run: Path,
    new_rows: Path,
    tmp_path: Path,
) -> None:
    options = ("predict", run, new_rows, "--backend", "runtime:ibmq_manila", "--shots", "64")
    refused("nobody can be asked: give --budget TIME, or --yes", *options)
    refused("left of a budget of 1 s", *options, "--budget", "1s")
    taken = tmp_path / "taken.csv"
    taken.write_text("mine")
    refused("exists: choose another file", *options, "--yes", "--out", taken)
    assert ibm.jobs == []
    found = document(*options, "--budget", "60s")
    assert found["cost"]["jobs"] == [ibm.jobs[0].id]
    assert found["execution"]["backend"] == "runtime:ibmq_manila"
    assert [set(row) for row in found["predictions"]] == 3 * [
        {
            "label", "probabilities", "weights", "std_errors_probabilities", "std_errors_weights",
            "decision_uncertain",
        }
    ]  # fmt: skip
    ibm.stop()
    assert document(*options) == found
    outcome = qmoe(*options)
    rows = list(csv.DictReader(io.StringIO(outcome.stdout)))
    for row, said in zip(rows, found["predictions"], strict=True):
        assert float(row["weight_expert_1"]) == said["weights"][1]
        assert float(row["std_error_weight_expert_1"]) == said["std_errors_weights"][1] > 0
    assert f"for 1 job: {found['cost']['jobs'][0]}" in outcome.stderr


def test_predictions_without_shots_keep_their_columns(
    qmoe: Callable[..., Any], run: Path, new_rows: Path
) -> None:
    names = "label,probability_0,probability_1,weight_expert_0,weight_expert_1"
    assert qmoe("predict", run, new_rows).stdout.splitlines()[0] == names
    shots = qmoe("predict", run, new_rows, "--backend", "noisy:ibmq_manila", "--shots", "64").stdout
    assert shots.splitlines()[0] == (
        f"{names},std_error_probability_0,std_error_probability_1,std_error_weight_expert_0,"
        "std_error_weight_expert_1,decision_uncertain"
    )


def test_predict_refuses_what_is_for_devices(
    refused: Callable[..., None], run: Path, new_rows: Path
) -> None:
    for option in ("--budget=60s", "--resilience=1", "--repetition=1", "--yes"):
        name = option.partition("=")[0]
        refused(f"{name} is for a device of IBM Quantum", "predict", run, new_rows, option)
    fake = ("predict", run, new_rows, "--backend", "runtime:fake_manila")
    refused("--mitigation is for --backend noisy:DEVICE", *fake, "--mitigation", "readout")
    refused("--budget is for a device of IBM Quantum", *fake, "--budget", "60s")


def test_work_on_a_fake_runs_at_once_and_stays(
    *,
    ibm: IBMService,
    document: Callable[..., Any],
    qmoe: Callable[..., Any],
    run: Path,
    tmp_path: Path,
) -> None:
    fresh = document("evaluate", run, *FAKE)
    outcome = qmoe("submit", run, *FAKE, "--budget", "60s")
    assert outcome.exit_code == 0, outcome.stderr
    assert "fake_manila is simulated on this machine: it ran at once, and nothing was sent" in (
        outcome.stderr
    )
    (job,) = document("jobs", "list")["jobs"]
    assert (job["state"], job["device"], job["charged_seconds"]) == ("done", "fake_manila", 0.0)
    assert document("submit", run, *FAKE)["jobs"][0]["job_id"] == job["job_id"]
    measured = document("evaluate", run, *FAKE)
    assert measured["cost"] == {**fresh["cost"], "jobs": [job["job_id"]]}
    for name in ("execution", "metrics"):
        assert measured[name] == fresh[name]
    assert document("submit", run, *FAKE, "--wait") == measured
    assert "on this machine: nothing was charged" in qmoe("evaluate", run, *FAKE).stdout
    assert "nothing to collect" in qmoe("jobs", "collect").stdout
    # Other shots for another repetition, on the same qubits.
    other = document("submit", run, *FAKE, "--repetition", "1", "--wait")
    assert other["execution"]["physical_qubits"] == measured["execution"]["physical_qubits"]
    document("jobs", "export", "--out", tmp_path / "all.csv")
    table = pd.read_csv(tmp_path / "all.csv")
    first, second = (group["value"].to_numpy() for _, group in table.groupby("key"))
    assert len(first) == len(second) == 16
    assert not np.array_equal(first, second)
    assert ibm.requests == []


def test_results_as_a_table(
    ibm: IBMService, document: Callable[..., Any], refused: Callable[..., None], run: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    (job,) = document("submit", run, *ON_MANILA, "--yes")["jobs"]
    for suffix in (".csv", ".parquet"):
        written = document("jobs", "export", "--out", tmp_path / f"open{suffix}")
        assert written["n_lines"] == 16
    for opened in (pd.read_csv(tmp_path / "open.csv"), pd.read_parquet(tmp_path / "open.parquet")):
        assert opened["value"].isna().all()
        assert set(opened["state"]) == {"submitted"}
    document("jobs", "collect", "--wait")
    for suffix in (".csv", ".parquet"):
        document("jobs", "export", job["key"][:8], "--out", tmp_path / f"done{suffix}")
    table = pd.read_csv(tmp_path / "done.csv", parse_dates=["finished_at"])
    pd.testing.assert_frame_equal(
        table,
        pd.read_parquet(tmp_path / "done.parquet"),
        check_dtype=False,
    )
    with Ledger() as ledger:
        values_PO, std_errors_PO = ledger.results(job["tag"])
    assert table["value"].to_numpy() == pytest.approx(values_PO.ravel(), rel=1e-15)
    assert table["std_error"].to_numpy() == pytest.approx(std_errors_PO.ravel(), rel=1e-15)
    assert table["observable"].tolist() == 8 * ["Z0", "Z1"]
    assert table["row"].tolist() == np.repeat(np.arange(8), 2).tolist()
    facts = table.iloc[0]
    assert (facts["run"], facts["backend"], facts["job_id"], facts["tag"], facts["shots"]) == (
        str(run), "runtime:ibmq_manila", job["job_id"], job["tag"], 64,
    )  # fmt: skip
    assert set(table["job_charged_seconds"]) == {ibm.jobs[0].charge}
    export = ("jobs", "export", "--out")
    refused("exists: choose another file", *export, tmp_path / "done.csv")
    document(*export, tmp_path / "done.csv", "--force")
    refused("name its KEY, see qmoe jobs list", *export, tmp_path / "folder")
    refused("a folder must be new or empty", *export, tmp_path / "folder", job["key"], "--force")


def test_a_parquet_file_needs_pyarrow(
    refused: Callable[..., None], ibm: IBMService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del ibm
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    refused(
        "needs pyarrow, which is not installed", "jobs", "export", "--out", tmp_path / "a.parquet"
    )
