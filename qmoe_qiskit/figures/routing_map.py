"""The expert that serves each region of the plane, for several models side by side."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from qmoe_qiskit.data import Dataset
from qmoe_qiskit.figures import legend, panels
from qmoe_qiskit.figures.plane import evaluate, fit_plane
from qmoe_qiskit.figures.style import local_style, ordered_colours


class RoutingModel(Protocol):
    """A model that routes each point to experts."""

    def routing_weights(self, X: Any, /) -> npt.ArrayLike:  # noqa: ANN401 (as scikit-learn takes it)
        """Return the weight of each expert, shape (N, E), rows sum to 1, for features (N, F)."""


def routing_map_figure(models: Mapping[str, RoutingModel], train: Dataset, test: Dataset) -> Figure:
    """Draw the expert that each model's router prefers over the plane of the data.

    Two experts are drawn as bands of expert 1's weight (experts count from 0) with the line of one
    half; more experts as hatched regions of the expert with the largest weight, paler where that
    weight is smaller. The titles give each expert's load: the share of held-out points on which its
    weight is the largest. Each model is called once, with grid and held-out points together.

    Args:
        models: The models by name.
        train: Training data, drawn as small hollow points.
        test: Held-out data, drawn as filled points.

    Raises:
        InputError: If no model is given, or features do not match.
    """
    plane = fit_plane(train, test)
    grid_MF = plane.grid_features()
    points_NF = np.concatenate([grid_MF, np.asarray(test.features_NF, dtype=np.float64)])
    with local_style():
        figure, all_axes = panels.open_panels(list(models), plane)
        weights = {
            name: evaluate(name, model, model.routing_weights, points_NF)
            for name, model in models.items()
        }
        n_experts = max(weights_NE.shape[1] for weights_NE in weights.values())
        two = all(weights_NE.shape[1] == 2 for weights_NE in weights.values())
        colours = ordered_colours(n_experts)
        # The colours are the experts'; the classes keep their markers and take greys.
        values = tuple(np.unique(np.concatenate([train.labels_N, test.labels_N])).tolist())
        greys = np.linspace(0.1, 1.0, len(values))
        classes = legend.Classes(
            target=train.target_name, values=values, fills=tuple((g, g, g) for g in greys.tolist())
        )
        filled = None
        for axes, (name, weights_NE) in zip(all_axes, weights.items(), strict=True):
            grid_ME, test_NE = np.split(weights_NE, [len(grid_MF)])
            if two:
                filled = panels.draw_share(axes, plane, grid_ME[:, 1])
            else:
                panels.draw_regions(axes, plane, grid_ME, colours[: grid_ME.shape[1]])
            panels.draw_points(axes, plane, train, test, classes)
            load_E = np.bincount(test_NE.argmax(axis=1), minlength=test_NE.shape[1]) / len(test_NE)
            shares = ", ".join(f"{100 * share:.0f}" for share in load_E)
            panels.set_title(axes, name, f"expert load (held-out): {shares} %")
        entries = legend.class_entries(classes, hatched=False) + legend.split_entries()
        if filled is not None:
            panels.add_colour_bar(figure, all_axes, filled, "routing weight of expert 1")
        else:
            entries = [
                (legend.region_patch(e, colour), f"expert {e}") for e, colour in enumerate(colours)
            ] + entries
        panels.set_heading(figure, train, plane)
        legend.add_legend(figure, entries)
        panels.make_square(figure, all_axes)
    return figure
