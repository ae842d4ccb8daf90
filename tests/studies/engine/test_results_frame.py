"""The results frame: values by key, in the order of the seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from qmoe_qiskit.stats import mean_estimate
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.results_frame import ResultsFrame
from qmoe_qiskit.studies.engine.task import Task

SEEDS = (7, 2, 5)


@dataclass(frozen=True, kw_only=True)
class Given(Task):
    kind: ClassVar[str] = "given"

    seed: int
    name: str

    def run(self) -> dict[str, Any]:
        raise AssertionError


@dataclass(frozen=True, kw_only=True)
class Other(Given):
    kind: ClassVar[str] = "other"


def result_of(seed: int, scale: float) -> dict[str, Any]:
    places = [{"accuracy": scale * seed + place} for place in range(4)]
    return {"settings": places, "size": int(scale * 10), "load": [scale, 1 - scale]}


@pytest.fixture
def frame(rng: np.random.Generator) -> ResultsFrame[str]:
    results = [
        TaskResult(task=Other(seed=s, name=name), result=result_of(s, scale), seconds=s / 2)
        for name, scale in (("one", 0.1), ("other", 0.3))
        for s in SEEDS
    ]
    results += [TaskResult(task=Given(seed=1, name="no"), result={}, seconds=0.0)]
    shuffled = [results[i] for i in rng.permutation(len(results))]
    return ResultsFrame(Other, SEEDS, shuffled, lambda task: task.name)


def test_rows_are_in_the_order_of_the_seeds(frame: ResultsFrame[str]) -> None:
    assert set(frame.keys) == {"one", "other"}
    assert (frame.seeds, frame.n_results) == (SEEDS, 6)
    assert frame.results("one") == [result_of(seed, 0.1) for seed in SEEDS]
    np.testing.assert_array_equal(frame.seconds("other"), [3.5, 1.0, 2.5])
    np.testing.assert_allclose(frame.values("one", "settings", 1, "accuracy"), [1.7, 1.2, 1.5])
    assert frame.values("one", "size").dtype == np.float64


def test_lists_and_slices_are_axes(frame: ResultsFrame[str]) -> None:
    np.testing.assert_allclose(frame.values("other", "load"), [[0.3, 0.7]] * 3)
    sliced_NK = frame.values("one", "settings", slice(1, None, 2), "accuracy")
    columns = [frame.values("one", "settings", place, "accuracy") for place in (1, 3)]
    np.testing.assert_array_equal(sliced_NK, np.stack(columns, axis=1))


def test_columns_differences_and_means(frame: ResultsFrame[str]) -> None:
    path = ("settings", 0, "accuracy")
    keys = ["other", "one"]
    columns_NK = frame.columns(keys, *path)
    np.testing.assert_array_equal(columns_NK[:, 1], frame.values("one", *path))
    # 0.3 * 2 - 0.1 * 2 is 0.4 but for rounding, as 0.4 itself is.
    assert frame.difference("other", "one", *path).tolist() == [1.4, 0.4, 1.0]
    assert frame.means(keys, *path) == [mean_estimate(column_N) for column_N in columns_NK.T]


def test_a_seed_without_a_result_is_an_error() -> None:
    results = [TaskResult(task=Given(seed=1, name="a"), result={}, seconds=0.0)]
    with pytest.raises(KeyError):
        ResultsFrame(Given, (1, 2), results, lambda task: task.name)
