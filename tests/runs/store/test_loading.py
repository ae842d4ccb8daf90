"""Reading runs: intact ones give the model back, damaged ones are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.io.checked_json import to_json
from qmoe_qiskit.runs import Manifest, TrainingRequest, load_run, read_run, train_run

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = (
    "metrics.json",
    "history.json",
    "model.safetensors",
    "router.qpy",
    "control/manifest.json",
    "control/metrics.json",
    "control/history.json",
    "control/model.safetensors",
)


def test_run_folder_holds_what_it_should(
    finished: Path, files_of: Callable[[Path], dict[str, bytes]]
) -> None:
    assert set(files_of(finished)) == {"manifest.json", *FILES}


def test_manifest_says_what_the_run_is(finished: Path, request_: TrainingRequest) -> None:
    manifest = read_run(finished).manifest
    assert manifest.role == "model"
    assert manifest.seed == request_.seed
    assert manifest.command[:4] == ["qmoe", "train", "--data", "moons"]
    assert set(manifest.files) == set(FILES)
    assert manifest.data.name == "moons"
    assert (manifest.data.n_train, manifest.data.n_test) == (45, 15)
    assert manifest.data.feature_names == ("x0", "x1")
    assert {"python", "qiskit", "qiskit-aer", "torch", "scikit-learn", "numpy", "qmoe-qiskit"} <= (
        set(manifest.versions)
    )
    assert manifest.model["settings"]["n_layers"] == 1


def test_manifest_tells_nothing_of_the_machine(finished: Path) -> None:
    for path in (finished / "manifest.json", finished / "control" / "manifest.json"):
        text = path.read_text()
        assert str(finished) not in text
        assert str(Path.home()) not in text


def test_control_is_a_run_too(finished: Path) -> None:
    record = read_run(finished)
    control = record.control()
    assert control is not None
    assert control.manifest.role == "control"
    assert control.router == "linear"
    assert not control.has_circuit
    assert control.control() is None
    assert load_run(finished / "control").classifier.router == "linear"


def test_loaded_model_has_weights_history_and_labels(finished: Path) -> None:
    run = load_run(finished)
    assert run.classifier.history_ == run.history
    assert [epoch["epoch"] for epoch in run.history] == [1, 2, 3, 4]
    assert run.classifier.classes_.tolist() == [0, 1]
    assert run.metrics["n_parameters_router"].value == run.classifier.n_parameters_["router"] == 12


def test_trained_and_loaded_models_agree(tmp_path: Path, request_: TrainingRequest) -> None:
    models: dict[str, Any] = {}

    def keep(trained: Any, *_: Any) -> None:
        models.update(trained)

    run = train_run(request_, tmp_path / "run", figures=keep)
    points_NF = load_points(run.path)
    for name, loaded in (
        ("quantum", run.classifier),
        ("linear (control)", load_run(run.path / "control").classifier),
    ):
        ours, theirs = models[name].predict_proba(points_NF), loaded.predict_proba(points_NF)
        assert np.array_equal(ours, theirs)


def load_points(run: Path) -> np.ndarray:
    """Return points within the range of the training data."""
    features = load_run(run).classifier.feature_map_
    return np.linspace(features.minimum_F, features.maximum_F, 20)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["bit", "truncated", "empty", "missing"])
def test_damaged_file_is_named(run_copy: Path, name: str, damage: str) -> None:
    path = run_copy / name
    content = bytearray(path.read_bytes())
    if damage == "bit":
        content[len(content) // 2] ^= 1
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"bit": content, "truncated": content[:-1], "empty": b""}[damage])
    with pytest.raises(RunError, match=Path(name).name):
        read_run(run_copy)
    with pytest.raises(RunError, match=Path(name).name):
        load_run(run_copy)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_truncated_manifest_is_refused(run_copy: Path, share: float) -> None:
    path = run_copy / "manifest.json"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RunError, match=r"manifest.json' is damaged"):
        load_run(run_copy)


def test_changed_manifest_is_refused(run_copy: Path) -> None:
    path = run_copy / "manifest.json"
    path.write_text(path.read_text().replace('"seed": 3', '"seed": 4', 1))
    with pytest.raises(RunError, match=r"manifest.json' was changed"):
        load_run(run_copy)


def test_newer_schema_says_to_update(run_copy: Path) -> None:
    path = run_copy / "manifest.json"
    document = json.loads(path.read_bytes())
    path.write_bytes(to_json({**document, "schema_version": 2, "kind": document["kind"]}))
    with pytest.raises(RunError, match=r"schema version 2.*update qmoe-qiskit"):
        load_run(run_copy)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "other.txt", "figures/../x.png"])
def test_manifest_cannot_name_files_elsewhere(run_copy: Path, name: str) -> None:
    manifest = read_run(run_copy).manifest
    forged = replace(manifest, files={**manifest.files, name: "0" * 64})
    (run_copy / "manifest.json").write_bytes(forged.to_json())
    with pytest.raises(RunError, match="is no file of a run"):
        load_run(run_copy)


def test_run_without_weights_is_refused(run_copy: Path) -> None:
    manifest = read_run(run_copy).manifest
    files = {name: stated for name, stated in manifest.files.items() if "model" not in name}
    (run_copy / "manifest.json").write_bytes(replace(manifest, files=files).to_json())
    with pytest.raises(RunError, match=r"lists no model.safetensors"):
        load_run(run_copy)


def test_model_without_router_is_refused(run_copy: Path) -> None:
    manifest: Manifest = read_run(run_copy).manifest
    forged = replace(manifest, model={**manifest.model, "settings": {}})
    (run_copy / "manifest.json").write_bytes(forged.to_json())
    with pytest.raises(RunError, match=r"settings.router"):
        load_run(run_copy)


def test_files_beside_the_run_do_not_matter(run_copy: Path) -> None:
    (run_copy / "notes.txt").write_text("mine")
    assert load_run(run_copy).router == "quantum"


def test_folders_that_are_no_runs(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run folder"):
        load_run(tmp_path / "missing")
    with pytest.raises(RunError, match=r"is not a run folder: it holds no manifest.json"):
        load_run(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is not a run folder"):
        load_run(tmp_path / "file")
    (tmp_path / "manifest.json").write_text('{"name": "a web page", "icons": []}')
    with pytest.raises(RunError, match="is not a qmoe-run"):
        load_run(tmp_path)
    with pytest.raises(RunError):
        load_run("\0")


def test_unknown_backend_is_named(finished: Path) -> None:
    for path in (finished, finished / "control"):
        with pytest.raises(InputError, match="unknown backend 'abacus': known are"):
            load_run(path, backend="abacus")
    assert load_run(finished, backend="statevector").classifier.backend == "statevector"


@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")
def test_columns_in_another_order_are_refused(tmp_path: Path) -> None:
    """A model that was trained on a file by the command line knows the names of its columns."""
    iris = load_iris(as_frame=True)
    table = iris.data.assign(kind=iris.target_names[iris.target])
    table.to_csv(tmp_path / "iris.csv", index=False)
    request = TrainingRequest(
        data=str(tmp_path / "iris.csv"), target="kind", router="linear", max_epochs=5, seed=1
    )
    train_run(request, tmp_path / "run")
    classifier = load_run(tmp_path / "run").classifier
    assert classifier.predict(iris.data).shape == (150,)
    with pytest.raises(ValueError, match="must be in the same order"):
        classifier.predict(iris.data[iris.data.columns[::-1]])
