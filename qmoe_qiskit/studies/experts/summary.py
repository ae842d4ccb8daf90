"""Tables, verdicts and figure of the study of experts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qmoe_qiskit.stats import Claim, judge, mean_estimate, median_estimate
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.results_frame import ResultsFrame
from qmoe_qiskit.studies.experts.settings import (
    CONTENDERS,
    LARGE_QNN,
    LINEAR,
    LINEAR_MIXTURE,
    QNN,
    QUANTUM_MIXTURE,
    RELU_MIXTURE,
    Contender,
    ExpertsSettings,
)
from qmoe_qiskit.studies.experts.task import ExpertsTask
from qmoe_qiskit.studies.report.figures import intervals
from qmoe_qiskit.studies.report.panels import panels
from qmoe_qiskit.studies.report.summary import (
    Draw,
    FigureSpec,
    Row,
    Summary,
    Table,
    column,
    table_of_rows,
)

# The contender that is claimed to be more accurate, and the other contender.
CLAIMS = (
    (QUANTUM_MIXTURE, QNN),
    (QUANTUM_MIXTURE, LARGE_QNN),
    (QUANTUM_MIXTURE, LINEAR_MIXTURE),
    (QUANTUM_MIXTURE, RELU_MIXTURE),
    (QNN, LINEAR),
)

# Both data sets have two classes, equally large or nearly so.
_CHANCE = 0.5

# Numbers of the paper's notebook of phase 1, from one seed, without intervals.
_PAPER = "arXiv:2512.22296, the authors' notebook of phase 1 (PennyLane, default.qubit)"
_PAPER_EPOCHS = 8
# Training rows by data set: the notebook's digits are MNIST's, ours scikit-learn's, also 4x4.
_PAPER_ROWS = {"synthetic": 400, "digits": 12665}
# Held-out accuracy and seconds by data set and model.
_IN_PAPER = {
    ("synthetic", "relu_mixture"): (0.88, 0.58),
    ("synthetic", "qnn"): (0.65, 61.0),
    ("synthetic", "quantum_mixture"): (0.78, 172.0),
    ("digits", "relu_mixture"): (0.995, 23.0),
    ("digits", "qnn"): (0.994, 1709.0),
    ("digits", "quantum_mixture"): (0.993, 5258.0),
}


class _Training(NamedTuple):
    """A training; `tuned` says whether the learning rate was chosen from several."""

    data: str
    contender: Contender
    tuned: bool = True


_Results = ResultsFrame[_Training]


def _results(
    settings: ExpertsSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> _Results:
    contenders = {
        (c.model, settings.deep_layers if c.deep else settings.n_layers): c for c in CONTENDERS
    }

    def key(task: ExpertsTask) -> _Training:
        contender = contenders[task.model, task.n_layers]
        return _Training(task.data, contender, tuned=len(task.learning_rates) > 1)

    return ResultsFrame(ExpertsTask, seeds, results, key)


def _source(settings: ExpertsSettings, frame: _Results) -> str:
    """Return the source of the numbers."""
    backend = settings.backend
    where = "" if backend == "statevector" else f", circuits on {backend}"
    return f"{frame.n_results} tasks of kind {ExpertsTask.kind!r}{where}"


def _named(frame: _Results, training: _Training) -> str:
    """Return the contender with its number of parameters, for a claim."""
    label = training.contender.label
    article = "" if label.startswith("one ") else "a "
    return f"{article}{label} with {frame.values(training, 'n_parameters')[0]:.0f} parameters"


def summarize(
    settings: ExpertsSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Summarize the results of the study."""
    frame = _results(settings, seeds, results)
    claims = [
        Claim(
            text=f"{data}: {_named(frame, better)} is more accurate than {_named(frame, worse)}",
            differences_N=frame.difference(better, worse, "accuracy"),
            margin=settings.margin,
        )
        for data in settings.data
        for better, worse in ((_Training(data, a), _Training(data, b)) for a, b in CLAIMS)
    ]
    return Summary(
        tables=(_accuracies(settings, frame), _times(settings, frame)),
        verdicts=tuple(judge(claims)),
        figures=(_picture(settings, frame),),
        remarks=_remarks(settings),
    )


def _accuracies(settings: ExpertsSettings, frame: _Results) -> Table:
    rows: list[Row] = []
    for data in settings.data:
        for contender in CONTENDERS:
            training = _Training(data, contender)
            accuracy_N = frame.values(training, "accuracy")
            rows.append(
                {
                    "data": data,
                    "model": contender.label,
                    "parameters": int(frame.values(training, "n_parameters")[0]),
                    "accuracy, mean": mean_estimate(accuracy_N),
                    "accuracy, median": median_estimate(accuracy_N),
                    column("learning rate, median", 2): float(
                        np.median(frame.values(training, "learning_rate"))
                    ),
                    f"accuracy at rate {settings.paper_learning_rate:g}, mean": mean_estimate(
                        frame.values(training._replace(tuned=False), "accuracy")
                    ),
                    "paper": _in_paper(training)[0],
                }
            )
    rates = ", ".join(f"{rate:g}" for rate in settings.learning_rates)
    note = (
        "Values are over the seeds, with 95 % bootstrap intervals; each seed has points, a split, "
        "initial weights and batches of its own, the same for every model. The learning rate is "
        f"chosen from {rates} on a fifth of the training rows. Paper: {_PAPER}; one "
        "seed, rate 0.01, and for digits MNIST's 12665 rows."
    )
    return table_of_rows(
        rows,
        name="accuracy",
        title="Accuracy on held-out rows",
        note=note,
        source=_source(settings, frame),
    )


def _times(settings: ExpertsSettings, frame: _Results) -> Table:
    rows: list[Row] = []
    for data in settings.data:
        for contender in CONTENDERS:
            training = _Training(data, contender, tuned=False)
            seconds = float(np.median(frame.seconds(training)))
            trained = float(frame.values(training, "n_train")[0]) * settings.epochs / 1000
            theirs = _in_paper(training)[1]
            per_row = _PAPER_ROWS[data] * _PAPER_EPOCHS / 1000
            rows.append(
                {
                    "data": data,
                    "model": contender.label,
                    column("time", 2, unit="s"): seconds,
                    column("per 1000 rows and epoch", unit="s"): seconds / trained,
                    column("paper", 2, unit="s"): theirs,
                    column("paper, per 1000 rows and epoch", 2, unit="s"): (
                        None if theirs is None else theirs / per_row
                    ),
                }
            )
    return table_of_rows(
        rows,
        name="time",
        title="Wall time of a training; not reproducible bit for bit",
        note=(
            "Median over the seeds of whole tasks at the paper's learning rate: data, compiling "
            "circuits, training and measuring, on one thread of whatever machine ran them and "
            "whatever else it did; a worker's first task also loads libraries. Paper: "
            f"{_PAPER}; on a machine of their own, and for digits with MNIST's 12665 "
            "rows."
        ),
        source=_source(settings, frame),
    )


def _picture(settings: ExpertsSettings, frame: _Results) -> FigureSpec:
    def drawn(data: str) -> Draw:
        values = {c.label: frame.values(_Training(data, c), "accuracy") for c in CONTENDERS}
        means = {label: mean_estimate(accuracy_N) for label, accuracy_N in values.items()}
        seeds = {label: accuracy_N.tolist() for label, accuracy_N in values.items()}
        return intervals(
            {"": means}, label="held-out accuracy", reference=_CHANCE, seeds={"": seeds}
        )

    return FigureSpec(
        name="accuracy",
        caption=(
            "Held-out accuracy of every model, learning rate chosen: mean with 95 % interval, and "
            "each seed as a tick. Dotted: the accuracy of guessing."
        ),
        draw=panels({data: drawn(data) for data in settings.data}, columns=1, same="x"),
        size=(7.0, 3.2 * len(settings.data)),
    )


def _remarks(settings: ExpertsSettings) -> tuple[str, ...]:
    same_rows = (
        "Every model sees rows scaled to length 1, which is what an amplitude embedding keeps of "
        "them; the paper does so with the synthetic data only."
    )
    adapters = (
        "Each quantum expert has a linear adapter of its own, so that with 2 layers it has as "
        "many parameters as a linear expert; in the paper experts share one after the mixture."
    )
    quadratic = (
        "The outputs of one circuit after an amplitude embedding are quadratic forms in the "
        "features: whatever one QNN separates, the linear layer on all products can."
    )
    data = (
        f"Synthetic: sklearn.datasets.make_classification, {settings.n_samples} rows of 16 "
        "features, 10 informative, none redundant, another problem for every seed (the paper: 500 "
        "rows of one). Digits: zeros and ones of sklearn.datasets.load_digits, 360 images pooled "
        "to 4x4 pixels (the paper: MNIST)."
    )
    return same_rows, adapters, quadratic, data


def _in_paper(training: _Training) -> tuple[float, float] | tuple[None, None]:
    """Return accuracy and seconds of a training in the paper, None where it has no such model."""
    model = "" if training.contender.deep else training.contender.model
    return _IN_PAPER.get((training.data, model), (None, None))
