"""Every kind of bad input: one sentence, exit code 2, nothing written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def everything(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "'rows.csv' is empty"),
        ("a,b\n1,2\n", "unknown target 'y'"),
        ("a,b,y\n1,nan,0\n", "line 2, column 'b': 'nan' is not a finite number"),
        ("a,b,y\n1,-inf,0\n", "line 2, column 'b': '-inf' is not a finite number"),
        ("a,b,y\n1,two,0\n", "line 2, column 'b': 'two' is not a number"),
        ("a,b,y\n1,,0\n", "line 2, column 'b': the value is missing"),
        ("a,b,y\n1,2,0\n3,4,0\n", "every row has the label 0"),
        ("a,b,y\n1,2,0\n3,4,1\n5,6,2\n", "have a single row"),
        ("y\n0\n1\n", "no feature columns"),
        ("\x00\x01", "is not text"),
    ],
)
def test_bad_files(
    *,
    content: str,
    words: str,
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text(content)
    assert_refused(qmoe("train", "--data", "rows.csv", "--target", "y", "--out", "run"), words)
    assert list(tmp_path.iterdir()) == [tmp_path / "rows.csv"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data", "missing.csv", "--target", "y"], "'missing.csv' does not exist"),
        (["--data", "/", "--target", "y"], "is a folder"),
        (["--data", "mons"], "known are circles, digits, digits10, moons, spirals, xor; did you"),
        (["--data", "moons", "--target", "y"], "target 'y' does not go with the built-in"),
        (["--router", "quantm"], "linear, mlp:H, quadratic, quantum, rff:N; did you"),
        (["--router", "mlp:0"], "got 0"),
        (["--router", "mlp:x"], "needs its number of hidden units"),
        (["--control", "quantm"], "unknown router 'quantm'"),
        (["--control", "quantum"], "is the router itself"),
        (["--backend", "statvector"], "unknown backend 'statvector': known are noisy:DEVICE"),
        (["--backend", "noisy:ibm_tornio"], "unknown noise profile 'ibm_tornio'"),
        (["--backend", "noisy:missing.json"], "noise profile 'missing.json' cannot be read"),
        (["--backend", "noisy:depolarizing:0.9"], "must lie between 0 and 0.75, got 0.9"),
        (["--backend", "noisy:thermal:100"], "needs two numbers"),
        (["--backend", "noisy:thermal:100,300"], "T2 <= 2 T1, got T1 = 100 us and T2 = 300 us"),
        (["--backend", "noisy:readout:-1"], "between 0 and 1, got -1"),
        (["--router", "linear", "--backend", "noisy:ibm_tornio"], "did you mean 'ibm_torino'"),
        (["--shots", "0"], "--shots must be a whole number of at least 1, got 0"),
        (["--shots", "100"], "backend 'statevector' is exact"),
        (["--backend", "noisy:ibm_torino", "--mitigation", "zme"], "known are none, readout, zne"),
        (["--device-qubits", "3"], "'statevector' is exact and has no device"),
        (["--device-qubits", "3;4"], "numbers separated by commas, such as 65,66, got '3;4'"),
        (["--device-qubits", "-3"], "numbers separated by commas"),
        (["--backend", "noisy:ibm_torino", "--device-qubits", "3,133"], "[133] are not on"),
        (["--backend", "noisy:ibm_torino", "--device-qubits", "3,30"], "are not connected"),
        (["--backend", "noisy:ibm_torino", "--device-qubits", "3"], "the router needs 2"),
        (
            ["--data", "digits", "--backend", "noisy:ibmq_manila"],
            "the router has 6 qubits, ibmq_manila has 5",
        ),
        (["--circuit", "tree"], "unknown circuit 'tree': known are amplitude, angle"),
        (["--circuit", "amplitude", "--input-scaling"], "input_scaling=True would have no effect"),
        (["--entanglement", "full"], "known are device, linear, none, ring, strong"),
        (
            ["--router", "linear", "--entanglement", "full"],
            "known are device, linear, none, ring, strong",
        ),
        (["--rotation", "w"], "unknown rotation 'w'"),
        (["--readout", "w"], "known are expectations, probabilities"),
        (
            ["--routing", "drawn"],
            "unknown routing 'drawn': known are sampled, straight-through, weighted",
        ),
        (["--routing", "sampled"], "readout 'expectations' has no bit string that chooses"),
        (["--votes", "0"], "--votes must be a whole number of at least 1, got 0"),
        (["--votes", "3"], "n_votes=3 would have no effect"),
        (["--layers", "0"], "--layers must be a whole number of at least 1, got 0"),
        (["--experts", "-1"], "--experts must be a whole number of at least 1, got -1"),
        (["--epochs", "0"], "--epochs must be"),
        (["--batch-size", "0"], "--batch-size must be"),
        (["--samples", "0"], "--samples must be"),
        (["--qubits", "0"], "--qubits must be"),
        (["--reuploads", "0"], "--reuploads must be"),
        (["--patience", "0"], "--patience must be"),
        (["--qubits", "3"], "n_qubits is 3, but the data has 2 feature"),
        (["--learning-rate", "nan"], "learning_rate must be a positive number, got nan"),
        (["--learning-rate", "-1"], "got -1.0"),
        (["--test-fraction", "1"], "test_fraction must lie between 0 and 1"),
        (["--seed", "-1"], "seed must be a whole number from 0"),
        (["--resume"], "--resume needs --out"),
        (["--resume", "--out", "nowhere"], "there is no interrupted training in 'nowhere'"),
        (["--resume", "--force", "--out", "nowhere"], "give only one"),
    ],
    ids=str,
)
def test_bad_settings(
    *,
    options: list[str],
    words: str,
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(qmoe("train", *options), words)
    assert_refused(qmoe("train", *options, "--json"), words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_figures")
def test_existing_folders_are_not_overwritten(
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    run: Path,
    small: tuple[str, ...],
    tmp_path: Path,
) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = everything(tmp_path)
    for command in (("train", *small), ("demo",)):
        for name in ("run", "empty", "foreign"):
            assert_refused(qmoe(*command, "--out", tmp_path / name), "exists")
        for name in ("file", "file/below"):
            assert_refused(qmoe(*command, "--out", tmp_path / name), "--out")
        foreign = qmoe(*command, "--force", "--out", tmp_path / "foreign")
        assert_refused(foreign, "is not a run of qmoe-qiskit")
    assert_refused(
        qmoe("train", "--resume", "--out", tmp_path / "run"), "is complete: there is nothing"
    )
    assert everything(tmp_path) == before
    assert qmoe("train", *small, "--out", tmp_path / "run", "--force").exit_code == 0


@pytest.mark.parametrize("damage", ["truncated", "changed", "newer", "no json", "missing"])
@pytest.mark.parametrize("name", ["manifest.json", "model.safetensors"])
def test_damaged_runs(
    *,
    damage: str,
    name: str,
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    run: Path,
    table: Path,
    tmp_path: Path,
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    path = copy / name
    content = path.read_bytes()
    words = name
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(content[:-40])
    elif damage == "no json":
        path.write_bytes(b"\x00" * len(content))
    elif damage == "changed":
        path.write_bytes(content.replace(b"1", b"2"))
    elif name == "manifest.json":
        path.write_text(json.dumps({**json.loads(content), "schema_version": 99}))
        words = "schema version 99, and this program reads up to 1: update qmoe-qiskit"
    else:
        return
    for command in (["info"], ["evaluate"], ["predict"]):
        arguments = [*command, copy, *([table] if command == ["predict"] else [])]
        assert_refused(qmoe(*arguments), words)


def test_predicting_from_files_that_do_not_match(
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    run: Path,
    table: Path,
    tmp_path: Path,
) -> None:
    rows = tmp_path / "rows.csv"
    for content, words in {
        "x0\n1\n": "'x1' missing",
        "x0,x1,x2\n1,2,3\n": "'x2' not known to the model",
        "x0,x1\n1,nan\n": "not a finite number",
        "x0,x1\n": "no rows",
    }.items():
        rows.write_text(content)
        assert_refused(qmoe("predict", run, rows), words)
        assert_refused(qmoe("predict", run, rows, "--json"), words)
    assert_refused(qmoe("predict", run, table), "trained on the columns 'x0', 'x1'")
    assert_refused(qmoe("predict", run, tmp_path / "missing.csv"), "does not exist")
    for command in ("info", "evaluate"):
        assert_refused(qmoe(command, tmp_path / "nowhere"), "there is no run folder")
        assert_refused(qmoe(command, tmp_path), "is not a run folder")


def test_output_file_of_predict_is_not_overwritten(
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    file_run: Path,
    table: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "sub" / "folder" / "out.csv"
    assert qmoe("predict", file_run, table, "--out", out).exit_code == 0
    content = out.read_text()
    assert_refused(qmoe("predict", file_run, table, "--out", out), "exists")
    assert_refused(qmoe("predict", file_run, table, "--out", tmp_path), "is a folder")
    assert_refused(qmoe("predict", file_run, table, "--out", out / "x"), "cannot be written")
    assert qmoe("predict", file_run, table, "--out", out, "--force").exit_code == 0
    assert out.read_text() == content


def test_bad_evaluations(
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    run: Path,
    file_run: Path,
    table: Path,
) -> None:
    for options, words in (
        (["--backend", "abacus"], "unknown backend 'abacus': known are"),
        (["--backend", "noisy:ibm_tornio"], "did you mean 'ibm_torino'"),
        (["--backend", "noisy:ibmq_manila", "--shots", "0"], "shots must be a whole number"),
        (["--shots", "10"], "'statevector' is exact"),
        (["--backend", "noisy:ibmq_manila", "--mitigation", "zme"], "known are none, readout, zne"),
        (["--backend", "noisy:ibmq_manila", "--device-qubits", "0,4"], "are not connected"),
        (["--target", "y"], "names a column of a file"),
        (["--data", "digits"], "the model was trained on x0, x1"),
        (["--data", table, "--target", "arc"], "'x0', 'x1' missing"),
        (["--data", "mons"], "save it as a .csv, .tsv, .parquet or .npz file"),
    ):
        assert_refused(qmoe("evaluate", run, *options), words)
        if "--shots" in options or "--backend" in options:
            assert_refused(qmoe("predict", run, table, *options), words)
    assert_refused(qmoe("evaluate", file_run, "--data", table, "--target", "b"), "'arc' not known")
