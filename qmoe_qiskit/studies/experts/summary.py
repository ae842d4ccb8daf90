"""What the study of experts found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.stats import Claim, judge, mean_estimate, median_estimate
from qmoe_qiskit.studies.experts import paper as experts_paper
from qmoe_qiskit.studies.experts.contenders import (
    CONTENDERS,
    LARGE_QNN,
    LINEAR,
    LINEAR_MIXTURE,
    QNN,
    QUANTUM_MIXTURE,
    RELU_MIXTURE,
    Contender,
)
from qmoe_qiskit.studies.experts.task import ExpertsTask
from qmoe_qiskit.studies.report.summary import Cell, Column, Draw, FigureSpec, Summary, Table
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.results import TaskResult
    from qmoe_qiskit.studies.experts.settings import ExpertsSettings


# The side that is claimed to be more accurate, and the other side.
_CLAIMS = (
    (QUANTUM_MIXTURE, QNN),
    (QUANTUM_MIXTURE, LARGE_QNN),
    (QUANTUM_MIXTURE, LINEAR_MIXTURE),
    (QUANTUM_MIXTURE, RELU_MIXTURE),
    (QNN, LINEAR),
)


class _Results:
    """Results by data set, contender, and whether the learning rate was chosen."""

    def __init__(
        self, settings: ExpertsSettings, seeds: Sequence[int], results: Sequence[TaskResult]
    ) -> None:
        found: dict[tuple[str, str, int, bool], dict[int, TaskResult]] = defaultdict(dict)
        for result in results:
            task = result.task
            assert isinstance(task, ExpertsTask)
            chosen = len(task.learning_rates) > 1
            found[task.data, task.model, task.n_layers, chosen][task.seed] = result
        self._found, self._settings, self._seeds = found, settings, seeds

    @property
    def source(self) -> str:
        """What the numbers come from."""
        backend = self._settings.backend
        where = "" if backend == "statevector" else f", circuits on {backend}"
        n_tasks = sum(len(by_seed) for by_seed in self._found.values())
        return f"{n_tasks} tasks of kind {ExpertsTask.kind!r}{where}"

    def of(self, data: str, contender: Contender, *, chosen: bool) -> list[TaskResult]:
        """Return one result a seed, in the order of the seeds."""
        settings = self._settings
        n_layers = settings.deep_layers if contender.deep else settings.n_layers
        by_seed = self._found[data, contender.model, n_layers, chosen]
        return [by_seed[seed] for seed in self._seeds]

    def accuracy(self, data: str, contender: Contender, *, chosen: bool = True) -> FloatArray:
        """Return the held-out accuracy of every seed."""
        return np.array([r.result["accuracy"] for r in self.of(data, contender, chosen=chosen)])

    def difference(self, data: str, better: Contender, worse: Contender) -> FloatArray:
        """Return by how much one contender is more accurate than another, for every seed."""
        difference_N = self.accuracy(data, better) - self.accuracy(data, worse)
        return np.round(difference_N, 12)  # equal differences are equal, whatever they are of

    def named(self, data: str, contender: Contender) -> str:
        """Return the contender with its number of parameters, for a claim."""
        count = self.of(data, contender, chosen=True)[0].result["n_parameters"]
        article = "" if contender.label.startswith("one ") else "a "
        return f"{article}{contender.label} with {count} parameters"


def summarize(
    settings: ExpertsSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Return tables, verdicts and a figure."""
    found = _Results(settings, seeds, results)
    claims = [
        Claim(
            text=(
                f"{data}: {found.named(data, better)} is more accurate than "
                f"{found.named(data, worse)}"
            ),
            differences_N=found.difference(data, better, worse),
            margin=settings.margin,
        )
        for data in settings.data
        for better, worse in _CLAIMS
    ]
    return Summary(
        tables=(_accuracies(settings, found), _times(settings, found)),
        verdicts=tuple(judge(claims)),
        figures=(_picture(settings, found),),
        remarks=_remarks(settings),
    )


def _accuracies(settings: ExpertsSettings, found: _Results) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for data in settings.data:
        for contender in CONTENDERS:
            chosen = found.of(data, contender, chosen=True)
            accuracy_N = found.accuracy(data, contender)
            paper_N = found.accuracy(data, contender, chosen=False)
            rates_N = np.array([r.result["learning_rate"] for r in chosen])
            rows.append(
                (
                    data,
                    contender.label,
                    chosen[0].result["n_parameters"],
                    mean_estimate(accuracy_N),
                    median_estimate(accuracy_N),
                    float(np.median(rates_N)),
                    mean_estimate(paper_N),
                    experts_paper.ACCURACY.get((data, _paper_key(contender))),
                )
            )
    rates = ", ".join(f"{rate:g}" for rate in settings.learning_rates)
    note = (
        "Values are over the seeds, with 95 % bootstrap intervals; each seed has points, a split, "
        "initial weights and batches of its own, the same for every model. The learning rate is "
        f"chosen from {rates} on a fifth of the training rows. Paper: {experts_paper.SOURCE}; one "
        "seed, rate 0.01, and for digits MNIST's 12665 rows."
    )
    return Table(
        name="accuracy",
        title="Accuracy on held-out rows",
        columns=(
            Column(name="data"),
            Column(name="model"),
            Column(name="parameters"),
            Column(name="accuracy, mean"),
            Column(name="accuracy, median"),
            Column(name="learning rate, median", digits=2),
            Column(name=f"accuracy at rate {settings.paper_learning_rate:g}, mean"),
            Column(name="paper"),
        ),
        rows=tuple(rows),
        note=note,
        source=found.source,
    )


def _times(settings: ExpertsSettings, found: _Results) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for data in settings.data:
        for contender in CONTENDERS:
            single = found.of(data, contender, chosen=False)
            seconds = float(np.median([r.seconds for r in single]))
            trained = single[0].result["n_train"] * settings.epochs / 1000
            theirs = experts_paper.SECONDS.get((data, _paper_key(contender)))
            per_row = experts_paper.TRAINING_ROWS[data] * experts_paper.EPOCHS / 1000
            rows.append(
                (
                    data,
                    contender.label,
                    seconds,
                    seconds / trained,
                    theirs,
                    None if theirs is None else theirs / per_row,
                )
            )
    return Table(
        name="time",
        title="Wall time of a training; not reproducible bit for bit",
        columns=(
            Column(name="data"),
            Column(name="model"),
            Column(name="time", unit="s", digits=2),
            Column(name="per 1000 rows and epoch", unit="s", digits=3),
            Column(name="paper", unit="s", digits=2),
            Column(name="paper, per 1000 rows and epoch", unit="s", digits=2),
        ),
        rows=tuple(rows),
        note=(
            "Median over the seeds of whole tasks at the paper's learning rate: data, compiling "
            "circuits, training and measuring, on one thread of whatever machine ran them and "
            "whatever else it did; a worker's first task also loads libraries. Paper: "
            f"{experts_paper.SOURCE}; on a machine of their own, and for digits with MNIST's 12665 "
            "rows."
        ),
        source=found.source,
    )


def _picture(settings: ExpertsSettings, found: _Results) -> FigureSpec:
    from qmoe_qiskit.studies.report.figures import intervals
    from qmoe_qiskit.studies.report.panels import panels

    def drawn(data: str) -> Draw:
        values = {c.label: found.accuracy(data, c) for c in CONTENDERS}
        means = {label: mean_estimate(accuracy_N) for label, accuracy_N in values.items()}
        seeds = {label: accuracy_N.tolist() for label, accuracy_N in values.items()}
        return intervals({"": means}, label="held-out accuracy", seeds={"": seeds})

    return FigureSpec(
        name="accuracy",
        caption=(
            "Held-out accuracy of every model, learning rate chosen: mean with 95 % interval, and "
            "each seed as a tick."
        ),
        draw=panels({data: drawn(data) for data in settings.data}, columns=1),
        size=(7.0, 3.2 * len(settings.data)),
    )


def _remarks(settings: ExpertsSettings) -> tuple[str, ...]:
    same_rows = (
        "Every model sees rows scaled to length 1, which is what an amplitude embedding keeps of "
        "them; the paper does so with the synthetic data only."
    )
    adapters = (
        "Each quantum expert has a linear adapter of its own, so that with 2 layers it has as "
        "many parameters as a linear expert; in the paper experts share one behind the mixture."
    )
    quadratic = (
        "The outputs of one circuit behind an amplitude embedding are quadratic forms in the "
        "features: whatever one QNN separates, the linear layer on all products can."
    )
    data = (
        f"Synthetic: sklearn.datasets.make_classification, {settings.n_samples} rows of 16 "
        "features, 10 informative, none redundant, another problem for every seed (the paper: 500 "
        "rows of one). Digits: zeros and ones of sklearn.datasets.load_digits, 360 images pooled "
        "to 4x4 pixels (the paper: MNIST)."
    )
    return same_rows, adapters, quadratic, data


def _paper_key(contender: Contender) -> str:
    return "" if contender.deep else contender.model
