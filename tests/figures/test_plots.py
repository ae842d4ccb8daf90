"""One model over X, y, in a new figure or in given axes."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures import plot_decision_boundary
from qmoe_qiskit.runs import evaluate_run, train_run
from qmoe_qiskit.runs.request import TrainingRequest
from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.data import Split


@pytest.fixture(scope="module")
def iris() -> tuple[pd.DataFrame, pd.Series]:
    both = load_iris(as_frame=True)
    return both.data, both.target.map(dict(enumerate(both.target_names))).rename("species")


@pytest.fixture(scope="module")
def model(moons: Split) -> QMoEClassifier:
    model = QMoEClassifier("linear", max_epochs=3, random_state=0, verbose=False)
    return model.fit(moons.train.features_NF, moons.train.labels_N)


def points(axes: Axes) -> np.ndarray:
    return np.concatenate(
        [one.get_offsets() for one in axes.collections if one.get_gid() == "held-out"]
    )


def test_a_figure_of_its_own(model: QMoEClassifier, moons: Split) -> None:
    X, y = moons.test.features_NF, moons.test.labels_N
    open_before, settings = plt.get_fignums(), dict(mpl.rcParams)
    for plot in (model.plot_decision_boundary, model.plot_routing_map):
        figure = plot(X, y)
        assert isinstance(figure, Figure)
        drawn = points(figure.axes[0])
        np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(X, axis=0))
        png = figure._repr_png_()  # what a notebook shows
        assert min(Image.open(BytesIO(png)).size) > 300
    # Neither pyplot nor the settings of matplotlib notice.
    assert plt.get_fignums() == open_before
    assert dict(mpl.rcParams) == settings


def test_the_boundary_is_that_of_scikit_learn(moons: Split) -> None:
    X, y = moons.test.features_NF, moons.test.labels_N
    logistic = LogisticRegression().fit(X, y)
    axes = plot_decision_boundary(logistic, X, y).axes[0]
    (line,) = [one for one in axes.collections if one.get_gid() == "boundary"]
    (path,) = line.get_paths()
    np.testing.assert_allclose(logistic.predict_proba(path.vertices)[:, 1], 0.5, atol=2e-3)


def test_into_given_axes(model: QMoEClassifier, moons: Split) -> None:
    X, y = moons.test.features_NF, moons.test.labels_N
    figure, (left, middle, right) = plt.subplots(1, 3)
    try:
        assert model.plot_decision_boundary(X, y, ax=left) is left
        assert model.plot_routing_map(X, y, ax=middle) is middle
        assert model.plot_loss(ax=right) is right
        assert left.get_xlabel() == "x0"
        assert [text.get_text() for text in left.get_legend().get_texts()] == ["label 0", "label 1"]
        assert middle.get_title().startswith("expert load: ")
        np.testing.assert_allclose(
            right.lines[0].get_ydata(), [epoch["train_loss"] for epoch in model.history_]
        )
        figure.canvas.draw()
    finally:
        plt.close(figure)


def test_more_features_and_classes(iris: tuple[pd.DataFrame, pd.Series]) -> None:
    X, y = iris
    model = QMoEClassifier("linear", n_experts=3, max_epochs=2, random_state=0, verbose=False)
    model.fit(X, y)
    for plot in (model.plot_decision_boundary, model.plot_routing_map):
        figure = plot(X, y)
        heading = " ".join(figure._suptitle.get_text().split())
        assert "4 features" in heading
        assert "the first two principal components" in heading
        assert "training" not in heading
        words = [text.get_text() for text in figure.legends[0].get_texts()]
        assert "species setosa" in words
    load_E = np.bincount(model.routing_weights(X).argmax(axis=1), minlength=3) / len(X)
    shares = ", ".join(f"{100 * share:.0f}" for share in load_E)
    assert figure.axes[0].get_title() == f"expert load: {shares} %"


def test_a_run_draws_the_rows_that_it_is_measured_on(tmp_path: Path) -> None:
    request = TrainingRequest(router="linear", control="mlp:2", n_samples=40, max_epochs=2)
    run = train_run(request, tmp_path / "run")
    drawn = points(run.plot_decision_boundary().axes[0])
    test = request.load()[1].test
    np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(test.features_NF, axis=0))
    assert len(drawn) == evaluate_run(run).n_rows
    assert len(points(run.plot_routing_map(test.features_NF[:4], test.labels_N[:4]).axes[0])) == 4
    lines = run.plot_loss().axes[0].lines
    assert len(lines) >= 2
    with pytest.raises(InputError, match="together"):
        run.plot_routing_map(test.features_NF)


@pytest.mark.parametrize(
    ("X", "y", "says"),
    [
        ([[1.0, 2.0, 3.0]], [0], "takes 2 features"),
        ([[1.0, 2.0]], [0, 1], "needs features"),
        ([1.0, 2.0], [0, 1], "shape"),
        ([[np.nan, 2.0]], [0], "finite"),
        ([["a", "b"]], [0], "numbers"),
        ([[1.0, 2.0]], [7], "the label '7'"),
    ],
)
def test_what_is_refused(model: QMoEClassifier, X: Any, y: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        model.plot_decision_boundary(X, y)


def test_an_unfitted_model_is_refused() -> None:
    for plot in (QMoEClassifier().plot_decision_boundary, QMoEClassifier().plot_routing_map):
        with pytest.raises(NotFittedError):
            plot([[1.0, 2.0]], [0])
    with pytest.raises(NotFittedError):
        QMoEClassifier().plot_loss()
