"""Loss curves: lines, scale and legend."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures import loss_curves_figure, save_figure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.figure import Figure


def history(first: float, last: float, *, valid: bool = True) -> list[dict[str, float]]:
    losses = np.geomspace(first, last, 30).tolist()
    entries = [{"epoch": float(e), "train_loss": loss} for e, loss in enumerate(losses, start=1)]
    if valid:
        entries = [{**entry, "valid_loss": 1.1 * entry["train_loss"]} for entry in entries]
    return entries


def test_training_is_solid_and_validation_dashed(
    legend_of: Callable[[Figure], list[str]], assert_legible: Callable[[Figure], None]
) -> None:
    histories = {"hybrid": history(0.7, 0.3), "control": history(0.7, 0.5, valid=False)}
    figure = loss_curves_figure(histories)
    (axes,) = figure.axes
    assert axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "cross entropy (nat)"
    lines = [line for line in axes.lines if len(np.asarray(line.get_xydata()))]
    assert [line.get_linestyle() for line in lines] == ["-", "--", "-"]
    assert lines[0].get_marker() == lines[1].get_marker() != lines[2].get_marker()
    expected = [[e["epoch"], e["valid_loss"]] for e in histories["hybrid"]]
    np.testing.assert_array_equal(lines[1].get_xydata(), expected)
    assert legend_of(figure) == ["hybrid", "control", "training", "validation"]
    assert_legible(figure)


def test_without_validation_the_legend_does_not_speak_of_it(
    legend_of: Callable[[Figure], list[str]],
) -> None:
    figure = loss_curves_figure({"hybrid": history(0.7, 0.3, valid=False)})
    assert legend_of(figure) == ["hybrid"]
    assert figure.axes[0].get_ylabel() == "training cross entropy (nat)"


@pytest.mark.parametrize(
    ("first", "last", "scale"), [(0.7, 0.1, "linear"), (0.7, 0.05, "log"), (0.7, 0.001, "log")]
)
def test_scale_is_logarithmic_beyond_a_decade(
    first: float, last: float, scale: str, assert_legible: Callable[[Figure], None]
) -> None:
    figure = loss_curves_figure({"hybrid": history(first, last)})
    assert figure.axes[0].get_yscale() == scale
    assert_legible(figure)


def test_a_training_that_diverged_or_reached_zero_is_drawn(tmp_path: Path) -> None:
    losses = [0.5, math.nan, math.inf, 0.0, 0.1]
    entries = [{"epoch": float(e), "train_loss": loss} for e, loss in enumerate(losses, start=1)]
    figure = loss_curves_figure({"hybrid": entries})
    assert figure.axes[0].get_yscale() == "linear"
    save_figure(figure, tmp_path / "loss.png")


def test_one_epoch_has_one_tick() -> None:
    figure = loss_curves_figure({"hybrid": [{"epoch": 1, "train_loss": 0.5}]})
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1.0]


def test_many_long_names_fit(assert_legible: Callable[[Figure], None]) -> None:
    histories = {f"model {i} " + "with a long name " * 3: history(0.7, 0.3) for i in range(12)}
    assert_legible(loss_curves_figure(histories))


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(InputError, match="at least one model"):
        loss_curves_figure({})
    with pytest.raises(InputError, match="'control' has no epochs"):
        loss_curves_figure({"hybrid": history(0.7, 0.3), "control": []})
