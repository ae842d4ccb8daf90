"""A model that was trained in Python is a run like any other, for every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.data import load_dataset, split_dataset
from qmoe_qiskit.errors import RunError
from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.runs import evaluate_run, load_run, read_run, save_run, train_run
from qmoe_qiskit.runs.request import TrainingRequest
from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = tuple[pd.DataFrame, pd.Series]


@pytest.fixture(scope="module")
def iris() -> tuple[Rows, Rows]:
    """Training rows and other rows: data frames with labels of text."""
    both = load_iris(as_frame=True)
    X = both.data.iloc[:, :2]
    y = both.target.map(dict(enumerate(both.target_names))).rename("species")
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    return (X_train, y_train), (X_test, y_test)


@pytest.fixture(scope="module")
def model(iris: tuple[Rows, Rows]) -> QMoEClassifier:
    """On a circuit of the user's."""
    features = zz_feature_map(2, reps=1)
    circuit = RouterCircuit.from_circuit(
        features.compose(real_amplitudes(2, reps=1)), inputs=features.parameters
    )
    model = QMoEClassifier(circuit, n_experts=3, max_epochs=8, random_state=0, verbose=False)
    return model.fit(*iris[0])


@pytest.fixture(scope="module")
def linear(iris: tuple[Rows, Rows]) -> QMoEClassifier:
    return QMoEClassifier("linear", max_epochs=2, random_state=0, verbose=False).fit(*iris[0])


@pytest.fixture(scope="module")
def saved(
    model: QMoEClassifier, iris: tuple[Rows, Rows], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Not to be changed."""
    path = tmp_path_factory.mktemp("saved") / "mine"
    save_run(model, path, data=iris[1])
    return path


def test_the_run_predicts_as_the_model(
    saved: Path, model: QMoEClassifier, iris: tuple[Rows, Rows]
) -> None:
    X, _ = iris[1]
    loaded = load_run(saved)
    np.testing.assert_array_equal(loaded.classifier.predict(X), model.predict(X))
    np.testing.assert_array_equal(loaded.classifier.predict_proba(X), model.predict_proba(X))
    assert loaded.load_circuit().content_hash == model.get_params()["router"].content_hash
    with pytest.raises(ValueError, match="feature names"):  # as of any scikit-learn estimator
        loaded.classifier.predict(X[X.columns[::-1]])


def test_the_command_line_takes_it(
    saved: Path,
    model: QMoEClassifier,
    iris: tuple[Rows, Rows],
    qmoe: Callable[..., Any],
    tmp_path: Path,
) -> None:
    X, y = iris[1]

    def answer(*arguments: object) -> Any:
        outcome = qmoe(*arguments)
        assert outcome.exit_code == 0, outcome.stderr
        return outcome.stdout

    shown = answer("info", saved)
    assert "species: setosa, versicolor, virginica" in shown
    assert "held-out" not in shown  # nobody knows
    measured = json.loads(answer("evaluate", saved, "--json"))
    assert (measured["rows"], measured["n_rows"]) == ("all", len(y))
    assert measured["metrics"]["accuracy"]["value"] == accuracy_score(y, model.predict(X))
    assert measured["metrics"]["cross_entropy"]["value"] == pytest.approx(
        log_loss(y, model.predict_proba(X), labels=model.classes_)
    )

    X.to_csv(tmp_path / "new.csv", index=False)
    told = json.loads(answer("predict", saved, tmp_path / "new.csv", "--json"))["predictions"]
    assert [row["label"] for row in told] == model.predict(X).tolist()
    np.testing.assert_allclose(
        [row["probabilities"] for row in told], model.predict_proba(X), rtol=1e-12
    )

    noisy = ("--backend", "noisy:ibm_perth", "--shots", 64, "--json")
    noisy_run = json.loads(answer("evaluate", saved, *noisy))
    assert noisy_run["execution"]["shots"] == 64
    few = ("--samples", 2)
    estimate = answer("estimate", saved, "--backend", "runtime:fake_perth", *few)
    assert "QPU seconds" in estimate


def test_a_saved_run_says_what_it_is(saved: Path, iris: tuple[Rows, Rows]) -> None:
    run = read_run(saved)
    assert run.manifest.command == []
    assert run.manifest.seed == 0
    data = run.manifest.data
    assert (data.file, data.split, data.n_test) == ("rows.npz", None, len(iris[1][1]))
    assert data.feature_names == tuple(iris[0][0].columns)
    assert data.target == "species"
    assert run.metrics["accuracy"].produced_by.startswith("38 rows of data; router 'circuit ")


def test_rows_of_a_split_are_held_out(tmp_path: Path) -> None:
    """As `qmoe train` writes it, but for its control."""
    request = TrainingRequest(n_samples=60, n_layers=1, max_epochs=2, seed=3)
    trained = train_run(request, tmp_path / "trained")
    _, split = request.load()
    model = QMoEClassifier(n_layers=1, max_epochs=2, random_state=3, verbose=False)
    model.fit(split.train.features_NF, split.train.labels_N)
    run = save_run(model, tmp_path / "saved", "moons", n_samples=60, test_fraction=0.25, seed=3)
    assert run.manifest.data == trained.manifest.data
    for name in ("accuracy", "train_accuracy", "cross_entropy", "expert_load"):
        assert run.metrics[name] == trained.metrics[name]
    assert evaluate_run(run).metrics == evaluate_run(trained).metrics
    assert evaluate_run(run).rows == "held-out"


def test_a_data_set_and_a_file(
    linear: QMoEClassifier, iris: tuple[Rows, Rows], tmp_path: Path
) -> None:
    X, y = iris[1]
    file = tmp_path / "flowers.csv"
    X.assign(species=y).to_csv(file, index=False)
    from_file = save_run(linear, tmp_path / "runs" / "file", file, target="species")
    assert from_file.manifest.data.file == "../../flowers.csv"
    dataset = load_dataset(file, target="species")
    stored = save_run(linear, tmp_path / "stored", dataset)
    assert stored.manifest.data.content_hash == from_file.manifest.data.content_hash
    file.unlink()
    assert evaluate_run(stored).metrics["accuracy"] == stored.metrics["accuracy"]
    with pytest.raises(RunError, match="cannot be loaded again"):
        evaluate_run(from_file)


def test_arrays_of_numbers(tmp_path: Path) -> None:
    moons = load_dataset("moons", n_samples=40)
    profile = load_profile("ibm_torino")
    model = QMoEClassifier(n_layers=1, max_epochs=1, backend=profile, random_state=1, verbose=False)
    model.fit(moons.features_NF.tolist(), moons.labels_N.tolist())
    run = save_run(model, tmp_path / "run", (moons.features_NF.tolist(), moons.labels_N.tolist()))
    np.testing.assert_array_equal(
        run.classifier.predict_proba(moons.features_NF), model.predict_proba(moons.features_NF)
    )
    assert run.manifest.execution is not None
    assert run.manifest.execution.calibration is not None
    assert run.manifest.data.feature_names == ("x0", "x1")


def test_a_run_is_replaced_only_by_force(
    linear: QMoEClassifier, iris: tuple[Rows, Rows], tmp_path: Path
) -> None:
    path = tmp_path / "run"
    save_run(linear, path, iris[1])
    before = (path / "manifest.json").read_bytes()
    with pytest.raises(RunError, match="exists"):
        save_run(linear, path, iris[1])
    assert (path / "manifest.json").read_bytes() == before
    save_run(linear, path, iris[1], force=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(RunError, match="not a run"):
        save_run(linear, tmp_path / "other", iris[1], force=True)
    # What a killed process leaves is no obstacle.
    (tmp_path / "killed" / ".part").mkdir(parents=True)
    save_run(linear, tmp_path / "killed", iris[1], force=True)
    assert not (tmp_path / "killed" / ".part").exists()


def test_changed_rows_are_refused(
    linear: QMoEClassifier, iris: tuple[Rows, Rows], tmp_path: Path
) -> None:
    path = tmp_path / "run"
    save_run(linear, path, iris[1])
    np.savez(path / "rows.npz", X=np.zeros((4, 2)), y=np.array(["setosa", "virginica"] * 2))
    with pytest.raises(RunError, match="was changed"):
        read_run(path)


def test_what_is_refused(
    model: QMoEClassifier, linear: QMoEClassifier, iris: tuple[Rows, Rows], tmp_path: Path
) -> None:
    X, y = iris[1]
    path = tmp_path / "run"

    def refused(classifier: Any, data: Any, says: str, **options: Any) -> None:
        with pytest.raises(ValueError, match=says):
            save_run(classifier, path, data, **options)
        assert not path.exists()

    refused(linear, (X, y.replace("setosa", "rose")), "rose")
    refused(linear, (X.iloc[:, :1], y), "feature")
    refused(linear, (X, y[:-1]), r"features .* labels")
    refused(linear, X, "a pair")
    refused(linear, (X, y), "leave them out", target="species")
    refused(linear, (X[:1], y[:1]), "two classes")
    refused(linear, "moons", "trained on sepal length")
    refused(linear, "moonz", "did you mean")
    refused(linear, (X, y), "test_fraction must lie", test_fraction=1.5)
    refused(make_pipeline(StandardScaler(), linear), (X, y), "not a Pipeline")
    search = GridSearchCV(linear, {})
    search.best_estimator_ = linear
    refused(search, (X, y), "its best_estimator_")
    with pytest.raises(NotFittedError):
        save_run(QMoEClassifier(), path, (X, y))

    class Remote:
        name = "runtime:ibm_fez"
        device = type("Device", (), {"is_local": False})

    elsewhere = QMoEClassifier.__new__(QMoEClassifier)
    elsewhere.__dict__.update(model.__dict__, backend_=Remote())
    refused(elsewhere, (X, y), "would be paid for")


def test_a_split_of_given_rows(
    linear: QMoEClassifier, iris: tuple[Rows, Rows], tmp_path: Path
) -> None:
    run = save_run(linear, tmp_path / "run", iris[1], test_fraction=0.5, seed=4)
    _, (X, y) = iris
    rows = split_dataset(
        load_dataset(tmp_path / "run" / "rows.npz"), test_fraction=0.5, seed=4
    ).test
    expected = accuracy_score(
        rows.labels_N, linear.predict(pd.DataFrame(rows.features_NF, columns=X.columns))
    )
    assert run.metrics["accuracy"].number == pytest.approx(expected)
    assert evaluate_run(run).rows == "held-out"
    assert len(y) == run.manifest.data.n_train + run.manifest.data.n_test
