"""One learner on a stream of rows whose points are turned in the middle."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.adaptive import CONTROLS, Stream, StreamReport, control_predictions
from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.training.routers import check_router, classifier_settings
from qmoe_qiskit.studies.training.train_task import SCALINGS
from qmoe_qiskit.train import QMoEClassifier
from qmoe_qiskit.typing import FloatArray

# Two Moons are symmetric around this point: half a turn takes each class to the other one.
_MIDDLE = np.array([0.5, 0.25])
# Detectors look at every so many rows only: changes at different rows show what that means.
_SHIFTS = 32
BLOCK = 50  # rows whose accuracy a figure shows as one point

Rows = tuple[FloatArray, NDArray[np.int64]]


@dataclass(frozen=True, kw_only=True)
class StreamTask(Task):
    """Train a learner on the first rows, and let it meet the others one after the other.

    Attributes:
        seed: Seed of points, weights, batches and the row of the change, which pairs the learners.
        learner: Name of a router, whose mixture learns, or of an entry of `CONTROLS`.
        policies: Policies of a mixture, see `Stream`; empty for a control, which always learns.
        turn: Angle by which the points are turned from the change on, in degrees.
        n_train: Number of rows that are learned before the stream.
        n_stream: Number of rows of the stream.
        detector: Detector of drifts with its parameter.
        window: Number of rows that are kept for fits.
        n_layers: Number of layers of the quantum router.
        epochs: Number of passes over the rows of every fit.
        batch_size: Number of rows per step.
        learning_rate: Learning rate of Adam.
        scaling: Scaling of the inputs.
    """

    kind: ClassVar[str] = "stream"

    seed: int
    learner: str
    policies: tuple[str, ...]
    turn: float
    n_train: int
    n_stream: int
    detector: str
    window: int
    n_layers: int
    epochs: int
    batch_size: int
    learning_rate: float
    scaling: str

    def check(self) -> None:
        """See `Task.check`."""
        if self.learner in CONTROLS.names:
            _check_control(self.learner)
        else:
            check_router(self.learner, self.n_layers)
            _check_stream(self.policies, self.detector, self.window)

    def rows(self) -> tuple[Rows, Rows, int]:
        """Return the first rows, the rows of the stream, and the row of the change in it."""
        shift = int(np.random.default_rng([self.seed, 1]).integers(_SHIFTS))
        change = self.n_stream // 2 + shift
        moons = load_dataset("moons", n_samples=self.n_train + self.n_stream, seed=self.seed)
        features_N2, labels_N = moons.features_NF.copy(), moons.labels_N
        start = self.n_train + change
        features_N2[start:] = turned(features_N2[start:], self.turn)
        k = self.n_train
        return (features_N2[:k], labels_N[:k]), (features_N2[k:], labels_N[k:]), change

    def run(self) -> dict[str, Any]:
        """Return the row of the change and, for each policy, what happened along the rows."""
        first, rows, change = self.rows()
        if self.learner in CONTROLS.names:
            said = control_predictions(self.learner, first, *rows, seed=self.seed)
            reports = [StreamReport((said == rows[1]).tolist())]
        else:
            reports = self._of_mixture(first, rows)
        return {"change": change, "streams": [_measured(one, change) for one in reports]}

    def _of_mixture(self, first: Rows, rows: Rows) -> list[StreamReport]:
        router = classifier_settings(
            self.learner, n_inputs=2, n_layers=self.n_layers, seed=self.seed
        )
        model = QMoEClassifier(
            **router,
            feature_range=SCALINGS[self.scaling],
            max_epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            random_state=self.seed,
            verbose=False,
        ).fit(*first)
        reports = []
        for policy in self.policies:
            stream = Stream(model, policy=policy, detector=self.detector, window=self.window)
            stream.learn(*rows)
            reports.append(stream.report)
        return reports


def turned(features_N2: FloatArray, degrees: float) -> FloatArray:
    """Return points of Two Moons turned around their middle.

    >>> turned(np.array([[1.5, 0.25]]), 90).round(12).tolist()
    [[0.5, 1.25]]
    """
    angle = np.deg2rad(degrees)
    turn_22 = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points_N2: FloatArray = (features_N2 - _MIDDLE) @ turn_22.T + _MIDDLE
    return points_N2


def _measured(report: StreamReport, change: int) -> dict[str, Any]:
    """Return accuracies, the rows of drifts and fits, and the rows until the change was found."""
    found = [row for row in report.drifts if row >= change]
    blocks = np.array_split(report.correct, range(BLOCK, len(report.correct), BLOCK))
    return {
        "accuracy": report.accuracy,
        "accuracy_after": float(np.mean(report.correct[change:])),
        "blocks": [float(block.mean()) for block in blocks],
        "drifts": report.drifts,
        "refits": report.refits,
        "n_false": len(report.drifts) - len(found),
        "found_after": found[0] - change + 1 if found else None,
    }


@lru_cache
def _check_control(name: str) -> None:
    CONTROLS.get(name).make(0)


@lru_cache
def _check_stream(policies: tuple[str, ...], detector: str, window: int) -> None:
    model = QMoEClassifier("linear", max_epochs=1, verbose=False, random_state=0)
    model.fit([[0.0], [1.0]], [0, 1])
    for policy in policies:
        Stream(model, policy=policy, detector=detector, window=window)
