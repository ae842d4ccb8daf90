"""Options from a file or from a run: `qmoe train --config`, and what prints such files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sklearn.datasets import load_iris

from qmoe_qiskit import QMoEClassifier
from qmoe_qiskit.runs import TrainingRequest, read_run, save_run
from qmoe_qiskit.runs.command_line import option_of
from qmoe_qiskit.runs.request_of_run import request_of_run
from qmoe_qiskit.runs.store.writing import ModelTraining

if TYPE_CHECKING:
    from collections.abc import Callable


pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def printed(qmoe: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The settings that a call of train prints, which are also written to a file."""

    def call(*arguments: object) -> dict[str, Any]:
        outcome = qmoe("train", *arguments, "--print-settings")
        assert outcome.exit_code == 0, outcome.stderr
        Path("printed.toml").write_text(outcome.stdout)
        return tomllib.loads(outcome.stdout)

    return call


OPTIONS = (
    *("--data", "rows.csv", "--target", "y", "--features", 'a,"b, c"', "--test-fraction", "0.5"),
    *("--router", "fourier", "--control", "linear", "--control", "mlp:2", "--experts", "3"),
    *("--reuploads", "2", "--device-qubits", "2,3", "--early-stopping", "--epochs", "4"),
    *("--learning-rate", "0.1", "--shots", "10", "--backend", "noisy:ibmq_manila"),
)


def test_printed_settings_are_accepted_and_options_override_them(
    printed: Callable[..., dict[str, Any]],
) -> None:
    settings = printed(*OPTIONS)
    assert settings["features"] == ["a", "b, c"]
    assert settings["control"] == ["linear", "mlp:2"]
    assert settings["device-qubits"] == [2, 3]
    assert settings["early-stopping"] is True
    assert (settings["epochs"], settings["learning-rate"], settings["shots"]) == (4, 0.1, 10)
    assert printed("--config", "printed.toml") == settings
    changed = printed("--config", "printed.toml", "--epochs", "9", "--control", "none")
    assert changed == {**settings, "epochs": 9, "control": ["none"]}
    Path("small.toml").write_text("learning_rate = 1\nfeatures = 'a,b'\n")
    assert printed("--config", "small.toml")["learning-rate"] == 1.0
    assert printed("--config", "small.toml")["features"] == ["a", "b"]


def test_every_field_has_a_key(printed: Callable[..., dict[str, Any]]) -> None:
    printed()
    text = Path("printed.toml").read_text()
    for name in TrainingRequest.__dataclass_fields__:
        assert f"{option_of(name).removeprefix('--')} = " in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch = 3", "unknown option 'epoch': known are backend, "),
        ("epoch = 3", "did you mean 'epochs'?"),
        ("resume = true", "unknown option 'resume'"),
        ("epochs = 1.5", "epochs must be a whole number, got 1.5"),
        ("epochs = true", "epochs must be a whole number, got True"),
        ("seed = 'x'", "seed must be a whole number, got 'x'"),
        ("early-stopping = 1", "early-stopping must be true or false, got 1"),
        ("data = 3", "data must be text, got 3"),
        ("batch-size = 1\nbatch_size = 2", "'batch_size' is given twice"),
        ("epochs = ", "are not TOML"),
    ],
)
def test_files_that_are_refused(
    qmoe: Callable[..., Any], assert_refused: Callable[[Any, str], None], text: str, words: str
) -> None:
    Path("bad.toml").write_text(text)
    assert_refused(qmoe("train", "--config", "bad.toml"), words)
    assert not Path("runs").exists()


def test_settings_of_a_run_train_it_again(
    qmoe: Callable[..., Any], run: Path, file_run: Path, assert_refused: Callable[[Any, str], None]
) -> None:
    for stored in (run, file_run, run / "manifest.json"):
        out = f"again {stored.name}"
        outcome = qmoe("train", "--config", stored, "--out", out, "--force")
        assert outcome.exit_code == 0, outcome.stderr
        before, after = read_run(stored if stored.is_dir() else stored.parent), read_run(out)
        assert after.files["model.safetensors"] == before.files["model.safetensors"]
        assert [c.router for c in after.controls()] == [c.router for c in before.controls()]
        assert after.manifest.data.content_hash == before.manifest.data.content_hash
    assert_refused(qmoe("train", "--config", "absent"), "absent")


def test_a_model_that_was_trained_in_python(
    qmoe: Callable[..., Any], run: Path, assert_refused: Callable[[Any, str], None]
) -> None:
    X, y = load_iris(return_X_y=True)
    model = QMoEClassifier("linear", max_epochs=1, random_state=0, verbose=False).fit(X, y)
    for name, split in (("split", {"test_fraction": 0.25, "seed": 0}), ("whole", {})):
        save_run(model, name, data=(X, y), **split)
        assert_refused(qmoe("train", "--config", name), "trained in Python")
    beside = qmoe("info", "whole", run, "--json")
    assert beside.exit_code == 0, beside.stderr


def test_settings_of_an_interrupted_training(
    qmoe: Callable[..., Any], small: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: ModelTraining) -> ModelTraining:
        raise KeyboardInterrupt

    monkeypatch.setattr(ModelTraining, "run", interrupt)
    assert qmoe("train", *small, "--seed", "7", "--out", "begun").exit_code == 130
    request = request_of_run("begun")
    assert (request.seed, request.control, request.n_layers) == (7, "linear", 1)


def test_a_study_prints_its_settings(
    qmoe: Callable[..., Any], assert_refused: Callable[[Any, str], None]
) -> None:
    outcome = qmoe("study", "ablation", "--quick", "--print-settings")
    assert outcome.exit_code == 0
    Path("s.toml").write_text(outcome.stdout.replace("epochs = 30", "epochs = 29"))
    again = qmoe("study", "ablation", "--settings", "s.toml", "--print-settings")
    assert tomllib.loads(again.stdout) == {**tomllib.loads(outcome.stdout), "epochs": 29}
    assert not Path("runs").exists()
    Path("s.toml").write_text("epoch = 3")
    refused = qmoe("study", "ablation", "--settings", "s.toml", "--print-settings")
    assert_refused(refused, "did you mean 'epochs'?")
