"""Routing maps: which expert serves which region."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures import routing_map_figure, save_figure
from qmoe_qiskit.figures.plane import fit_plane

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from qmoe_qiskit.data import Split


class LinearRouter:
    """softmax(X A + b), counting its calls."""

    def __init__(self, matrix_FE: NDArray[np.float64], bias_E: NDArray[np.float64]) -> None:
        self.matrix_FE, self.bias_E = matrix_FE, bias_E
        self.calls = 0

    def routing_weights(self, X: NDArray[np.float64], /) -> NDArray[np.float64]:
        self.calls += 1
        logits_NE = X @ self.matrix_FE + self.bias_E
        weights_NE = np.exp(logits_NE - logits_NE.max(axis=1, keepdims=True))
        return np.asarray(weights_NE / weights_NE.sum(axis=1, keepdims=True))


def random_router(rng: np.random.Generator, n_features: int, n_experts: int) -> LinearRouter:
    return LinearRouter(rng.normal(size=(n_features, n_experts)), np.zeros(n_experts))


def test_two_experts_share_a_scale_and_a_line(
    moons: Split,
    legend_of: Callable[[Figure], list[str]],
    assert_legible: Callable[[Figure], None],
) -> None:
    # Expert 1 serves x0 > 0.4: its weight is the logistic function of 3 (x0 - 0.4).
    router = LinearRouter(np.array([[0.0, 3.0], [0.0, 0.0]]), np.array([0.0, -1.2]))
    figure = routing_map_figure({"one": router, "two": router}, moons.train, moons.test)
    one, two, bar = figure.axes
    share = round(100 * float(np.mean(moons.test.features_NF[:, 0] > 0.4)))
    assert one.get_title() == f"one\nexpert load (held-out): {100 - share}, {share} %"
    assert two.get_title().startswith("two\n")
    assert bar.get_ylabel() == "routing weight of expert 1"
    assert legend_of(figure) == ["label 0", "label 1", "hollow: training", "filled: held-out"]
    (line,) = (c for c in one.collections if c.get_gid() == "boundary")
    plane = fit_plane(moons.train, moons.test)
    step = plane.x_G[1] - plane.x_G[0]
    # Linear interpolation: at most h^2 / 8 max|w''|, and dx = dw / w' with w' = 3 / 4 there.
    bound = (3.0 * step) ** 2 / 8 / (6 * np.sqrt(3.0)) / 0.7
    vertices = np.asarray(line.get_paths()[0].vertices)
    assert np.abs(vertices[:, 0] - 0.4).max() <= bound
    assert_legible(figure)


@pytest.mark.parametrize("n_experts", [1, 3, 4, 10])
def test_more_experts_have_hatched_regions_and_a_legend(
    digits10: Split,
    rng: np.random.Generator,
    n_experts: int,
    legend_of: Callable[[Figure], list[str]],
    assert_legible: Callable[[Figure], None],
) -> None:
    router = random_router(rng, 16, n_experts)
    figure = routing_map_figure({"router": router}, digits10.train, digits10.test)
    (axes,) = figure.axes  # no colour bar
    plane = fit_plane(digits10.train, digits10.test)
    serving = set(router.routing_weights(plane.grid_features()).argmax(axis=1).tolist())
    drawn = {str(c.get_gid()) for c in axes.collections}
    assert {gid for gid in drawn if gid.startswith("region")} == {f"region {e}" for e in serving}
    served = router.routing_weights(digits10.test.features_NF).argmax(axis=1)
    counts = [int(np.sum(served == e)) for e in range(n_experts)]
    shares = ", ".join(f"{100 * count / len(served):.0f}" for count in counts)
    title = " ".join(axes.get_title().split())
    assert title == f"router expert load (held-out): {shares} %"
    assert legend_of(figure)[:n_experts] == [f"expert {e}" for e in range(n_experts)]
    assert legend_of(figure)[n_experts:][:10] == [f"digit {i}" for i in range(10)]
    assert_legible(figure)


def test_models_may_have_different_numbers_of_experts(
    moons: Split, rng: np.random.Generator, legend_of: Callable[[Figure], list[str]]
) -> None:
    models = {"two": random_router(rng, 2, 2), "three": random_router(rng, 2, 3)}
    figure = routing_map_figure(models, moons.train, moons.test)
    assert len(figure.axes) == 2
    assert legend_of(figure)[:3] == ["expert 0", "expert 1", "expert 2"]


def test_an_undecided_router_is_drawn_as_its_load_says(moons: Split) -> None:
    router = LinearRouter(np.zeros((2, 3)), np.zeros(3))
    figure = routing_map_figure({"even": router}, moons.train, moons.test)
    assert figure.axes[0].get_title().endswith("100, 0, 0 %")
    gids = [str(c.get_gid()) for c in figure.axes[0].collections]
    assert [gid for gid in gids if gid.startswith("region")] == ["region 0"]


def test_a_model_is_called_once(moons: Split, rng: np.random.Generator) -> None:
    models = {name: random_router(rng, 2, 4) for name in "abc"}
    routing_map_figure(models, moons.train, moons.test)
    assert [model.calls for model in models.values()] == [1, 1, 1]


def test_same_input_gives_the_same_bytes(
    moons: Split, rng: np.random.Generator, tmp_path: Path
) -> None:
    router = random_router(rng, 2, 4)
    for name in ("a.png", "b.png"):
        figure = routing_map_figure({"router": router}, moons.train, moons.test)
        save_figure(figure, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_bad_input_is_an_error(moons: Split, digits10: Split, rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match="at least one model"):
        routing_map_figure({}, moons.train, moons.test)
    with pytest.raises(InputError, match="same features"):
        routing_map_figure({"a": random_router(rng, 2, 2)}, digits10.train, moons.test)
