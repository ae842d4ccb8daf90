"""A regression on the command line: a run of numbers, and what it says where only labels go."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from qmoe_qiskit.data import load_dataset, split_dataset
from qmoe_qiskit.runs import TrainingRequest, load_run, read_run, save_run
from qmoe_qiskit.runs.request_of_run import request_of_run
from qmoe_qiskit.train import QMoERegressor

if TYPE_CHECKING:
    from collections.abc import Callable

# Held-out rows may lie outside the range of the others.
pytestmark = pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty rows of two features and a price that depends on them."""
    path = tmp_path_factory.mktemp("data") / "flats.csv"
    rng = np.random.default_rng(0)
    x_N2 = rng.uniform(0, 1, size=(80, 2))
    price_N = 100 + 50 * x_N2[:, 0] - 20 * x_N2[:, 1] + rng.normal(size=80)
    np.savetxt(
        path,
        np.column_stack([x_N2, price_N]),
        delimiter=",",
        header="size,noise,price",
        comments="",
    )
    return path


@pytest.fixture(scope="module")
def trained(lines: Path, qmoe: Callable[..., Any]) -> Path:
    out = lines.parent / "run"
    options = (
        *("--task", "regression", "--target", "price", "--layers", "1", "--epochs", "20"),
        *("--experts", "3", "--top-k", "2", "--balance", "0.01", "--expert", "mlp:4"),
    )
    outcome = qmoe("train", "--data", lines, *options, "--out", out)
    assert outcome.exit_code == 0, outcome.stderr
    assert "held-out" in outcome.stdout
    assert "R2" in outcome.stdout
    return out


def test_the_run_holds_what_scikit_learn_measures(trained: Path, lines: Path) -> None:
    run = load_run(trained)
    request = request_of_run(trained)
    assert (request.task, request.expert, request.top_k) == ("regression", "mlp:4", 2)
    data = load_dataset(lines, target="price", task="regression")
    test = split_dataset(data, test_fraction=0.25, seed=0).test
    assert len(test.labels_N) == 20
    found, _ = run.classifier.predict_routed(_frame(test.features_NF))
    for name, oracle in {
        "r2": r2_score,
        "rmse": root_mean_squared_error,
        "mae": mean_absolute_error,
    }.items():
        metric = run.metrics[name]
        assert metric.value == pytest.approx(oracle(test.labels_N, found))
        assert metric.uncertainty.low < metric.value < metric.uncertainty.high
    assert run.metrics["r2"].number > 0.5
    assert "dead_experts" in run.metrics
    assert repr(run).endswith(f"held-out r2 {run.metrics['r2'].number:.3f}>")


def test_info_evaluate_and_predict(
    trained: Path, lines: Path, qmoe: Callable[..., Any], document: Callable[..., Any]
) -> None:
    said = qmoe("info", trained).stdout
    assert "price: mean" in said
    assert "3, mlp:4, 2 per row, switch loss 0.01" in said
    stored = read_run(trained).metrics["rmse"].value
    assert document("evaluate", trained)["metrics"]["rmse"]["value"] == stored
    data = load_dataset(lines, target="price", task="regression")
    rows = list(csv.DictReader(qmoe("predict", trained, lines).stdout.splitlines()))
    assert list(rows[0]) == ["prediction", *(f"weight_expert_{e}" for e in range(3))]
    expected = load_run(trained).classifier.predict(_frame(data.features_NF))
    np.testing.assert_allclose([float(row["prediction"]) for row in rows], expected)


def test_standard_errors_of_numbers(lines: Path, tmp_path: Path, qmoe: Callable[..., Any]) -> None:
    """A dense model states them in units of the target, as shots with other seeds spread."""
    data = load_dataset(lines, target="price", task="regression")
    model = QMoERegressor(n_layers=1, max_epochs=5, random_state=0)
    model.fit(data.features_NF, data.labels_N)
    save_run(model, tmp_path / "run", data=(data.features_NF[:9], data.labels_N[:9]))
    out = tmp_path / "predictions.csv"
    outcome = qmoe(
        *("evaluate", tmp_path / "run", "--backend", "noisy:depolarizing:0.01", "--shots", 100),
        *("--predictions", out),
    )
    assert outcome.exit_code == 0, outcome.stderr
    rows = csv.DictReader(out.read_text().splitlines())
    stated = [float(row["std_error_prediction"]) for row in rows]
    draws = [
        load_run(tmp_path / "run", backend=backend).classifier.predict(data.features_NF[:9])
        for backend in _backends(20)
    ]
    spread_N = np.std(draws, axis=0)
    # A standard deviation of 20 draws has a standard error of 16 %, the mean of nine of 5 %.
    assert np.mean(stated) == pytest.approx(spread_N.mean(), rel=0.25)


def _frame(features_NF: np.ndarray) -> Any:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(features_NF, columns=["size", "noise"])


def _backends(count: int) -> list[Any]:
    from qmoe_qiskit.backends import open_backend

    return [open_backend("noisy:depolarizing:0.01", shots=100, seed=seed) for seed in range(count)]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("submit", "--backend", "runtime:fake_manila", "--yes"), "is for classes"),
        (("evaluate", "--votes", "1,3"), "draws no votes"),
        (("export", "--out", "model.pt2"), "predicts numbers"),
    ],
)
def test_what_is_for_labels_says_so(
    trained: Path, qmoe: Callable[..., Any], command: tuple[str, ...], message: str
) -> None:
    name, *options = command
    outcome = qmoe(name, trained, *options)
    assert outcome.exit_code == 2
    assert message in outcome.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--target", "price"), "use --task regression"),
        (("--target", "price", "--task", "ranking"), "unknown task 'ranking'"),
        (
            ("--target", "price", "--task", "regression", "--routing", "sampled"),
            "not for regression",
        ),
        (("--target", "price", "--task", "regression", "--votes", "3"), "leave it out"),
    ],
)
def test_refused(
    lines: Path, tmp_path: Path, qmoe: Callable[..., Any], options: tuple[str, ...], message: str
) -> None:
    outcome = qmoe("train", "--data", lines, *options, "--out", tmp_path / "run")
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert not (tmp_path / "run").exists()


def test_built_in_data_have_classes() -> None:
    with pytest.raises(Exception, match="'moons' has classes"):
        TrainingRequest(task="regression").load()
