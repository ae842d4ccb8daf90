"""Evaluating runs and predicting from them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from qmoe_qiskit.data import load_dataset, split_dataset
from qmoe_qiskit.errors import DataError, InputError, RunError
from qmoe_qiskit.runs import TrainingRequest, evaluate_run, load_run, predict_file, train_run


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with text labels."""
    path = tmp_path_factory.mktemp("data") / "points.csv"
    points = load_dataset("moons", n_samples=60)
    rows = [
        f"{a},{b},{'upper' if label == 0 else 'lower'}"
        for (a, b), label in zip(points.features_NF.tolist(), points.labels_N, strict=True)
    ]
    path.write_text("\n".join(["a,b,arc", *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def file_run(table: Path) -> Path:
    out = table.parent / "run"
    request = TrainingRequest(data=str(table), target="arc", router="linear", max_epochs=3, seed=5)
    train_run(request, out)
    return out


def test_own_rows_give_the_metrics_of_the_run(finished: Path, file_run: Path) -> None:
    for path in (finished, finished / "control", file_run, finished.parent / "." / "run"):
        run = load_run(path)
        result = evaluate_run(run)
        assert (result.rows, result.n_rows) == ("held-out", 15)
        for name, metric in result.metrics.items():
            assert metric.value == run.metrics[name].value
            assert metric.uncertainty == run.metrics[name].uncertainty


def test_own_data_by_name_are_not_evaluated_on_training_rows(file_run: Path, table: Path) -> None:
    run = load_run(file_run)
    result = evaluate_run(run, table)
    assert (result.rows, result.n_rows) == ("held-out", 15)
    assert result.metrics["accuracy"] == evaluate_run(run).metrics["accuracy"]


def test_other_data_are_used_whole(
    finished: Path, file_run: Path, table: Path, tmp_path: Path
) -> None:
    result = evaluate_run(load_run(finished), "circles")
    assert (result.data, result.rows, result.n_rows) == ("circles", "all", 500)

    _, *rows = table.read_text().splitlines()
    other = tmp_path / "other.csv"
    swapped = [f"{c},{b},{a}" for a, b, c in (row.split(",") for row in rows[:20])]
    other.write_text("\n".join(["kind,b,a", *swapped]) + "\n")
    run = load_run(file_run)
    result = evaluate_run(run, other, target="kind")
    assert (result.rows, result.n_rows) == ("all", 20)
    features_NF = np.array([[float(x) for x in row.split(",")[:2]] for row in rows[:20]])
    inside = ~run.classifier.feature_map_.rows_outside(features_NF)
    assert result.metrics["rows_outside_range"].value == int((~inside).sum())
    with pytest.raises(DataError, match=r"no labels in 'arc'|'kind' not known"):
        evaluate_run(run, other)


def test_data_that_do_not_fit_are_refused(finished: Path, file_run: Path, tmp_path: Path) -> None:
    run = load_run(file_run)
    with pytest.raises(InputError, match="names a column of a file"):
        evaluate_run(run, target="arc")
    with pytest.raises(DataError, match=r"circles has the features x0, x1.*trained on a, b"):
        evaluate_run(run, "circles")
    with pytest.raises(InputError, match="target 'y' does not go with the built-in"):
        evaluate_run(load_run(finished), "moons", target="y")
    for content, words in {
        "a,b,arc\n1,2,left\n": "label 'left' is none of the model's classes",
        "a,b\n1,2\n": "no labels in 'arc'",
        "a,arc\n1,upper\n": "'b' missing",
        "a,b,arc\n1,nan,upper\n": "not a finite number",
    }.items():
        path = tmp_path / "rows.csv"
        path.write_text(content)
        with pytest.raises(InputError, match=words):
            evaluate_run(run, path)
    with pytest.raises(DataError, match="does not exist"):
        evaluate_run(run, tmp_path / "missing.csv")


def test_changed_or_missing_data_are_noticed(file_run: Path, table: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    data = Path(shutil.copy(table, tmp_path / "data"))
    run = load_run(shutil.copytree(file_run, tmp_path / "data" / "run"))
    assert evaluate_run(run).n_rows == 15
    data.write_text(data.read_text().replace("upper", "lower", 1))
    with pytest.raises(RunError, match=r"is not what it was when run .* was trained on it"):
        evaluate_run(run)
    data.unlink()
    with pytest.raises(RunError, match=r"cannot be loaded again.*--data"):
        evaluate_run(run)


def test_predictions_are_the_models(file_run: Path, table: Path, tmp_path: Path) -> None:
    run = load_run(file_run)
    _, *rows = table.read_text().splitlines()
    bare = tmp_path / "bare.csv"
    bare.write_text("\n".join(["b,a", "1e3,0", *(f"{b},{a}" for a, b in cells(rows))]) + "\n")
    predictions = predict_file(run, bare)
    assert predictions.source == "bare.csv"
    assert predictions.classes_C.tolist() == ["lower", "upper"]
    assert predictions.probabilities_NC.shape == (61, 2)
    assert predictions.weights_NE.shape == (61, 2)
    assert predictions.rows_outside_range >= 1
    train = split_dataset(load_dataset(table, target="arc"), seed=5).train
    with_labels = predict_file(run, table)
    found = [
        with_labels.labels_N[i]
        for i, row in enumerate(cells(rows))
        if list(map(float, row)) in train.features_NF.tolist()
    ]
    with pytest.warns(UserWarning, match="valid feature names"):  # as scikit-learn's estimators
        assert found == run.classifier.predict(train.features_NF).tolist()
    assert np.array_equal(predictions.probabilities_NC[1:], with_labels.probabilities_NC)


def cells(rows: list[str]) -> list[list[str]]:
    return [row.split(",")[:2] for row in rows]


def test_features_that_do_not_match_are_refused(file_run: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", X=np.zeros((3, 5)))
    with pytest.raises(DataError, match="trained on 2 features"):
        predict_file(load_run(file_run), tmp_path / "rows.npz")
    np.savez(tmp_path / "two.npz", X=np.zeros((3, 2)))
    assert len(predict_file(load_run(file_run), tmp_path / "two.npz").labels_N) == 3
