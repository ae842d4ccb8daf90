"""The results of a study of noise, and the curves and tables that several sections share."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from qmoe_qiskit.stats import breakdown_point
from qmoe_qiskit.stats.verdicts import Claim
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.results_frame import ResultsFrame
from qmoe_qiskit.studies.noise.settings import NoiseSettings
from qmoe_qiskit.studies.report.figures import Curve, mean_curve
from qmoe_qiskit.studies.report.summary import (
    Cell,
    Column,
    Row,
    Table,
    rows_of,
    table_of_rows,
)
from qmoe_qiskit.studies.training.paired_results import ACCURACY, counted
from qmoe_qiskit.studies.training.routers import label
from qmoe_qiskit.studies.training.train_task import TrainTask
from qmoe_qiskit.typing import FloatArray

MEANS = "Means over seeds with 95 % bootstrap intervals"


class NoiseResults(ResultsFrame[TrainTask]):
    """Results of a study of noise; their keys are the tasks of the first seed.

    Args:
        seeds: Seeds of the study.
        results: Results of all its tasks.
    """

    def __init__(self, seeds: Sequence[int], results: Sequence[TaskResult]) -> None:
        super().__init__(TrainTask, seeds, results, lambda task: replace(task, seed=seeds[0]))

    def controls(self, settings: NoiseSettings) -> dict[str, FloatArray]:
        """Return the held-out accuracies of each classical router, (N,)."""
        return {
            router: self.values(settings.control(self.seeds[0], router), *ACCURACY)
            for router in settings.controls
        }

    def source(self, what: str) -> str:
        """Return the source of numbers; `what` names the trainings of each seed."""
        n, names = len(self.seeds), [str(seed) for seed in self.seeds]
        shown = ", ".join(names if n <= 3 else (names[0], "...", names[-1]))
        return f"{counted(n, 'seed')} ({shown}), each with {what}"


def stays_within(margin: float, how: str, of: str, differences_N: FloatArray) -> Claim:
    """Return the claim that the quantum router, trained somehow, keeps an accuracy."""
    return Claim(
        text=f"{how}the quantum router stays within {margin:g} of its {of}",
        differences_N=differences_N,
        margin=margin,
        kind="equivalence",
    )


def control_curves(controls: Mapping[str, FloatArray], levels: Sequence[float]) -> list[Curve]:
    """Return a flat curve per classical router, which noise does not reach."""
    return [mean_curve(f"{label(name)}, no noise", levels, v) for name, v in controls.items()]


def breakdown_table(
    settings: NoiseSettings,
    levels: Sequence[float],
    columns: Mapping[str, FloatArray],
    controls: Mapping[str, FloatArray],
    *,
    name: str,
    title: str,
    source: str,
    between: str = "factors",
    transposed: str = "",
) -> Table:
    """Return a table of the levels of noise at which the quantum router breaks down.

    Args:
        settings: Settings of the study.
        levels: L levels of noise.
        columns: Accuracies of each column, (N, L).
        controls: Accuracies of each control, (N,).
        name: Name of the table.
        title: Title of the table.
        source: What the numbers come from.
        between: What the levels are, for the note.
        transposed: Heading of the names of `columns` if each of them is a row; else empty.
    """
    criteria = [
        *(f"falls behind {label(control)}" for control in controls),
        f"has an accuracy under {settings.accuracy:g}",
    ]
    points: dict[str | Column, Sequence[Cell]] = {
        heading: [
            *(breakdown_point(levels, values_NL - v_N[:, None]) for v_N in controls.values()),
            breakdown_point(levels, values_NL, threshold=settings.accuracy),
        ]
        for heading, values_NL in columns.items()
    }
    rows: list[Row] = rows_of({"": criteria, **points})
    if transposed:
        rows = [
            {transposed: device, **dict(zip(criteria, points[device], strict=True))}
            for device in columns
        ]
    return table_of_rows(
        rows,
        name=name,
        title=title,
        note=(
            f"Where the mean over seeds crosses, linear between {between}, with 95 % bootstrap "
            "intervals over seeds. The controls have no noise."
        ),
        source=source,
    )
