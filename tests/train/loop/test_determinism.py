"""A fit with a fixed seed repeats bit for bit, whatever happens around it."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from qmoe_qiskit.train import QMoEClassifier
from qmoe_qiskit.train.loop.training import EpochBatches

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = tuple[np.ndarray, np.ndarray]
Check = "Callable[[QMoEClassifier, QMoEClassifier], None]"


def fitted(rows: Rows, random_state: Any = 0, **settings: Any) -> QMoEClassifier:
    settings = {"max_epochs": 3, **settings}
    return QMoEClassifier(random_state=random_state, **settings).fit(*rows)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("router", ["quantum", "mlp:4", "fourier"])
def test_the_same_seed_gives_the_same_model(
    moons: Rows, router: str, early_stopping: bool, assert_same: Callable[..., None]
) -> None:
    settings = {"router": router, "early_stopping": early_stopping}
    assert_same(fitted(moons, **settings), fitted(moons, **settings))


def test_a_second_fit_of_the_same_estimator_starts_over(
    moons: Rows, assert_same: Callable[..., None]
) -> None:
    model = fitted(moons)
    assert_same(model.fit(*moons), fitted(moons))


def test_a_generator_is_drawn_from(moons: Rows, assert_same: Callable[..., None]) -> None:
    one, other = np.random.RandomState(3), np.random.RandomState(3)
    first, second = fitted(moons, one), fitted(moons, one)
    assert_same(first, fitted(moons, other))
    assert first.history_ != second.history_


@pytest.mark.parametrize("pair", [(0, 1), (None, None)], ids=str)
def test_other_seeds_differ(moons: Rows, pair: tuple[int | None, int | None]) -> None:
    one, other = (fitted(moons, random_state, router="linear") for random_state in pair)
    assert one.history_ != other.history_


def test_global_generators_are_neither_read_nor_moved(
    moons: Rows, assert_same: Callable[..., None]
) -> None:
    def states() -> tuple[bytes, bytes, Any]:
        numpy_state = np.random.get_state()[1].tobytes()  # noqa: NPY002
        return torch.get_rng_state().numpy().tobytes(), numpy_state, random.getstate()

    before = states()
    model = fitted(moons, early_stopping=True)
    model.predict([model.feature_map_.minimum_F])
    assert states() == before
    torch.rand(1)
    np.random.random()  # noqa: NPY002
    assert_same(fitted(moons, early_stopping=True), model)


def test_the_number_of_threads_does_not_matter(
    moons: Rows, assert_same: Callable[..., None]
) -> None:
    one = fitted(moons, n_layers=1)
    torch.set_num_threads(3)
    assert_same(fitted(moons, n_layers=1), one)


def test_a_checkpoint_and_the_progress_bar_do_not_matter(
    moons: Rows, tmp_path: Any, assert_same: Callable[..., None]
) -> None:
    assert_same(fitted(moons, checkpoint=tmp_path / "c", verbose=False), fitted(moons))


def test_fits_and_predictions_in_threads(moons: Rows, assert_same: Callable[..., None]) -> None:
    many = np.tile(moons[0], (80, 1))
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: fitted(moons), range(4)))
        expected = models[0].predict_proba(many)
        answers = list(pool.map(lambda _: models[0].predict_proba(many), range(12)))
    for model in models[1:]:
        assert_same(model, models[0])
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)


class _Data:
    """As skorch's data set: a row's number as its only feature."""

    def __init__(self, count: int) -> None:
        self.X, self.y = torch.arange(count)[:, None], torch.arange(count)


def _epoch(batches: EpochBatches) -> list[int]:
    rows: list[int] = []
    for features_BF, labels_B in batches:
        assert torch.equal(features_BF[:, 0], labels_B)
        rows += labels_B.tolist()
    return rows


def test_batches_hold_every_row_once_in_an_order_of_their_epoch() -> None:
    batches = EpochBatches(_Data(37), 8, seed=5)
    assert [len(labels_B) for _, labels_B in batches] == [8, 8, 8, 8, 5]
    epochs = [_epoch(batches) for _ in range(3)]  # the epochs behind the first
    for rows in epochs:
        assert sorted(rows) == list(range(37))
    assert len({tuple(rows) for rows in epochs}) == 3
    later = EpochBatches(_Data(37), 8, seed=5, first_epoch=2)
    assert _epoch(later) == epochs[1]
    assert _epoch(EpochBatches(_Data(37), 8, seed=6, first_epoch=2)) != epochs[1]


def test_batches_without_a_seed_keep_the_order() -> None:
    assert _epoch(EpochBatches(_Data(11), 4)) == list(range(11))
