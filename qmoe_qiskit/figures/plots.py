"""One model drawn over rows X, y as scikit-learn's users have them, in a figure or in axes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.sparse import issparse

from qmoe_qiskit.data import Dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures import legend, panels
from qmoe_qiskit.figures.loss_curves import draw_loss_curves, loss_curves_figure
from qmoe_qiskit.figures.plane import Plane, evaluate, fit_plane
from qmoe_qiskit.figures.style import RGB, local_style, ordered_colours

if TYPE_CHECKING:
    from qmoe_qiskit.figures.decision_boundary import ProbabilityModel
    from qmoe_qiskit.figures.routing_map import RoutingModel


def plot_decision_boundary(
    model: "ProbabilityModel",
    X: Any,  # noqa: ANN401 - rows in any form that scikit-learn takes
    y: Any,  # noqa: ANN401
    *,
    ax: Axes | None = None,
) -> Figure | Axes:
    """Draw a classifier's predictions over the plane of the rows X, (N, F), with labels y, (N,).

    Rows of more than two features are drawn in the plane of their first two principal components,
    as `decision_boundary_figure` draws them; the figure says so.

    Args:
        model: A classifier, of scikit-learn for instance.
        X: Rows; columns of a data frame give their names.
        y: Labels.
        ax: Axes of matplotlib to draw into; by default a new figure is made, without pyplot.

    Returns:
        The new figure, which a notebook shows, or `ax`.

    Raises:
        InputError: If rows, labels and model do not fit together.
    """
    data = _dataset(X, y)
    plane = _plane(data)
    probabilities_MC = evaluate("model", model, model.predict_proba, plane.grid_features())
    values = tuple(np.asarray(model.classes_).tolist())
    classes = legend.Classes(
        target=data.target_name, values=values, fills=tuple(ordered_colours(len(values)))
    )
    two = len(values) == 2
    panel = _Panel(ax, plane, data, classes)
    with local_style():
        if two:
            label = f"probability of {classes.name(1)}"
            panel.draw_share(probabilities_MC[:, 1], label)
        else:
            panel.draw_regions(probabilities_MC, classes.fills)
        return panel.finished(legend.class_entries(classes, hatched=not two), "")


def plot_routing_map(
    model: "RoutingModel",
    X: Any,  # noqa: ANN401
    y: Any,  # noqa: ANN401
    *,
    ax: Axes | None = None,
) -> Figure | Axes:
    """Draw the expert that a model's router prefers over the plane of the rows.

    The title gives each expert's load: the share of the rows on which its weight is the largest.
    Arguments, result and errors are those of `plot_decision_boundary`.
    """
    return plot_routing_of(model, _dataset(X, y), ax=ax)


def plot_routing_of(
    model: "RoutingModel", data: Dataset, *, ax: Axes | None = None
) -> Figure | Axes:
    """Draw what `plot_routing_map` draws, over the rows of a data set."""
    plane = _plane(data)
    grid_MF = plane.grid_features()
    points_NF = np.concatenate([grid_MF, data.features_NF])
    weights_NE = evaluate("model", model, model.routing_weights, points_NF)
    grid_ME, rows_NE = np.split(weights_NE, [len(grid_MF)])
    n_experts = rows_NE.shape[1]
    values = tuple(np.unique(data.labels_N).tolist())
    greys = np.linspace(0.1, 1.0, len(values)).tolist()
    classes = legend.Classes(
        target=data.target_name, values=values, fills=tuple((g, g, g) for g in greys)
    )
    load_E = np.bincount(rows_NE.argmax(axis=1), minlength=n_experts) / len(rows_NE)
    shares = ", ".join(f"{100 * share:.0f}" for share in load_E)
    entries = legend.class_entries(classes, hatched=False)
    panel = _Panel(ax, plane, data, classes)
    with local_style():
        if n_experts == 2:
            panel.draw_share(grid_ME[:, 1], "routing weight of expert 1")
        else:
            colours = ordered_colours(n_experts)
            panel.draw_regions(grid_ME, colours)
            regions = [
                (legend.region_patch(e, colour), f"expert {e}") for e, colour in enumerate(colours)
            ]
            entries = regions + entries
        return panel.finished(entries, f"expert load: {shares} %")


def plot_losses(
    histories: Mapping[str, Sequence[Mapping[str, float]]], *, ax: Axes | None = None
) -> Figure | Axes:
    """Draw losses by epoch: `loss_curves_figure`, or the same in axes of yours."""
    if ax is None:
        return loss_curves_figure(histories)
    with local_style():
        handles, labels = zip(*draw_loss_curves(ax, histories), strict=True)
        ax.legend(handles, labels, loc="best")
    return ax


class _Panel:
    """One panel over a plane, in a figure of its own or in somebody's axes."""

    def __init__(
        self, ax: Axes | None, plane: Plane, data: Dataset, classes: legend.Classes
    ) -> None:
        self._plane, self._data, self._classes = plane, data, classes
        self._figure: Figure | None = None
        with local_style():
            if ax is None:
                self._figure, (ax,) = panels.open_panels([""], plane)
            else:
                panels.set_window(ax, plane)
        self._ax = ax

    def draw_share(self, share_M: np.ndarray, label: str) -> None:
        filled = panels.draw_share(self._ax, self._plane, share_M)
        figure: Any = self._ax.figure
        panels.add_colour_bar(figure, [self._ax], filled, label)

    def draw_regions(self, shares_MK: np.ndarray, colours: Sequence[RGB]) -> None:
        panels.draw_regions(self._ax, self._plane, shares_MK, colours)

    def finished(self, entries: list[tuple[Any, str]], title: str) -> Figure | Axes:
        nothing = self._data.take(np.array([], dtype=int), "no rows")
        panels.draw_points(self._ax, self._plane, nothing, self._data, self._classes)
        if title:
            self._ax.set_title(title)
        if self._figure is None:
            handles, labels = zip(*entries, strict=True)
            self._ax.legend(handles, labels, loc="best")
            return self._ax
        if self._plane.note:
            panels.set_heading(self._figure, self._data, self._plane)
        legend.add_legend(self._figure, entries)
        panels.make_square(self._figure, [self._ax])
        return self._figure


def _plane(data: Dataset) -> Plane:
    plane = fit_plane(data, data)
    return replace(plane, note=plane.note.replace("training mean", "mean of the rows"))


def _dataset(X: Any, y: Any) -> Dataset:  # noqa: ANN401
    """Return rows of any form as a data set.

    Raises:
        InputError: If they are not numbers, or do not fit together.
    """
    try:
        features_NF = np.asarray(X.toarray() if issparse(X) else X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"X must be numbers of shape (N, F): {error}") from error
    if features_NF.ndim != 2 or not np.isfinite(features_NF).all() or not len(features_NF):
        raise InputError(
            f"X must be finite numbers of shape (N, F), with N at least 1, got shape "
            f"{features_NF.shape}"
        )
    return Dataset.of_rows(features_NF, y, getattr(X, "columns", None))
