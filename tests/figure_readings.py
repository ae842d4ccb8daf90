"""Fixtures: what a reader sees in a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure
    from matplotlib.text import Text


@pytest.fixture(scope="session")
def legend_of() -> Callable[[Figure], list[str]]:
    def read(figure: Figure) -> list[str]:
        (legend,) = figure.legends
        return [text.get_text() for text in legend.get_texts()]

    return read


@pytest.fixture(scope="session")
def assert_legible() -> Callable[[Figure], None]:
    """No two pieces of text touch, and none leaves the figure."""

    def check(figure: Figure) -> None:
        figure.draw_without_rendering()
        texts: list[Text] = [*figure.texts, *figure.legends[0].get_texts()]
        for axes in figure.axes:
            texts += [axes.title, axes.xaxis.label, axes.yaxis.label]
            for axis, coordinate in ((axes.xaxis, 0), (axes.yaxis, 1)):
                low, high = sorted(axis.get_view_interval())
                # Ticks beyond the axes' limits exist but are not drawn.
                texts += [
                    label
                    for label in axis.get_ticklabels()
                    if label.get_visible() and low <= label.get_position()[coordinate] <= high
                ]
        boxes = [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text().strip()]
        for position, (words, box) in enumerate(boxes):
            assert box.x0 >= 0, words
            assert box.y0 >= 0, words
            assert box.x1 <= figure.bbox.width, words
            assert box.y1 <= figure.bbox.height, words
            for others, other in boxes[position + 1 :]:
                assert not box.overlaps(other), (words, others)

    return check
