"""A classifier as a file: it predicts the same in another process, or is refused in a sentence."""

from __future__ import annotations

import pickle
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from safetensors.torch import save_file
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Rows = tuple[np.ndarray, np.ndarray]


class MySGD(torch.optim.SGD):
    """A class that a file cannot bring along."""


def own_circuit() -> RouterCircuit:
    """What users have: products of inputs as angles, and an observable off the diagonal."""
    circuit = zz_feature_map(2, reps=1)
    ansatz = real_amplitudes(2, reps=1)
    return RouterCircuit.from_circuit(
        circuit.compose(ansatz), inputs=circuit.parameters, observables=["XX", "ZI"]
    )


MODELS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "linear": {"router": "linear", "verbose": False, "warm_start": True},
    "projected": {"n_qubits": 1, "feature_range": (-1, 1), "early_stopping": True},
    "own circuit": {"router": own_circuit()},
    "noise": {"backend": "noisy:depolarizing:0.02", "n_layers": 1, "max_epochs": 1},
    "calibration": {"backend": load_profile("ibmq_manila"), "n_layers": 1, "max_epochs": 1},
    "open": {"backend": open_backend("statevector")},
    "choices": {
        "optimizer": "sgd",
        "optimizer__param_groups": [("router*", {"lr": 0.3})],
        "criterion": torch.nn.MultiMarginLoss,
        "criterion__margin": 0.5,
        "class_weight": {0: 1.5, 1: 2},
    },
}


def fitted(rows: Rows, **settings: Any) -> QMoEClassifier:
    given = {"max_epochs": 2, "validation_fraction": 0.2, "random_state": 0, **settings}
    return QMoEClassifier(**given).fit(*rows)


@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")  # of held-out rows
@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_is_the_same(
    moons: Rows, tmp_path: Path, name: str, assert_same: Callable[..., None]
) -> None:
    model = fitted(moons, **MODELS[name])
    model.save(tmp_path / "model")
    loaded = QMoEClassifier.load(str(tmp_path / "model"))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert_same(loaded, model)
    for method in ("predict_proba", "decision_function", "routing_weights", "predict"):
        np.testing.assert_array_equal(
            getattr(loaded, method)(moons[0]), getattr(model, method)(moons[0])
        )
    own = {"router", "backend"}  # objects that are equal, and not the same
    kept = [{k: v for k, v in one.settings().items() if k not in own} for one in (loaded, model)]
    assert kept[0] == kept[1]
    for setting in ("random_state", "verbose", "warm_start", "max_epochs"):
        assert getattr(loaded, setting) == getattr(model, setting)
    assert_same(clone(loaded).fit(*moons), model)
    if not loaded.early_stopping and name != "noise":
        model.optimizer_state_ = None  # is not stored
        assert_same(loaded.partial_fit(*moons), model.partial_fit(*moons))


@pytest.mark.process
def test_a_model_is_loaded_in_another_process(python: str, moons: Rows, tmp_path: Path) -> None:
    model = fitted(moons, router=own_circuit())
    model.save(tmp_path / "model")
    np.save(tmp_path / "rows", moons[0])
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, numpy as np\n"
        "from qmoe_qiskit import QMoEClassifier\n"
        "folder = sys.argv[1]\n"
        "model = QMoEClassifier.load(folder + '/model')\n"
        "np.save(folder + '/said', model.predict_proba(np.load(folder + '/rows.npy')))\n"
    )
    done = subprocess.run([python, program, tmp_path], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "said.npy"), model.predict_proba(moons[0]))


def test_a_loaded_model_runs_elsewhere(moons: Rows, tmp_path: Path) -> None:
    model = fitted(moons, backend="noisy:depolarizing:0.3", n_layers=1)
    model.save(tmp_path / "model")
    exact = QMoEClassifier.load(tmp_path / "model", backend="statevector")
    assert exact.backend == "statevector"
    expected = model.set_params(backend="statevector", warm_start=True, learning_rate=1e-300)
    np.testing.assert_allclose(
        exact.predict_proba(moons[0]), expected.fit(*moons).predict_proba(moons[0]), atol=1e-12
    )
    with pytest.raises(InputError, match="did you mean 'ibm_torino'"):
        QMoEClassifier.load(tmp_path / "model", backend="noisy:ibm_tornio")


def test_labels_and_names_of_features(tmp_path: Path) -> None:
    import pandas as pd

    X, codes = make_moons(40, noise=0.1, random_state=0)
    frame = pd.DataFrame(X, columns=["left", "right"])
    model = fitted((frame, np.array(["hiver", "été"])[codes]), router="linear")
    model.save(tmp_path / "model")
    loaded = QMoEClassifier.load(tmp_path / "model")
    assert loaded.classes_.tolist() == ["hiver", "été"]
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(frame.rename(columns={"left": "west"}))


def test_a_class_of_ones_own_is_named(moons: Rows, tmp_path: Path) -> None:
    model = fitted(moons, router="linear", optimizer=MySGD)
    model.save(tmp_path / "model")
    loaded = QMoEClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(moons[0]), model.predict(moons[0]))
    with pytest.raises(InputError, match=r"unknown optimizer '.*test_saving.MySGD'"):
        loaded.fit(*moons)
    assert loaded.set_params(optimizer=MySGD).fit(*moons).history_ == model.history_


def test_nothing_is_replaced_unasked(moons: Rows, tmp_path: Path) -> None:
    first, second = fitted(moons, router="linear"), fitted(moons, router="linear", max_epochs=3)
    path = tmp_path / "model"
    first.save(path)
    before = path.read_bytes()
    with pytest.raises(RunError, match=r"model' exists: .* or set overwrite=True"):
        second.save(path)
    assert path.read_bytes() == before
    second.save(path, overwrite=True)
    assert QMoEClassifier.load(path).history_ == second.history_


def test_places_that_cannot_be_written(moons: Rows, tmp_path: Path) -> None:
    model = fitted(moons, router="linear")
    with pytest.raises(RunError, match="cannot be written: No such file"):
        model.save(tmp_path / "missing" / "model")
    with pytest.raises(RunError, match="exists"):
        model.save(tmp_path)
    with pytest.raises(RunError, match="cannot be written: Is a directory"):
        model.save(tmp_path, overwrite=True)
    for path in (None, 3, "a\0b"):
        with pytest.raises(InputError, match="path must be the path of a file"):
            model.save(path)
    with pytest.raises(NotFittedError):
        QMoEClassifier().save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_models(moons: Rows, tmp_path: Path) -> None:
    model = fitted(moons, router="linear", checkpoint=tmp_path / "checkpoint")
    (tmp_path / "pickle").write_bytes(pickle.dumps(model))
    (tmp_path / "empty").write_bytes(b"")
    save_file({"weight": torch.zeros(2)}, tmp_path / "foreign")
    save_file({"weight": torch.zeros(2)}, tmp_path / "text", metadata={"state": "{"})
    for name in ("checkpoint", "pickle", "empty", "foreign", "text"):
        with pytest.raises(RunError, match=f"{name}' is no classifier that QMoEClassifier.save"):
            QMoEClassifier.load(tmp_path / name)
    with pytest.raises(RunError, match=r"there is no file .*missing"):
        QMoEClassifier.load(tmp_path / "missing")
    with pytest.raises(RunError, match=r"is a folder, .* qmoe_qiskit.runs.load_run"):
        QMoEClassifier.load(tmp_path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, moons: Rows) -> Path:
    path = tmp_path_factory.mktemp("saved") / "model"
    fitted(moons, router=angle_router(2, 1)).save(path)
    return path


@given(data=st.data())
def test_a_damaged_file_is_refused(saved: Path, data: st.DataObject) -> None:
    """Whichever bit is flipped, and wherever the file is cut off."""
    content = bytearray(saved.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[place:]
    path = saved.with_name("damaged")
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"is no classifier that .* or it is damaged"):
        QMoEClassifier.load(path)


def test_a_file_of_a_newer_version(moons: Rows, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("qmoe_qiskit.io.checked_tensors.SCHEMA_VERSION", 2)
    fitted(moons, router="linear").save(tmp_path / "model")
    monkeypatch.undo()
    with pytest.raises(RunError, match=r"schema version 2, .* use a newer qmoe-qiskit"):
        QMoEClassifier.load(tmp_path / "model")


@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")
def test_a_circuit_of_ones_own_in_a_search(moons: Rows, tmp_path: Path) -> None:
    grid = {"router": [own_circuit(), angle_router(2, 1)], "n_experts": [2, 3]}
    search = GridSearchCV(
        QMoEClassifier(max_epochs=2, random_state=0), grid, cv=2, scoring="neg_log_loss"
    ).fit(*moons)
    assert len(set(search.cv_results_["mean_test_score"])) == 4
    search.best_estimator_.save(tmp_path / "best")
    loaded = QMoEClassifier.load(tmp_path / "best")
    np.testing.assert_array_equal(loaded.predict(moons[0]), search.predict(moons[0]))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"n_layers": 4}, "n_layers=4 would have no effect, .* leave n_layers at 3"),
        ({"rotation": "y"}, "rotation='y' would have no effect"),
        ({"reuploads": 2}, "reuploads=2 would have no effect"),
        ({"entanglement": "ring"}, "entanglement='ring' would have no effect"),
        ({"n_qubits": 1}, "n_qubits=1 would have no effect, .* takes 2 inputs"),
    ],
    ids=str,
)
def test_settings_without_an_effect_are_refused(
    moons: Rows, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        QMoEClassifier(own_circuit(), **settings).fit(*moons)


def test_a_circuit_with_more_inputs_than_features(moons: Rows) -> None:
    with pytest.raises(InputError, match=r"takes 3 inputs, but the data has 2 feature\(s\)"):
        QMoEClassifier(angle_router(3, 1)).fit(*moons)
