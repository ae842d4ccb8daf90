"""Decision boundaries: what is drawn is what the model says."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression

from qmoe_qiskit.data import Dataset, Split, split_dataset
from qmoe_qiskit.errors import InputError, OutOfRangeWarning
from qmoe_qiskit.figures import decision_boundary_figure, save_figure
from qmoe_qiskit.figures.plane import RESOLUTION, fit_plane

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray


def fitted(split: Split, strength: float = 1.0) -> LogisticRegression:
    model = LogisticRegression(C=strength, max_iter=1000)
    return model.fit(split.train.features_NF, split.train.labels_N)


def boundary_vertices(axes: Axes) -> NDArray[np.float64]:
    lines = [child for child in axes.get_children() if child.get_gid() == "boundary"]
    paths = [path for line in lines for path in line.get_paths()]  # type: ignore[attr-defined]
    return np.concatenate([path.vertices for path in paths if len(path.vertices)])


@pytest.fixture
def blobs(seed: int) -> Split:
    features, labels = make_blobs(150, centers=3, n_features=2, random_state=seed % 2**32)
    names = np.array(["low", "middle", "high"])
    return split_dataset(
        Dataset(
            name="blobs",
            features_NF=features,
            labels_N=names[labels],
            feature_names=("width", "height"),
            target_name="size",
            source="generated",
        )
    )


@pytest.mark.parametrize(
    "n_panels", [1, 2, 5, *(pytest.param(n, marks=pytest.mark.trial) for n in (3, 4))]
)
def test_two_classes_have_a_panel_a_model_and_one_scale(
    moons: Split,
    n_panels: int,
    legend_of: Callable[[Figure], list[str]],
    assert_legible: Callable[[Figure], None],
) -> None:
    models = {f"model {i}": fitted(moons, 10.0**i) for i in range(n_panels)}
    scores = {"model 0": 0.875}
    figure = decision_boundary_figure(models, moons.train, moons.test, scores=scores)
    *panels, bar = figure.axes
    titles = [axes.get_title() for axes in panels]
    assert titles == ["model 0\nheld-out accuracy 0.875", *list(models)[1:]]
    assert {axes.get_xlabel() for axes in panels} == {"x0"}
    assert panels[0].get_ylabel() == "x1"
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in panels}) == 1
    assert bar.get_ylabel() == "probability of label 1"
    assert legend_of(figure) == ["label 0", "label 1", "hollow: training", "filled: held-out"]
    assert_legible(figure)
    for axes in panels:
        box = axes.get_window_extent()
        assert box.width == pytest.approx(box.height, rel=0.03)


def test_all_points_are_drawn_with_a_marker_for_each_class(moons: Split) -> None:
    figure = decision_boundary_figure({"linear": fitted(moons)}, moons.train, moons.test)
    for gid, data in (("training", moons.train), ("held-out", moons.test)):
        drawn = [points for points in figure.axes[0].collections if points.get_gid() == gid]
        for points, label in zip(drawn, (0, 1), strict=True):
            expected = data.features_NF[data.labels_N == label]
            np.testing.assert_allclose(np.asarray(points.get_offsets()), expected, atol=1e-12)
            assert bool(len(points.get_facecolor())) == (gid == "held-out")  # hollow or filled
        one, other = (np.asarray(points.get_paths()[0].vertices) for points in drawn)
        assert one.shape != other.shape  # a circle and a triangle


def test_boundary_of_a_linear_model_is_its_line(moons: Split) -> None:
    model = fitted(moons)
    figure = decision_boundary_figure({"linear": model}, moons.train, moons.test)
    vertices = boundary_vertices(figure.axes[0])
    assert len(vertices) > RESOLUTION // 2
    # The line is interpolated on an edge of the grid of length h: wrong by at most
    # h^2 / 8 max|p''|, and the logistic function's second derivative is at most 1 / (6 sqrt 3).
    plane = fit_plane(moons.train, moons.test)
    steps = np.array([plane.x_G[1] - plane.x_G[0], plane.y_G[1] - plane.y_G[0]])
    bound = np.max((steps * model.coef_[0]) ** 2) / 8 / (6 * np.sqrt(3.0))
    assert np.abs(model.predict_proba(vertices)[:, 1] - 0.5).max() <= bound * (1 + 1e-6)


def test_regions_are_those_of_the_most_probable_class(
    blobs: Split,
    legend_of: Callable[[Figure], list[str]],
    assert_legible: Callable[[Figure], None],
) -> None:
    model = fitted(blobs)
    figure = decision_boundary_figure({"linear": model}, blobs.train, blobs.test)
    (axes,) = figure.axes  # no colour bar
    grid_M2 = fit_plane(blobs.train, blobs.test).grid_features()
    sorted_MC = np.sort(model.predict_proba(grid_M2), axis=1)
    clear_M = sorted_MC[:, -1] - sorted_MC[:, -2] > 0.05  # away from the boundary
    predicted_M = model.predict_proba(grid_M2).argmax(axis=1)
    for index in range(3):
        (region,) = (c for c in axes.collections if c.get_gid() == f"region {index}")
        inside_M = region.get_paths()[0].contains_points(grid_M2, radius=1e-9)
        edge_M = (np.abs(grid_M2 - grid_M2[0]) < 1e-9) | (np.abs(grid_M2 - grid_M2[-1]) < 1e-9)
        counted_M = clear_M & ~edge_M.any(axis=1)
        np.testing.assert_array_equal(inside_M[counted_M], predicted_M[counted_M] == index)
    names = ["size high", "size low", "size middle"]  # in the order of classes_
    assert legend_of(figure) == [*names, "hollow: training", "filled: held-out"]
    assert_legible(figure)


def test_many_features_are_drawn_in_the_plane_of_two_components(
    digits10: Split,
    legend_of: Callable[[Figure], list[str]],
    assert_legible: Callable[[Figure], None],
) -> None:
    model = fitted(digits10, 0.01)
    models = {"a": model, "b": model}
    figure = decision_boundary_figure(models, digits10.train, digits10.test)
    assert len(figure.axes) == 2
    assert figure.axes[0].get_xlabel().startswith("principal component 1 (")
    assert figure.axes[0].get_ylabel().endswith(" % of variance)")
    assert "16 features" in figure.get_suptitle()
    assert legend_of(figure)[:10] == [f"digit {i}" for i in range(10)]
    assert_legible(figure)
    # At the boundary the two most probable classes are level, up to what changes in a grid step.
    plane = fit_plane(digits10.train, digits10.test)
    grid_GGC = model.predict_proba(plane.grid_features()).reshape(RESOLUTION, RESOLUTION, 10)
    change = max(np.abs(np.diff(grid_GGC, axis=axis)).max() for axis in (0, 1))
    vertices = boundary_vertices(figure.axes[0])
    at = plane.origin_F + vertices @ plane.directions_2F * plane.scale_F
    two = np.sort(model.predict_proba(at), axis=1)[:, -2:]
    assert np.ptp(two, axis=1).max() <= 2 * change


class Recorder:
    """A linear model that counts its calls and warns as the project's scaler does."""

    def __init__(self, warning: Warning) -> None:
        self.classes_: NDArray[Any] = np.array([0, 1])
        self.warning = warning
        self.shapes: list[tuple[int, ...]] = []

    def predict_proba(self, X: NDArray[np.float64], /) -> NDArray[np.float64]:
        self.shapes.append(X.shape)
        warnings.warn(self.warning, stacklevel=1)
        one = 1.0 / (1.0 + np.exp(-X[:, 0]))
        return np.column_stack([1.0 - one, one])


def test_a_model_is_called_once_and_out_of_range_is_no_news(moons: Split) -> None:
    models = {name: Recorder(OutOfRangeWarning("beyond")) for name in "ab"}
    decision_boundary_figure(models, moons.train, moons.test)
    assert [model.shapes for model in models.values()] == [[(RESOLUTION**2, 2)]] * 2


def test_other_warnings_of_a_model_are_heard(moons: Split) -> None:
    with pytest.warns(UserWarning, match="something else"):
        decision_boundary_figure(
            {"a": Recorder(UserWarning("something else"))}, moons.train, moons.test
        )


def test_a_model_without_boundary_is_drawn(moons: Split) -> None:
    class Constant:
        classes_: NDArray[Any] = np.array([0, 1])

        def predict_proba(self, X: NDArray[np.float64], /) -> NDArray[np.float64]:
            return np.tile([0.3, 0.7], (len(X), 1))

    figure = decision_boundary_figure({"constant": Constant()}, moons.train, moons.test)
    assert not [c for c in figure.axes[0].collections if c.get_gid() == "boundary"]


def test_dollar_signs_and_long_names_are_text(
    blobs: Split, assert_legible: Callable[[Figure], None]
) -> None:
    def renamed(data: Dataset) -> Dataset:
        return dataclasses.replace(
            data,
            name="a name of a data set that goes on " * 5,
            feature_names=(
                "price in $ or \\frac{$}",
                "_a feature that somebody described at length",
            ),
            target_name="the name of the column",
        )

    train, test = renamed(blobs.train), renamed(blobs.test)
    models = {name + " of a model with a long name" * 3: fitted(blobs) for name in "abc"}
    figure = decision_boundary_figure(models, train, test)
    assert figure.axes[0].get_xlabel() == "price in $ or \\frac{$}"
    assert_legible(figure)


def test_same_input_gives_the_same_bytes_whatever_the_user_configured(
    blobs: Split, tmp_path: Path
) -> None:
    import matplotlib as mpl

    def written(name: str) -> bytes:
        figure = decision_boundary_figure({"linear": fitted(blobs)}, blobs.train, blobs.test)
        save_figure(figure, tmp_path / name)
        return (tmp_path / name).read_bytes()

    before = dict(mpl.rcParams)
    plain = written("a.png")
    assert dict(mpl.rcParams) == before
    with mpl.rc_context({"font.size": 20, "savefig.facecolor": "red", "hatch.linewidth": 5}):
        assert written("b.png") == plain


@pytest.mark.process
def test_nothing_heavy_is_loaded_before_a_figure_and_pyplot_never() -> None:
    program = """
import sys, numpy as np
import qmoe_qiskit.figures as figures
heavy = {"matplotlib", "sklearn", "torch", "scipy", "qiskit", "pandas"}
print(sorted(heavy & set(sys.modules)))
figures.loss_curves_figure({"a": [{"epoch": 1, "train_loss": 0.5}]})
print("matplotlib.pyplot" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n") == ["[]", "False", ""]


def test_no_model_is_an_error(moons: Split) -> None:
    with pytest.raises(InputError, match="at least one model"):
        decision_boundary_figure({}, moons.train, moons.test)


def test_features_that_do_not_match_are_an_error(moons: Split, digits10: Split) -> None:
    with pytest.raises(InputError, match=r"same features, got 2 \(x0, x1\) and 16"):
        decision_boundary_figure({"linear": fitted(moons)}, moons.train, digits10.test)
    with pytest.raises(InputError, match="'linear' takes 16 features, the data have 2"):
        decision_boundary_figure({"linear": fitted(digits10, 0.01)}, moons.train, moons.test)


def test_classes_that_do_not_match_are_an_error(moons: Split, blobs: Split) -> None:
    with pytest.raises(InputError, match=r"same classes: 'a' has .* 'b' has"):
        decision_boundary_figure({"a": fitted(moons), "b": fitted(blobs)}, moons.train, moons.test)
    with pytest.raises(InputError, match="has the label '0', which no model here knows"):
        decision_boundary_figure({"b": fitted(blobs)}, moons.train, moons.test)
