"""The figures of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from qmoe_qiskit.data import Split
    from qmoe_qiskit.train.estimator import MixtureEstimator


def draw_run(
    models: Mapping[str, MixtureEstimator],
    split: Split,
    scores: Mapping[str, float],
    folder: Path,
    *,
    file_format: str = "png",
) -> None:
    """Draw decision boundaries, routing maps and loss curves; see `qmoe_qiskit.runs.Figures`.

    A regression has no boundary: the losses are drawn.
    """
    from qmoe_qiskit.figures import (
        decision_boundary_figure,
        loss_curves_figure,
        routing_map_figure,
        save_figure,
    )

    # Of private rows none is drawn, and there are no losses.
    private = any(hasattr(model, "privacy_spent_") for model in models.values())
    train = split.test if private else split.train
    # Single votes would be noise in a picture.
    models = {name: model.whole_mixture() for name, model in models.items()}
    figures = {}
    if not private:
        losses = {name: model.history_ for name, model in models.items()}
        figures["loss_curves"] = loss_curves_figure(losses)
    if not split.train.is_regression:
        figures["decision_boundary"] = decision_boundary_figure(
            models, train, split.test, scores=scores
        )
        figures["routing_map"] = routing_map_figure(models, train, split.test)
    for name, figure in figures.items():
        save_figure(figure, folder / f"{name}.{file_format}")
