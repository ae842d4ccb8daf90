"""Several figures of a study side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qmoe_qiskit.report.study_legend import Legend, legend_rows, put_legend, width_of
from qmoe_qiskit.report.summary import Draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure


def panels(parts: Mapping[str, Draw], *, columns: int = 2) -> Draw:
    """Draw several figures side by side, each with a title; a legend that all share stands once."""
    assert parts

    def draw(figure: Figure) -> None:
        n_columns = min(columns, len(parts))
        n_rows = math.ceil(len(parts) / n_columns)
        body: Figure | SubFigure = figure
        legend = _shared_legend(list(parts.values()), width_of(figure) / n_columns)
        if legend is not None:
            height = figure.bbox.height / figure.dpi
            rows = 0.2 * legend_rows(legend, width_of(figure)) + 0.1
            ratios = [height - rows, rows]
            body, foot = figure.subfigures(2, 1, squeeze=False, height_ratios=ratios).flat
            put_legend(foot, legend, loc="center")
        grid = body.subfigures(n_rows, n_columns, squeeze=False)
        for part, (title, draw_part) in zip(grid.flat, parts.items(), strict=False):
            part.suptitle(title, fontsize=9)
            draw_part(part)
            if legend is not None:
                part.legends[0].remove()

    return draw


def _shared_legend(parts: Sequence[Draw], width: float) -> Legend | None:
    """Return the legend that several parts have in common, found by drawing each for a trial."""
    from matplotlib.figure import Figure

    legends: list[Legend] = []
    for draw in parts:
        trial = Figure(figsize=(width, width), layout="constrained")
        draw(trial)
        if not trial.legends:
            return None
        (shown,) = trial.legends
        labels = [text.get_text() for text in shown.get_texts()]
        legends.append(list(zip(shown.legend_handles, labels, strict=True)))
    same = all([t for _, t in one] == [t for _, t in legends[0]] for one in legends)
    return legends[0] if same and len(parts) > 1 else None
