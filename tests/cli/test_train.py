"""`qmoe train` and `qmoe demo`."""

from __future__ import annotations

import json
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit import runs
from qmoe_qiskit.runs import load_run, read_run
from qmoe_qiskit.runs.store.writing import ModelTraining

if TYPE_CHECKING:
    from collections.abc import Callable

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_demo_shows_both_models_and_what_to_do_next(
    qmoe: Callable[..., Any], request: pytest.FixtureRequest, *, whole: bool
) -> None:
    outcome = qmoe("demo")
    assert outcome.exit_code == 0, outcome.stderr
    run = read_run("runs/demo")
    control = run.control()
    assert control is not None
    for record, name, parameters in ((run, "quantum", 24), (control, "linear (control)", 6)):
        (line,) = [text for text in outcome.stdout.splitlines() if text.strip().startswith(name)]
        assert f" {parameters} " in line
        assert f"{record.metrics['accuracy'].value:.3f}" in line
    assert run.metrics["accuracy"].number > control.metrics["accuracy"].number
    assert "95 % Wilson" in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 80
    figures = sorted(Path("runs/demo/figures").iterdir())
    assert [figure.stem for figure in figures] == [
        "decision_boundary",
        "loss_curves",
        "routing_map",
    ]
    assert all(figure.read_bytes().startswith(PNG) for figure in figures)

    following = [line.strip() for line in outcome.stdout.splitlines() if line[:6] == "  qmoe"]
    assert len(following) == 3
    if not whole:
        request.getfixturevalue("no_figures")
    for command in following:
        _, *arguments = shlex.split(command)
        briefly = ("--epochs", "1") if arguments[0] == "train" and not whole else ()
        assert qmoe(*arguments, *briefly).exit_code == 0, command


def test_demo_as_json(
    qmoe: Callable[..., Any],
    the_document: Callable[[str], Any],
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runs, "TrainingRequest", partial(runs.TrainingRequest, max_epochs=1))
    outcome = qmoe("demo", "--json", "--out", run)
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    outcome = qmoe("demo", "--json", "--seed", "1", "--out", "else where")
    document = the_document(outcome.stdout)
    assert document["run"] == "else where"
    assert [model["router"] for model in document["models"]] == ["quantum", "linear"]
    assert document["next_commands"][0] == "qmoe info 'else where'"
    assert read_run("else where").manifest.seed == 1


def test_train_writes_a_run_and_says_so(
    qmoe: Callable[..., Any], small: tuple[str, ...], the_document: Callable[[str], Any]
) -> None:
    outcome = qmoe("train", *small, "--json", "--control", "mlp:2")
    assert outcome.exit_code == 0, outcome.stderr
    document = the_document(outcome.stdout)
    assert document["run"] == "runs/moons-quantum"
    assert [(m["role"], m["router"]) for m in document["models"]] == [
        ("model", "quantum"),
        ("control", "mlp:2"),
    ]
    run = load_run(document["run"])
    metric = document["models"][0]["metrics"]["accuracy"]
    assert metric["value"] == run.metrics["accuracy"].value
    assert metric["uncertainty"]["method"] == "95 % Wilson interval"
    assert "15 held-out rows of moons" in metric["produced_by"]
    assert len(document["figures"]) == 3
    assert all(Path(figure).is_file() for figure in document["figures"])


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize(
    ("options", "control"),
    [
        ([], "linear"),
        (["--control", "none"], None),
        (["--router", "mlp:4"], None),
        (["--router", "mlp:4", "--control", "quadratic"], "quadratic"),
    ],
)
def test_control(
    options: list[str], control: str | None, qmoe: Callable[..., Any], small: tuple[str, ...]
) -> None:
    assert qmoe("train", *small, *options, "--out", "run").exit_code == 0
    record = read_run("run").control()
    assert (record.router if record else None) == control


@pytest.mark.usefixtures("no_figures")
def test_several_controls(
    qmoe: Callable[..., Any],
    small: tuple[str, ...],
    the_document: Callable[[str], Any],
    assert_refused: Callable[[Any, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    controls = ["linear", "mlp:2", "fourier"]
    options = [word for control in controls for word in ("--control", control)]
    outcome = qmoe("train", *small, *options, "--out", "run", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    models = the_document(outcome.stdout)["models"]
    assert [model["router"] for model in models] == ["quantum", *controls]
    run = read_run("run")
    assert [record.router for record in run.controls()] == controls
    assert run.manifest.command.count("--control") == 3
    for record, model in zip((run, *run.controls()), models, strict=True):
        assert record.metrics["accuracy"].value == model["metrics"]["accuracy"]["value"]
        alone = ("--router", record.router, "--control", "none", "--out", f"one-{record.router}")
        assert qmoe("train", *small, *alone).exit_code == 0
        weights = read_run(f"one-{record.router}").files["model.safetensors"]
        assert record.files["model.safetensors"] == weights
    for shown in (qmoe("info", "run"), qmoe("train", *small, *options, "--out", "again")):
        assert all(f" {control} (control) " in shown.stdout for control in controls)
    # A run with fewer controls that replaces this one leaves nothing of it.
    assert qmoe("train", *small, "--force", "--out", "run").exit_code == 0
    assert [record.router for record in read_run("run").controls()] == ["linear"]
    assert not Path("run/control_2").exists()

    # An interruption while the second control is trained.
    run_model = ModelTraining.run

    def interrupted(training: ModelTraining) -> ModelTraining:
        if training.index == 2:
            raise KeyboardInterrupt
        return run_model(training)

    with monkeypatch.context() as patch:
        patch.setattr(ModelTraining, "run", interrupted)
        assert qmoe("train", *small, *options, "--out", "begun").exit_code == 130
    fewer = ("train", "--resume", "--out", "begun", "--control", "linear")
    assert_refused(qmoe(*fewer), "begun with --control linear --control mlp:2 --control fourier")
    assert qmoe("train", "--resume", "--out", "begun").exit_code == 0
    resumed = read_run("begun")
    assert [record.files["model.safetensors"] for record in resumed.controls()] == [
        record.files["model.safetensors"] for record in read_run("again").controls()
    ]
    assert not list(Path("begun").glob("checkpoint*"))


def test_controls_that_are_refused(
    qmoe: Callable[..., Any], assert_refused: Callable[[Any, str], None]
) -> None:
    for words, message in (
        ("linear none", "--control none goes with no other, got linear and none"),
        ("linear linear", "control 'linear' is given twice"),
        (" ".join(f"mlp:{h}" for h in range(1, 11)), "10 controls are too many"),
    ):
        options = [word for control in words.split() for word in ("--control", control)]
        assert_refused(qmoe("train", *options), message)


@pytest.mark.usefixtures("no_figures")
def test_every_option_reaches_the_model(qmoe: Callable[..., Any]) -> None:
    outcome = qmoe(
        *("train", "--data", "digits", "--samples", "80", "--test-fraction", "0.5"),
        *("--experts", "3", "--layers", "2", "--qubits", "2", "--rotation", "y"),
        *("--reuploads", "2", "--entanglement", "ring", "--readout", "probabilities"),
        *("--projection", "linear"),
        *("--routing", "sampled", "--votes", "3"),
        *("--backend", "noisy:ibmq_manila", "--mitigation", "readout", "--device-qubits", "2,3"),
        *("--epochs", "3", "--batch-size", "16"),
        *("--learning-rate", "0.1", "--early-stopping", "--patience", "2", "--seed", "4"),
        *("--control", "none", "--out", "run"),
    )
    assert outcome.exit_code == 0, outcome.stderr
    manifest = read_run("run").manifest
    assert (manifest.data.n_train, manifest.data.n_test, manifest.seed) == (40, 40, 4)
    settings = manifest.model["settings"]
    expected = {
        "n_experts": 3, "n_layers": 2, "n_qubits": 2, "rotation": "y", "reuploads": 2,
        "entanglement": "ring", "readout": "probabilities", "backend": "noisy:ibmq_manila",
        "shots": None, "mitigation": "readout", "device_qubits": [2, 3], "routing": "sampled",
        "n_votes": 3, "projection": "linear",
        "batch_size": 16, "learning_rate": 0.1, "early_stopping": True, "patience": 2,
    }  # fmt: skip
    assert {name: settings[name] for name in expected} == expected
    assert manifest.model["max_epochs"] == 3
    # The command in the manifest does the same again.
    before = load_run("run").classifier.module_.state_dict()
    assert qmoe(*manifest.command[1:], "--force").exit_code == 0
    after = load_run("run").classifier.module_.state_dict()
    assert all(after[name].equal(before[name]) for name in before)


@pytest.mark.usefixtures("no_figures")
def test_principal_components_are_told(
    qmoe: Callable[..., Any], small: tuple[str, ...], the_document: Callable[[str], Any]
) -> None:
    options = ("--data", "digits", *small, "--qubits", "3", "--router", "linear", "--out", "run")
    outcome = qmoe("train", *options)
    assert outcome.exit_code == 0, outcome.stderr
    said = " ".join(outcome.stdout.split())
    assert "The router sees 3 principal components of the 16 features" in said
    share = read_run("run").model.explained_variance
    assert f"{100 * share:.1f} % of their variance" in said
    assert "principal components" in " ".join(qmoe("info", "run").stdout.split())
    document = the_document(qmoe("train", *options, "--force", "--json").stdout)
    assert document["models"][0]["router_inputs"] == 3
    assert document["models"][0]["explained_variance"] == share


@pytest.mark.usefixtures("no_figures")
def test_rows_outside_the_training_range_are_one_line(qmoe: Callable[..., Any]) -> None:
    options = ("--data", "digits", "--router", "linear", "--epochs", "1", "--out", "run")
    outcome = qmoe("train", *options)
    count = read_run("run").metrics["rows_outside_range"].value
    assert outcome.stderr == (
        f"note: {count} of 90 held-out rows lie outside the range of the training data\n"
    )


@pytest.mark.usefixtures("no_figures")
def test_training_on_a_fake_within_a_budget(qmoe: Callable[..., Any], tmp_path: Path) -> None:
    """The run holds the surrogate, says what it took, and is simulated from then on."""
    out = tmp_path / "run"
    options = (
        "--backend", "runtime:fake_manila", "--shots", "32", "--budget", "6s", "--slots", "2",
        "--samples", "60", "--layers", "1", "--control", "none", "--json",
    )  # fmt: skip
    assert qmoe("train", *options, "--out", str(out)).exit_code == 0
    seconds = json.loads((out / "metrics.json").read_bytes())["qpu_seconds"]["value"]
    assert 0 < seconds <= 6
    assert (out / "surrogate.safetensors").exists()
    manifest = json.loads((out / "manifest.json").read_bytes())
    assert manifest["model"]["settings"]["backend"] == "noisy:fake_manila"
    served = qmoe("evaluate", str(out), "--surrogate", str(out / "surrogate.safetensors"), "--json")
    assert served.exit_code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--backend", "runtime:fake_manila"), "needs a budget, such as --budget 120s"),
        (("--budget", "60s"), "is for training on a device, not on 'statevector'"),
        (("--backend", "runtime:fake_manila", "--budget", "2s"), "smaller than the first step"),
        (("--backend", "runtime:fake_manila", "--budget", "soon"), "not a length of time"),
        (("--backend", "runtime:fake_manila", "--budget", "9s", "--router", "linear"), "classical"),
        (("--backend", "runtime:fake_manila", "--budget", "60s", "--method", "x"), "method"),
    ],
)
def test_trainings_on_a_device_that_are_refused(
    options: tuple[str, ...], said: str, qmoe: Callable[..., Any], tmp_path: Path
) -> None:
    outcome = qmoe("train", "--samples", "60", "--out", str(tmp_path / "run"), *options)
    assert outcome.exit_code == 2
    assert said in " ".join(outcome.stderr.split())
    assert not (tmp_path / "run").exists()
