"""Decision boundaries of several models side by side."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from qmoe_qiskit.data import Dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures import legend, panels
from qmoe_qiskit.figures.plane import evaluate, fit_plane
from qmoe_qiskit.figures.style import local_style, ordered_colours


class ProbabilityModel(Protocol):
    """A classifier with class probabilities, as in scikit-learn."""

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The labels, shape (C,), in the order of the probabilities."""

    def predict_proba(self, X: Any, /) -> npt.ArrayLike:  # noqa: ANN401 (as scikit-learn takes it)
        """Return the probability of each class, shape (N, C), for features of shape (N, F)."""


def decision_boundary_figure(
    models: Mapping[str, ProbabilityModel],
    train: Dataset,
    test: Dataset,
    *,
    scores: Mapping[str, float] | None = None,
) -> Figure:
    """Draw the predictions of each model over the plane of the data, one panel per model.

    Two classes are drawn as bands of the second class's probability with the line of one half;
    more classes as hatched regions of the most probable class, paler where it is less probable.
    Data of more than two features are drawn in the plane of their principal components (see
    `fit_plane`). Each model is called once, with the points of the whole grid.

    Args:
        models: The models by name; all of them know the same classes.
        train: Training data, drawn as small hollow points.
        test: Held-out data, drawn as filled points.
        scores: Held-out accuracy of each model, between 0 and 1, for the titles.

    Raises:
        InputError: If no model is given, or features or classes do not match.
    """
    plane = fit_plane(train, test)
    with local_style():
        figure, all_axes = panels.open_panels(list(models), plane)
        classes = _common_classes(models, train)
        two = len(classes.values) == 2
        grid_MF = plane.grid_features()
        filled = None
        for axes, (name, model) in zip(all_axes, models.items(), strict=True):
            probabilities_MC = evaluate(name, model, model.predict_proba, grid_MF)
            if two:
                filled = panels.draw_share(axes, plane, probabilities_MC[:, 1])
            else:
                panels.draw_regions(axes, plane, probabilities_MC, classes.fills)
            panels.draw_points(axes, plane, train, test, classes)
            score = (scores or {}).get(name)
            panels.set_title(axes, name, "" if score is None else f"held-out accuracy {score:.3f}")
        if filled is not None:
            label = f"probability of {classes.name(1)}"
            panels.add_colour_bar(figure, all_axes, filled, label)
        panels.set_heading(figure, train, plane)
        legend.add_legend(
            figure, legend.class_entries(classes, hatched=not two) + legend.split_entries()
        )
        panels.make_square(figure, all_axes)
    return figure


def _common_classes(models: Mapping[str, ProbabilityModel], train: Dataset) -> legend.Classes:
    first, *others = models.items()
    for name, model in others:
        if not np.array_equal(model.classes_, first[1].classes_):
            raise InputError(
                f"models in one figure must know the same classes: {first[0]!r} has "
                f"{list(first[1].classes_)}, {name!r} has {list(model.classes_)}"
            )
    values = tuple(first[1].classes_.tolist())
    return legend.Classes(
        target=train.target_name, values=values, fills=tuple(ordered_colours(len(values)))
    )
