"""Panels side by side over one plane, and their contents."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qmoe_qiskit.data import Dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures.legend import Classes
from qmoe_qiskit.figures.plane import Plane
from qmoe_qiskit.figures.style import (
    DPI,
    INK,
    RGB,
    ShownFigure,
    edge_of,
    fitted,
    hatch,
    ordered_colours,
    paled,
)
from qmoe_qiskit.typing import FloatArray

PANEL = 3.0  # width and height of a panel in inches
PANELS_PER_ROW = 4
_LINE = 0.18  # height of a line of text in inches
_TITLE_WIDTH = 42  # characters that fit above a panel
_BANDS = np.linspace(0.0, 1.0, 9)


def open_panels(names: Sequence[str], plane: Plane) -> tuple[Figure, list[Axes]]:
    """Return a figure with one panel per name, side by side with shared, labelled axes.

    Raises:
        InputError: If no name is given.
    """
    if not names:
        raise InputError("a figure needs at least one model, got an empty mapping")
    n_columns = min(len(names), PANELS_PER_ROW)
    n_rows = math.ceil(len(names) / n_columns)
    size = (PANEL * n_columns + 1.0, (PANEL + 5 * _LINE) * n_rows)
    figure = ShownFigure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(n_rows, n_columns, sharex="all", sharey="all", squeeze=False)
    panels = list(grid.flat[: len(names)])
    for spare in grid.flat[len(names) :]:
        spare.remove()
    for position, axes in enumerate(panels):
        set_window(axes, plane)
        axes.tick_params(labelbottom=True)
        if position % n_columns:
            axes.set_ylabel("")
    panels[0].xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    panels[0].yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    if not plane.axis_labels[1]:
        panels[0].set_yticks([])
    return figure, panels


def set_window(axes: Axes, plane: Plane) -> None:
    """Let a panel show the plane's window, with labelled axes."""
    axes.set_xlim(plane.x_G[0], plane.x_G[-1])
    axes.set_ylim(plane.y_G[0], plane.y_G[-1])
    axes.set_xlabel(plane.axis_labels[0])
    axes.set_ylabel(plane.axis_labels[1])


def set_title(axes: Axes, name: str, facts: str = "") -> None:
    """Put the model's name above a panel and facts about it, wrapped, below the name."""
    lines = [fitted(name, _TITLE_WIDTH), *textwrap.wrap(facts, _TITLE_WIDTH)]
    axes.set_title("\n".join(lines))


def set_heading(figure: Figure, data: Dataset, plane: Plane) -> None:
    """Put the data set's name and the plane's note above a figure."""
    width, height = figure.get_size_inches()
    n_characters = int(13 * width)
    lines = [fitted(data.name, n_characters), *textwrap.wrap(plane.note, n_characters)]
    figure.suptitle("\n".join(lines), fontsize=9)
    figure.set_size_inches(width, height + _LINE * len(lines))


def add_colour_bar(figure: Figure, panels: list[Axes], filled: QuadContourSet, label: str) -> None:
    """Put the scale of `draw_share` to the right of the panels."""
    n_columns = min(len(panels), PANELS_PER_ROW)
    ticks = [0.0, 0.25, 0.5, 0.75, 1.0]
    bar = figure.colorbar(
        filled, ax=panels, ticks=ticks, label=label, fraction=0.07 / n_columns, pad=0.02, aspect=20
    )
    bar.ax.axhline(0.5, color="black", linewidth=1.2)


def make_square(figure: Figure, panels: list[Axes]) -> None:
    """Resize a finished figure until each panel is `PANEL` inches wide and high."""
    n_columns = min(len(panels), PANELS_PER_ROW)
    n_rows = math.ceil(len(panels) / n_columns)
    layout = figure.get_layout_engine()
    assert layout is not None
    for _ in range(2):  # the surroundings of the panels hardly change: two rounds are enough
        layout.execute(figure)
        box = panels[0].get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        width, height = figure.get_size_inches()
        figure.set_size_inches(
            width + n_columns * (PANEL - box.width), height + n_rows * (PANEL - box.height)
        )


def draw_share(axes: Axes, plane: Plane, share_M: FloatArray) -> QuadContourSet:
    """Fill a panel by a share between 0 and 1, with a black line where the share is one half."""
    share_GG = plane.on_grid(np.clip(share_M, 0.0, 1.0))
    bands = ListedColormap([paled(colour) for colour in ordered_colours(len(_BANDS) - 1)])
    filled = axes.contourf(plane.x_G, plane.y_G, share_GG, levels=_BANDS, cmap=bands)
    _draw_boundary(axes, plane, share_GG, 0.5)
    return filled


def draw_regions(axes: Axes, plane: Plane, shares_MK: FloatArray, colours: Sequence[RGB]) -> None:
    """Fill a panel by the largest of K shares: its colour, its hatching, and its size as depth."""
    extent = (plane.x_G[0], plane.x_G[-1], plane.y_G[0], plane.y_G[-1])
    for k, colour in enumerate(colours):
        rivals_M = np.delete(shares_MK, k, axis=1).max(axis=1, initial=0.0)
        # If shares are equal, the first one gets the region, as with argmax.
        lead_GG = plane.on_grid(shares_MK[:, k] - rivals_M - 1e-12 * k)
        if lead_GG.max() < 0.0:
            continue
        # The region's edge is interpolated between grid points, so that it is smooth.
        region = axes.contourf(
            plane.x_G, plane.y_G, lead_GG, levels=[0.0, 2.0], colors="none", hatches=[hatch(k)]
        )
        region.set_gid(f"region {k}")
        depth = axes.imshow(
            plane.on_grid(shares_MK[:, k]),
            cmap=LinearSegmentedColormap.from_list("depth", [(1.0, 1.0, 1.0), paled(colour)]),
            vmin=0.0,
            vmax=1.0,
            extent=extent,
            origin="lower",
            aspect="auto",
            interpolation="bilinear",
        )
        depth.set_clip_path(region.get_paths()[0], axes.transData)
        _draw_boundary(axes, plane, lead_GG, 0.0)


def draw_points(axes: Axes, plane: Plane, train: Dataset, test: Dataset, classes: Classes) -> None:
    """Draw training points small and hollow, held-out points filled, with a marker per class."""
    train_N2, test_N2 = plane.project(train.features_NF), plane.project(test.features_NF)
    size = 24.0 * min(1.0, max(0.4, math.sqrt(200 / len(test_N2))))  # smaller if there are many
    hollow: dict[str, Any] = {"s": 0.4 * size, "linewidths": 0.4, "alpha": 0.6, "gid": "training"}
    filled: dict[str, Any] = {"s": size, "linewidths": 0.6, "gid": "held-out"}
    for index, rows_N in enumerate(classes.rows(train)):
        points, marker = train_N2[rows_N].T, classes.marker(index)
        axes.scatter(*points, marker=marker, facecolors="none", edgecolors=INK, **hollow)
    for index, rows_N in enumerate(classes.rows(test)):
        points, marker, fill = test_N2[rows_N].T, classes.marker(index), classes.fills[index]
        axes.scatter(*points, marker=marker, facecolors=[fill], edgecolors=edge_of(fill), **filled)


def _draw_boundary(axes: Axes, plane: Plane, values_GG: FloatArray, level: float) -> None:
    if values_GG.min() < level < values_GG.max():
        lines = axes.contour(
            plane.x_G, plane.y_G, values_GG, levels=[level], colors="black", linewidths=1.2
        )
        lines.set_gid("boundary")
