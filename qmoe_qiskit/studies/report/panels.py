"""Several figures of a study side by side."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from qmoe_qiskit.studies.report.figures import Legend, legend_rows, put_legend, width_of
from qmoe_qiskit.studies.report.summary import Draw


def panels(
    parts: Mapping[str, Draw], *, columns: int = 2, same: Literal["x", "y"] | None = None
) -> Draw:
    """Draw several figures side by side, each with a title; a shared legend appears once.

    Legends stand in strips below their rows, so that neighbouring axes have the same height.

    Args:
        parts: The figures, by title.
        columns: Largest number of figures beside each other.
        same: The axis with the quantity that all figures show, which gets one scale.
    """
    assert parts
    n_columns = min(columns, len(parts))

    def draw(figure: Figure) -> None:
        width = width_of(figure)
        legends = [_legend_of(draw_part, width / n_columns) for draw_part in parts.values()]
        body: Figure | SubFigure = figure
        if shared := _is_shared(legends):
            strip = _strip(legends[:1], width)
            ratios = [_height_of(figure) - strip, strip]
            body, foot = figure.subfigures(2, 1, squeeze=False, height_ratios=ratios).flat
            put_legend(foot, legends[0], loc="center")
        rows = [legends[start : start + n_columns] for start in range(0, len(parts), n_columns)]
        strips = [0.0 if shared else _strip(row, width / n_columns) for row in rows]
        height = (_height_of(body) - sum(strips)) / len(rows)
        ratios = [part for strip in strips for part in (height, strip) if part]
        bands = iter(body.subfigures(len(ratios), n_columns, squeeze=False, height_ratios=ratios))
        remaining = iter(parts.items())
        for row, strip in zip(rows, strips, strict=True):
            places, feet = next(bands), next(bands) if strip else ()
            for column, legend in enumerate(row):
                title, draw_part = next(remaining)
                places[column].suptitle(title, fontsize=9)
                draw_part(places[column])
                if legend:
                    places[column].legends[0].remove()
                if legend and not shared:
                    put_legend(feet[column], legend, loc="upper center")
        if same is not None:
            _share(figure, same)

    return draw


def _share(figure: Figure, name: Literal["x", "y"]) -> None:
    """Give an axis of all parts of a figure the ends that hold the contents of all."""
    parts = figure.findobj(Axes)
    ends = [getattr(axes, f"get_{name}lim")() for axes in parts]
    for axes in parts:
        getattr(axes, f"set_{name}lim")(min(map(min, ends)), max(map(max, ends)))


def _legend_of(draw: Draw, width: float) -> Legend:
    """Return the legend of a figure, or an empty one, by drawing the figure for a trial."""
    trial = Figure(figsize=(width, width), layout="constrained")
    draw(trial)
    if not trial.legends:
        return []
    (shown,) = trial.legends
    labels = [text.get_text() for text in shown.get_texts()]
    # The artists of a legend lack the markers of error bars, which the drawn ones have.
    drawn: dict[str, Any] = {}
    for axes in trial.axes:
        drawn |= {
            name: handle for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
        }
    return [(drawn.get(k, h), k) for h, k in zip(shown.legend_handles, labels, strict=True)]


def _is_shared(legends: Sequence[Legend]) -> bool:
    """Return whether several figures have the same legend."""
    labels = [[label for _, label in legend] for legend in legends]
    return len(legends) > 1 and bool(labels[0]) and all(one == labels[0] for one in labels)


def _strip(legends: Sequence[Legend], width: float) -> float:
    """Return the height in inches of a strip for legends that each have a width in inches."""
    n_rows = max((legend_rows(legend, width) for legend in legends if legend), default=0)
    return 0.2 * n_rows + 0.1 if n_rows else 0.0


def _height_of(figure: Figure | SubFigure) -> float:
    return float(figure.bbox.height / figure.dpi)
