"""Training runs: what is refused, what is replaced, and how an interruption is made good."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.runs import TrainingRequest, load_run, read_request, resume_run, train_run
from qmoe_qiskit.train import fit

if TYPE_CHECKING:
    from collections.abc import Callable

Files = dict[str, bytes]


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def interrupted(request_: TrainingRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that was interrupted when both models had their last epoch behind them."""
    out = tmp_path_factory.mktemp("interrupted") / "run"
    with pytest.raises(KeyboardInterrupt):
        train_run(request_, out, figures=interrupt)
    return out


def test_settings_and_backend_are_taken_once_per_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            taken.append(name)
            return function(*arguments, **options)

        return call

    monkeypatch.setattr(fit, "check_settings", watched("settings", fit.check_settings))
    monkeypatch.setattr(BackendSpec, "open", watched("backend", BackendSpec.open))
    request = TrainingRequest(n_samples=40, n_layers=1, max_epochs=1, control="linear")
    with pytest.raises(KeyboardInterrupt):
        train_run(request, tmp_path / "run", figures=interrupt)
    # Afterwards each model is restored as it is stored, and measured.
    assert taken == 2 * ["settings", "backend"] + 2 * ["backend"]


def test_interrupted_training_keeps_request_and_checkpoints(
    interrupted: Path, request_: TrainingRequest, files_of: Callable[[Path], Files]
) -> None:
    assert set(files_of(interrupted)) == {
        "request.json",
        "checkpoint.safetensors",
        "checkpoint-control.safetensors",
    }
    assert read_request(interrupted) == request_
    with pytest.raises(RunError, match="is not complete: go on with qmoe train --resume --out"):
        load_run(interrupted)


@pytest.mark.parametrize(
    "moment",
    [
        "before the first epoch",
        "in the model",
        "before the control",
        "in the control",
        "at the end",
    ],
)
def test_resumed_run_equals_an_uninterrupted_one(
    *,
    moment: str,
    interrupted: Path,
    finished: Path,
    request_: TrainingRequest,
    tmp_path: Path,
    assert_same_run: Callable[[Path, Path], None],
) -> None:
    out = Path(shutil.copytree(interrupted, tmp_path / "run"))
    model, control = out / "checkpoint.safetensors", out / "checkpoint-control.safetensors"
    # The state behind an epoch does not depend on how many are to follow.
    with pytest.raises(KeyboardInterrupt):
        train_run(replace(request_, max_epochs=2), tmp_path / "short", figures=interrupt)
    match moment:
        case "before the first epoch":
            model.unlink()
            control.unlink()
        case "in the model":
            shutil.copy(tmp_path / "short" / model.name, model)
            control.unlink()
        case "before the control":
            control.unlink()
        case "in the control":
            shutil.copy(tmp_path / "short" / control.name, control)
    run = resume_run(out)
    assert_same_run(out, finished)
    assert run.manifest.command == read_command(interrupted)
    if moment == "in the model":
        assert "epochs 3 to 4, after 2 before" in run.metrics["training_seconds"].produced_by


def read_command(out: Path) -> list[str]:
    command: list[str] = json.loads((out / "request.json").read_bytes())["command"]
    return command


def test_early_stopping_survives_an_interruption(
    request_: TrainingRequest, tmp_path: Path, assert_same_run: Callable[[Path, Path], None]
) -> None:
    request = replace(
        request_, router="linear", control=None, early_stopping=True, patience=2, max_epochs=60,
        learning_rate=0.5,
    )  # fmt: skip
    whole = train_run(request, tmp_path / "whole")
    assert len(whole.history) < 60
    with pytest.raises(KeyboardInterrupt):
        train_run(replace(request, max_epochs=2), tmp_path / "short", figures=interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_run(request, tmp_path / "run", figures=interrupt)
    checkpoint = "checkpoint.safetensors"
    shutil.copy(tmp_path / "short" / checkpoint, tmp_path / "run" / checkpoint)
    resume_run(tmp_path / "run")
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_resume_where_there_is_nothing_to_resume(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is complete: there is nothing to resume"):
        resume_run(finished)
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(RunError, match="there is no interrupted training"):
            resume_run(path)
    (tmp_path / "request.json").write_text("{}")
    with pytest.raises(RunError, match="is not a qmoe-training-request"):
        resume_run(tmp_path)


@pytest.mark.parametrize("name", ["request.json", "checkpoint.safetensors"])
def test_resume_from_damaged_files_is_refused_and_loses_nothing(
    interrupted: Path, tmp_path: Path, name: str, files_of: Callable[[Path], Files]
) -> None:
    out = Path(shutil.copytree(interrupted, tmp_path / "run"))
    (out / name).write_bytes((out / name).read_bytes()[:-10])
    before = files_of(out)
    with pytest.raises(RunError, match=f"{name}.* is damaged"):
        resume_run(out)
    assert files_of(out) == before


def test_resume_needs_the_data_of_the_beginning(tmp_path: Path) -> None:
    data = write_table(tmp_path / "data" / "points.csv", 24)
    out = tmp_path / "runs" / "one"
    request = TrainingRequest(data=str(data), target="kind", router="linear", max_epochs=1)
    with pytest.raises(KeyboardInterrupt):
        train_run(request, out, figures=interrupt)
    content = data.read_text()
    data.write_text(content.replace("0.5", "0.6", 1))
    with pytest.raises(RunError, match=r"not those that the training .* began with"):
        resume_run(out)
    data.unlink()
    with pytest.raises(InputError, match="does not exist"):
        resume_run(out)
    data.write_text(content)
    assert resume_run(out).manifest.data.n_train == 18


def write_table(path: Path, n_rows: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{i % 7 / 2},{i * i % 5},{'red' if i % 2 else 'blue'}" for i in range(n_rows)]
    path.write_text("\n".join(["a,b,kind", *rows]) + "\n")
    return path


def test_run_and_file_may_move_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are stored relative to the run, also where the training is resumed from elsewhere."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "here" / "points.csv", 24)
    request = TrainingRequest(data="here/points.csv", target="kind", router="linear", max_epochs=1)
    with pytest.raises(KeyboardInterrupt):
        train_run(request, "here/runs/one", figures=interrupt)
    (tmp_path / "here").rename("there")
    monkeypatch.chdir("/")
    run = resume_run(tmp_path / "there" / "runs" / "one")
    assert run.manifest.data.file == "../../points.csv"
    assert str(tmp_path) not in (run.path / "manifest.json").read_text()
    assert str(tmp_path) not in " ".join(run.manifest.command)


REFUSED: list[dict[str, Any]] = [
    {"router": "quantm"},
    {"router": "mlp:0"},
    {"control": "cubic"},
    {"control": "quantum"},
    {"backend": "abacus"},
    {"backend": "abacus", "router": "linear", "control": None},
    {"entanglement": "full"},
    {"entanglement": "full", "router": "linear", "control": None},
    {"rotation": "w"},
    {"readout": "guess"},
    {"readout": "probabilities", "n_experts": 5},
    {"n_layers": 0},
    {"n_experts": -1},
    {"max_epochs": 0},
    {"batch_size": 0},
    {"patience": 0},
    {"n_qubits": 3},
    {"learning_rate": float("nan")},
    {"learning_rate": 0.0},
    {"test_fraction": 1.5},
    {"seed": -1},
    {"seed": 2**32},
    {"n_samples": 1},
    {"data": "mooons"},
    {"data": "missing.csv", "target": "y"},
    {"data": "a\0b"},
    {"data": "\udcff.csv"},
    {"n_samples": 4, "early_stopping": True},
]


@pytest.mark.parametrize("settings", REFUSED, ids=str)
@pytest.mark.parametrize("state", ["nothing", "a run", "an interrupted training"])
def test_refused_settings_leave_everything_as_it_was(
    *,
    settings: dict[str, Any],
    state: str,
    request_: TrainingRequest,
    finished: Path,
    interrupted: Path,
    tmp_path: Path,
    files_of: Callable[[Path], Files],
) -> None:
    out = tmp_path / "some" / "where"
    if state != "nothing":
        shutil.copytree(finished if state == "a run" else interrupted, out)
    before = files_of(tmp_path)
    with pytest.raises(InputError) as caught:
        train_run(replace(request_, **settings), out, force=state != "nothing")
    assert "\n" not in str(caught.value)
    assert files_of(tmp_path) == before
    assert (tmp_path / "some").exists() == (state != "nothing")


def test_divergence_leaves_nothing_behind(request_: TrainingRequest, tmp_path: Path) -> None:
    request = replace(request_, router="linear", control=None, learning_rate=1e308, max_epochs=9)
    with pytest.raises(InputError, match="diverged"):
        train_run(request, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_folder_in_the_way_is_never_overwritten(
    request_: TrainingRequest,
    finished: Path,
    interrupted: Path,
    tmp_path: Path,
    files_of: Callable[[Path], Files],
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    shutil.copytree(interrupted, tmp_path / "begun")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "manifest.json").write_text('{"name": "a web page"}')
    before = files_of(tmp_path)
    for name, words in {
        "run": "exists: choose another folder",
        "begun": "add --resume to go on",
        "empty": "exists",
        "foreign": "exists",
        "file": "is not a folder",
        "link": "is not a folder",
        "file/below": "cannot be written to",
    }.items():
        with pytest.raises(RunError, match=words):
            train_run(request_, tmp_path / name)
    replaceable = {"file": "is not a folder", "foreign": "is not a run of qmoe-qiskit"}
    for name, words in replaceable.items():
        with pytest.raises(RunError, match=words):
            train_run(request_, tmp_path / name, force=True)
    assert files_of(tmp_path) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do it all")
def test_folder_that_may_not_be_written(request_: TrainingRequest, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="Permission denied"):
        train_run(request_, tmp_path / "run")


def test_force_replaces_a_run_and_nothing_else(
    request_: TrainingRequest, run_copy: Path, files_of: Callable[[Path], Files]
) -> None:
    (run_copy / "notes.txt").write_text("mine")
    run = train_run(replace(request_, router="linear", control=None), run_copy, force=True)
    assert run.router == "linear"
    assert set(files_of(run_copy)) == {
        "manifest.json", "metrics.json", "history.json", "model.safetensors", "notes.txt",
    }  # fmt: skip
    assert not (run_copy / "control").exists()


def test_force_takes_an_empty_folder(request_: TrainingRequest, tmp_path: Path) -> None:
    assert train_run(replace(request_, max_epochs=1), tmp_path, force=True).router == "quantum"


def test_replaced_run_stays_until_the_new_one_is_complete(
    request_: TrainingRequest, run_copy: Path
) -> None:
    request = replace(request_, seed=7)
    with pytest.raises(KeyboardInterrupt):
        train_run(request, run_copy, force=True, figures=interrupt)
    assert load_run(run_copy).manifest.seed == 3
    assert resume_run(run_copy).manifest.seed == 7


def test_force_begins_an_interrupted_training_anew(
    request_: TrainingRequest, interrupted: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(interrupted, tmp_path / "run"))
    request = replace(request_, seed=7, max_epochs=1)
    assert train_run(request, out, force=True).manifest.seed == 7
    assert not (out / "request.json").exists()


def test_figures_of_other_names_are_refused_in_time(
    request_: TrainingRequest, tmp_path: Path
) -> None:
    def draw(models: Any, split: Any, scores: Any, folder: Path) -> None:
        assert list(models) == list(scores) == ["quantum", "linear (control)"]
        assert len(split.test.labels_N) == 15
        (folder / "Boundary.pdf").touch()

    with pytest.raises(InputError, match=r"'figures/Boundary.pdf' is no file of a run"):
        train_run(replace(request_, max_epochs=1), tmp_path / "run", figures=draw)
    assert resume_run(tmp_path / "run").router == "quantum"


def test_projection_is_told(request_: TrainingRequest, tmp_path: Path) -> None:
    request = replace(request_, data="digits", n_qubits=2, max_epochs=1)
    run = train_run(request, tmp_path / "run")
    share = 100 * run.classifier.feature_map_.explained_variance
    assert run.projection == (
        f"The router sees 2 principal components of the 16 features, which hold {share:.1f} % of "
        "their variance; the experts see every feature."
    )
    assert run.manifest.router_inputs == 2
    assert (
        train_run(
            replace(request, n_qubits=16, router="linear", control=None), tmp_path / "all"
        ).projection
        == ""
    )
