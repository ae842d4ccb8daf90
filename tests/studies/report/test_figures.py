"""Figures of studies: what they draw, told apart without colour, legible, and repeatable."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

from qmoe_qiskit.figures.style import DPI, figure_bytes, local_style
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.studies.report.figures import Curve, curves, intervals
from qmoe_qiskit.studies.report.panels import panels
from qmoe_qiskit.studies.report.summary import Draw

LEVELS = (0.0, 0.02, 0.05, 0.1, 0.2)
ROUTERS = (
    "quantum, 3 layers",
    "dephased after the embedding",
    "no entangler",
    "linear on 8 trigonometric features",
    "ReLU h=64 ($22)",
)


def estimate(value: float, reach: float = 0.02) -> Estimate:
    return Estimate(value=value, low=value - reach, high=value + reach, n=20)


def series(names: Sequence[str] = ROUTERS) -> list[Curve]:
    return [
        Curve(
            name=name,
            levels=LEVELS,
            estimates=tuple(estimate(1 - (i + 1) * level) for level in LEVELS),
        )
        for i, name in enumerate(names)
    ]


def made(draw: Draw, size: tuple[float, float] = (7.0, 4.2)) -> Figure:
    with local_style():
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        assert draw(figure) is None
    return figure


def drawn(draw: Draw, size: tuple[float, float] = (7.0, 4.2)) -> Figure:
    """Return a figure whose parts have found their places."""
    figure = made(draw, size)
    with local_style():
        figure.draw_without_rendering()
    return figure


NOISE = curves(
    series(), x_label="p", y_label="accuracy", reference=0.9, reference_label="breakdown"
)
COMPARED = intervals(
    {
        "paper": {name: estimate(0.9) for name in ROUTERS},
        "centred": {name: estimate(0.98, 0.01) for name in ROUTERS},
    },
    label="held-out accuracy",
    reference=0.95,
    seeds={"paper": {ROUTERS[0]: [0.88, 0.99, 0.99]}},
)


def texts_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


def test_curves_differ_by_marker_and_line_and_have_bands() -> None:
    figure = made(NOISE)
    (axes,) = figure.axes
    lines = [line for line in axes.lines if line.get_marker() != "None"]
    assert len({line.get_marker() for line in lines}) == len(ROUTERS)
    assert len({(line.get_marker(), line.get_linestyle()) for line in lines}) == len(ROUTERS)
    assert lines[0].get_xydata() == pytest.approx(np.array([LEVELS, 1 - np.array(LEVELS)]).T)
    assert len(axes.collections) == len(ROUTERS)  # one band each
    low, high = axes.collections[0].get_datalim(axes.transData).intervaly
    assert (low, high) == pytest.approx((0.78, 1.02))
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == [*ROUTERS, "breakdown"]


def test_a_missing_estimate_leaves_a_gap_and_one_without_interval_no_band() -> None:
    holes = (
        estimate(1.0),
        estimate(math.nan, math.nan),
        Estimate(value=0.5, low=math.nan, high=math.nan, n=1),
    )
    curve = Curve(name="a", levels=(0.0, 1.0, 2.0), estimates=holes)
    figure = made(curves([curve], x_label="x", y_label="y"))
    assert np.isnan(np.asarray(figure.axes[0].lines[0].get_ydata())[1])
    figure_bytes(figure)


def test_levels_can_have_names() -> None:
    draw = curves(
        series(ROUTERS[:1]),
        x_label="shots",
        y_label="accuracy",
        x_ticks={0.0: "exact", 0.2: "128"},
        y_limits=(0.5, 1.0),
    )
    (axes,) = drawn(draw).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["exact", "128"]
    assert axes.get_ylim() == (0.5, 1.0)


def test_a_logarithmic_axis_says_its_numbers() -> None:
    levels = (0.01, 1.0, 1000.0, 1e6)
    curve = Curve(name="a", levels=levels, estimates=(estimate(1.0),) * 4)
    (axes,) = drawn(curves([curve], x_label="rows", y_label="y", log_x=True)).axes
    shown = [label.get_text() for label in axes.get_xticklabels(which="both")]
    assert {"0.01", "1", "1,000", "1,000,000"} <= set(shown)
    assert not any("$" in text for text in shown)


def test_intervals_reach_from_low_to_high_with_every_seed_behind() -> None:
    figure = made(COMPARED)
    (axes,) = figure.axes
    segments = [
        segment
        for collection in axes.collections
        if isinstance(collection, LineCollection)
        for segment in collection.get_segments()
    ]
    level = [(s[0, 0], s[1, 0]) for s in segments if s[0, 1] == s[1, 1]]
    assert level == [pytest.approx((0.88, 0.92))] * 5 + [pytest.approx((0.97, 0.99))] * 5
    upright = [s[0, 0] for s in segments if s[0, 0] == s[1, 0]]
    assert sorted(upright) == [0.88, 0.99, 0.99]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(ROUTERS)
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first on top
    assert not made(intervals({"": {"a": estimate(1)}}, label="x")).legends


def test_a_row_may_be_missing_from_a_series() -> None:
    rows = {"one": {"a": estimate(1), "b": estimate(2)}, "two": {"b": estimate(3)}}
    (axes,) = made(intervals(rows, label="x")).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_panels_share_a_legend_only_if_it_is_the_same() -> None:
    shared = made(panels({"left": NOISE, "right": NOISE}), (9.0, 4.0))
    legends = [text for text in texts_of(shared) if text == ROUTERS[0]]
    assert len(legends) == 1
    assert {"left", "right"} <= set(texts_of(shared))
    apart = made(panels({"left": NOISE, "right": COMPARED, "third": NOISE}), (9.0, 8.0))
    assert texts_of(apart).count("breakdown") == 2
    assert len(made(panels({"only": NOISE})).axes) == 1


@pytest.mark.parametrize(("same", "other"), [("y", "x"), ("x", "y")])
def test_panels_of_one_quantity_have_one_scale(same: Literal["x", "y"], other: str) -> None:
    narrow = [Curve(name="a", levels=(0.2, 0.3), estimates=(estimate(0.9), estimate(0.91)))]
    parts = {"wide": NOISE, "narrow": curves(narrow, x_label="p", y_label="accuracy")}
    apart, shared = made(panels(parts)).axes, made(panels(parts, same=same)).axes

    def ends(axes: Sequence[Axes], name: str) -> list[tuple[float, float]]:
        return [getattr(each, f"get_{name}lim")() for each in axes]

    assert len(set(ends(apart, same))) == 2
    wide, narrow_ends = ends(apart, same)
    union = (min(wide[0], narrow_ends[0]), max(wide[1], narrow_ends[1]))
    assert ends(shared, same) == [pytest.approx(union)] * 2
    assert ends(shared, other) == ends(apart, other)


def test_axes_beside_each_other_are_as_high_whatever_their_legends() -> None:
    few = curves(series(ROUTERS[:2]), x_label="p", y_label="accuracy")
    none = intervals({"": {name: estimate(0.9) for name in ROUTERS}}, label="accuracy")
    figure = drawn(panels({"five": NOISE, "two": few, "none": none, "last": few}), (9.0, 8.0))
    boxes = [axes.get_window_extent() for axes in figure.axes]
    for left, right in (boxes[:2], boxes[2:]):
        assert left.y0 == pytest.approx(right.y0, abs=1)
        assert left.y1 == pytest.approx(right.y1, abs=1)
    assert boxes[2].y1 < boxes[0].y0
    legends = [legend.get_window_extent() for legend in figure.findobj(Legend)]
    assert len(legends) == 3
    assert not any(legend.overlaps(box) for legend in legends for box in boxes)


@pytest.mark.parametrize("draw", [NOISE, COMPARED], ids=["curves", "intervals"])
def test_text_is_legible(draw: Draw, assert_legible: Callable[[Figure], None]) -> None:
    assert_legible(drawn(draw))


@pytest.mark.parametrize(
    "draw", [NOISE, COMPARED, panels({"a": NOISE, "b": NOISE})], ids=["curves", "rows", "panels"]
)
def test_the_same_figure_is_the_same_file_and_names_are_no_formulas(draw: Draw) -> None:
    first, second = made(draw), made(draw)
    assert figure_bytes(first) == figure_bytes(second)
    assert ROUTERS[-1] in texts_of(first)
