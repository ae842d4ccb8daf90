"""The routing of the same rows by several executions of one router, side by side."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from qmoe_qiskit.data import Dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures import legend, panels
from qmoe_qiskit.figures.plane import Plane, evaluate, fit_plane
from qmoe_qiskit.figures.routing_map import RoutingModel
from qmoe_qiskit.figures.style import INK, MARKERS, local_style, ordered_colours
from qmoe_qiskit.typing import FloatArray

_BANDS = np.linspace(0.0, 1.0, 9)


def routing_comparison_figure(
    weights: Mapping[str, FloatArray], rows: Dataset, exact: RoutingModel | None = None
) -> Figure:
    """Draw how each execution of a router routes the same rows, on one scale.

    The marker of a row is its expert, the one with the largest weight; its fill is the weight of
    expert 1 where there are two experts, else the largest weight. A ring marks the rows that have
    another expert than in the first panel.

    Args:
        weights: Routing weights, (N, E), of each execution by its name, the exact one first.
        rows: The rows.
        exact: The exact model: its line of equal weights is drawn where there are two features and
            two experts.

    Raises:
        InputError: If there is no execution, or the shapes do not fit.
    """
    names = list(weights)
    shapes = {np.shape(weights_NE) for weights_NE in weights.values()}
    if len(shapes) > 1 or any(len(s) != 2 or s[0] != len(rows.labels_N) for s in shapes):
        raise InputError(f"every execution needs weights (N, E) of the same rows, got {shapes}")
    plane = fit_plane(rows, rows)
    n_features = rows.features_NF.shape[1]
    if n_features > 2:
        note = (
            f"{n_features} features, each divided by its range: the rows are projected onto their "
            "first two principal components."
        )
        plane = replace(plane, note=note)
    with local_style():
        figure, all_axes = panels.open_panels(names, plane)
        first_NE = np.asarray(weights[names[0]])
        n_experts = first_NE.shape[1]
        colours = ListedColormap(ordered_colours(len(_BANDS) - 1))
        norm = BoundaryNorm(_BANDS, len(_BANDS) - 1)
        for axes, name in zip(all_axes, names, strict=True):
            weights_NE = np.asarray(weights[name])
            experts_N = weights_NE.argmax(axis=1)
            flipped_N = experts_N != first_NE.argmax(axis=1)
            shown_N = weights_NE[:, 1] if n_experts == 2 else weights_NE.max(axis=1)
            _draw_rows(
                axes,
                plane.project(rows.features_NF),
                experts_N,
                shown_N,
                norm=norm,
                colours=colours,
            )
            _draw_rings(axes, plane.project(rows.features_NF)[flipped_N])
            if exact is not None and n_experts == 2 and n_features == 2:
                _draw_line(axes, plane, exact)
            load = ", ".join(
                f"{100 * share:.0f}"
                for share in np.bincount(experts_N, minlength=n_experts) / len(experts_N)
            )
            facts = f"expert load: {load} %"
            if name != names[0]:
                facts += f"; {flipped_N.sum()} of {len(flipped_N)} rows routed otherwise"
            panels.set_title(axes, name, facts)
        label = "routing weight of expert 1" if n_experts == 2 else "largest routing weight"
        bar = figure.colorbar(
            ScalarMappable(norm, colours),
            ax=all_axes,
            ticks=_BANDS[::2],
            label=label,
            fraction=0.04,
            pad=0.02,
            aspect=20,
        )
        if n_experts == 2:
            bar.ax.axhline(0.5, color="black", linewidth=1.2)
        entries = [
            (_point(MARKERS[e % len(MARKERS)], "0.6", 5.5), f"served by expert {e}")
            for e in range(n_experts)
        ]
        entries.append((_point("o", "none", 10), f"other expert than {names[0]}"))
        if exact is not None and n_experts == 2 and n_features == 2:
            line = Line2D([], [], color="black", linewidth=1.2)
            entries.append((line, f"equal weights, {names[0]}"))
        panels.set_heading(figure, rows, plane)
        legend.add_legend(figure, entries)
        panels.make_square(figure, all_axes)
    return figure


def _draw_rows(
    axes: Axes,
    points_N2: FloatArray,
    experts_N: NDArray[np.intp],
    shown_N: FloatArray,
    *,
    norm: BoundaryNorm,
    colours: ListedColormap,
) -> None:
    """Draw the rows, a marker per expert, filled by the scale."""
    for expert in np.unique(experts_N).tolist():
        x_K, y_K = points_N2[experts_N == expert].T
        axes.scatter(
            x_K,
            y_K,
            c=shown_N[experts_N == expert],
            cmap=colours,
            norm=norm,
            marker=MARKERS[expert % len(MARKERS)],
            s=26,
            edgecolors=INK,
            linewidths=0.5,
            gid=f"expert {expert}",
            zorder=3,
        )


def _draw_rings(axes: Axes, points_K2: FloatArray) -> None:
    x_K, y_K = points_K2.T
    look: dict[str, Any] = {"facecolors": "none", "edgecolors": "black", "linewidths": 1.1}
    axes.scatter(x_K, y_K, s=95, gid="rings", zorder=4, **look)


def _draw_line(axes: Axes, plane: Plane, exact: RoutingModel) -> None:
    weights_ME = evaluate("exact", exact, exact.routing_weights, plane.grid_features())
    lead_GG = plane.on_grid(weights_ME[:, 1])
    if lead_GG.min() < 0.5 < lead_GG.max():
        lines = axes.contour(
            plane.x_G, plane.y_G, lead_GG, levels=[0.5], colors="black", linewidths=1.2
        )
        lines.set_gid("boundary")


def _point(marker: str, fill: str, size: float) -> Line2D:
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker,
        markersize=size,
        markerfacecolor=fill,
        markeredgecolor=INK,
        markeredgewidth=0.6 if fill != "none" else 1.1,
    )
