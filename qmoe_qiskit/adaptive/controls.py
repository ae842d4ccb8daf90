"""Classical learners of streams from River, against which a mixture is compared."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmoe_qiskit.adaptive.river_extra import river
from qmoe_qiskit.registry import Entry, Registry


@dataclass(frozen=True, kw_only=True)
class Control(Entry):
    """A learner of River.

    Attributes:
        label: The name in tables and figures.
        make: Function that makes the learner from a seed.
    """

    label: str
    make: Callable[[int], Any]


CONTROLS = Registry(
    "control",
    [
        Control(
            name="arf",
            help="adaptive random forest (H. M. Gomes et al., 2017)",
            label="adaptive forest",
            make=lambda seed: river("forest").ARFClassifier(seed=seed),
        ),
        Control(
            name="hoeffding",
            help="Hoeffding tree (P. Domingos & G. Hulten, 2000)",
            label="Hoeffding tree",
            make=lambda _: river("tree").HoeffdingTreeClassifier(),
        ),
    ],
)


def control_predictions(
    name: str, first_rows: tuple[ArrayLike, ArrayLike], X: ArrayLike, y: ArrayLike, *, seed: int
) -> NDArray[Any]:
    """Return the prediction for every row of a stream, made before the row is learned.

    Args:
        name: Name of an entry of `CONTROLS`.
        first_rows: Features and labels of the rows that are learned before the stream begins.
        X: Features of the stream, (N, F), in their order.
        y: Labels, (N,).
        seed: Seed of the learner.

    Raises:
        InputError: If there is no such control, or the extra "adaptive" is not installed.

    >>> X, y = np.array([[0.0], [1.0]] * 200), np.array([0, 1] * 200)
    >>> control_predictions("hoeffding", (X, y), X[:2], y[:2], seed=0)
    array([0, 1])
    """
    learner = CONTROLS.get(name).make(seed)
    for row, label in zip(_rows(first_rows[0]), np.asarray(first_rows[1]).tolist(), strict=True):
        learner.learn_one(row, label)
    labels = np.asarray(y)
    said = []
    for row, label in zip(_rows(X), labels.tolist(), strict=True):
        said.append(learner.predict_one(row))
        learner.learn_one(row, label)
    return np.array(said, dtype=labels.dtype)


def _rows(X: ArrayLike) -> list[dict[int, float]]:
    return [dict(enumerate(row)) for row in np.asarray(X, dtype=np.float64).tolist()]
