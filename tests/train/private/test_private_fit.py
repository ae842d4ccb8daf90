"""Training by DP-SGD: its step, its noise, its record, and an interruption that is paid for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch.nn.functional import cross_entropy

from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.moe import LinearRouter, MixtureOfExperts, linear_experts
from qmoe_qiskit.train import Privacy, QMoEClassifier
from qmoe_qiskit.train.private.gradients import row_gradients
from qmoe_qiskit.train.private.optimizer import NoisyOptimizer
from qmoe_qiskit.train.private.randomness import (
    SystemRandomness,
    gaussian,
    poisson_sample,
    seeded_noise,
)
from qmoe_qiskit.train.stored.checkpoint import load_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.typing import FloatArray

Rows = tuple[np.ndarray, np.ndarray]
PRIVACY = Privacy(epsilon=4, delta=1e-3, bounds=(-2, 3), classes=(0, 1))
# 60 rows are four steps per epoch. All fits here spend one budget, for which the noise is sought
# only once.
SETTINGS: dict[str, Any] = {
    "router": "linear",
    "privacy": PRIVACY,
    "max_epochs": 4,
    "batch_size": 15,
    "random_state": 0,
}
STEPS_PER_EPOCH, STEPS = 4, 16


class NoNoise:
    is_seeded = True

    def uniform(self, count: int) -> FloatArray:
        return np.full(count, 0.5)  # the median of the normal distribution is 0


def test_step_clips_every_row(rng: np.random.Generator) -> None:
    generator = torch.Generator().manual_seed(1)
    experts = linear_experts(2, 3, 2, generator=generator)
    module = MixtureOfExperts(LinearRouter(3, 2, generator=generator), experts).double()
    x_BF, y_B = torch.from_numpy(rng.normal(size=(9, 3))), torch.from_numpy(rng.integers(2, size=9))
    before = [p.detach().clone() for p in module.parameters()]
    total = [torch.zeros_like(p) for p in before]
    n_clipped, norm = 0, 1.5
    for x_1F, y_1 in zip(x_BF.split(1), y_B.split(1), strict=True):
        gradients = torch.autograd.grad(
            cross_entropy(module(x_1F), y_1), tuple(module.parameters())
        )
        length = math.sqrt(sum(float((g**2).sum()) for g in gradients))
        n_clipped += length > norm
        total = [
            so_far + gradient * min(1.0, norm / length)
            for so_far, gradient in zip(total, gradients, strict=True)
        ]
    assert 0 < n_clipped < 9  # both cases are there
    optimizer = NoisyOptimizer(
        torch.optim.SGD(module.parameters(), lr=1.0),
        NoNoise(),
        noise_multiplier=1.0,
        max_grad_norm=norm,
        expected_batch_size=5,
    )
    with row_gradients(module):
        with pytest.warns(UserWarning, match="Full backward hook"):
            cross_entropy(module(x_BF), y_B, reduction="sum").backward()
        optimizer.step()
    for old, new, gradient in zip(before, module.parameters(), total, strict=True):
        # Opacus clips by norm + 1e-6.
        assert (old - new - gradient / 5).abs().max() < 1e-5


def test_noise_and_draws_have_their_distributions() -> None:
    # Six standard errors: a false failure in about a billion.
    n = 100_000
    noise_N = gaussian(SystemRandomness(), n)
    assert abs(noise_N.mean()) < 6 / math.sqrt(n)
    assert abs(noise_N.var() - 1) < 6 * math.sqrt(2 / n)
    assert abs((noise_N > 1.6448536).mean() - 0.05) < 6 * math.sqrt(0.05 * 0.95 / n)
    rows = poisson_sample(SystemRandomness(), n, 0.3)
    assert abs(len(rows) / n - 0.3) < 6 * math.sqrt(0.21 / n)
    assert np.array_equal(rows, np.unique(rows))


def test_record_of_what_was_spent(moons: Rows, tmp_path: Path) -> None:
    model = QMoEClassifier(**SETTINGS).fit(*moons)
    spent = model.privacy_spent_
    assert spent.n_steps == STEPS
    assert spent.sample_rate == 15 / 60
    assert 0.95 * 4 <= spent.epsilon <= 4
    assert spent.epsilon == max(spent.by_accountant.values())
    assert not spent.is_seeded
    assert [list(entry) for entry in model.history_] == [["epoch"]] * 4
    assert (model.feature_map_.minimum_F, model.feature_map_.maximum_F) == (
        pytest.approx([-2, -2]),
        pytest.approx([3, 3]),
    )
    model.save(tmp_path / "model.safetensors")
    restored = QMoEClassifier.load(tmp_path / "model.safetensors")
    assert restored.privacy_spent_ == spent
    assert np.array_equal(restored.predict_proba(moons[0]), model.predict_proba(moons[0]))
    assert Privacy.of(restored.privacy) == PRIVACY


def test_no_seed_repeats_the_noise_but_in_studies(moons: Rows) -> None:
    first, second = (QMoEClassifier(**SETTINGS).fit(*moons) for _ in range(2))
    with seeded_noise():
        third, fourth = (QMoEClassifier(**SETTINGS).fit(*moons) for _ in range(2))
    probabilities = [one.predict_proba(moons[0]) for one in (first, second, third, fourth)]
    assert not np.array_equal(probabilities[0], probabilities[1])
    assert np.array_equal(probabilities[2], probabilities[3])
    assert third.privacy_spent_.is_seeded
    assert str(third.privacy_spent_).startswith("none, because the noise was seeded")


def test_rows_that_differ_in_nothing_else_change_no_scale(moons: Rows) -> None:
    x_NF = moons[0].copy()
    x_NF[0] = 2.9
    maps = [QMoEClassifier(**SETTINGS).fit(x, moons[1]).feature_map_ for x in (moons[0], x_NF)]
    assert np.array_equal(maps[0].scale(moons[0]), maps[1].scale(moons[0]))


def test_random_projection_is_no_ones_rows(wide: Rows) -> None:
    sixty = wide[0][:60], wide[1][:60]
    privacy = {**PRIVACY.document(), "classes": (0, 1, 2), "bounds": (-10, 10)}
    settings = {**SETTINGS, "router": "quantum", "n_layers": 1, "n_qubits": 2}
    with pytest.raises(InputError, match="projection='random'"):
        QMoEClassifier(**{**settings, "privacy": privacy}).fit(*sixty)
    privacy["projection"] = "random"
    model = QMoEClassifier(**{**settings, "privacy": privacy}).fit(*sixty)
    matrix_FK = model.feature_map_.matrix_FK
    assert matrix_FK.T @ matrix_FK == pytest.approx(np.eye(2))


@pytest.mark.parametrize("stop_after", [1, STEPS_PER_EPOCH + 2])
def test_interrupted_epoch_counts(
    moons: Rows, tmp_path: Path, stop_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = QMoEClassifier(**SETTINGS, checkpoint=tmp_path / "checkpoint.safetensors")
    taken = 0
    add_noise = NoisyOptimizer.add_noise

    def counted(self: NoisyOptimizer) -> None:
        nonlocal taken
        # Whenever a step is taken, the file counts it already.
        assert load_checkpoint(tmp_path / "checkpoint.safetensors").counted["n_steps"] > taken
        if taken == stop_after:
            raise KeyboardInterrupt
        taken += 1
        add_noise(self)

    with monkeypatch.context() as patch:
        patch.setattr(NoisyOptimizer, "add_noise", counted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(*moons)
    resumed = clone(model).resume(*moons)
    assert resumed.privacy_spent_.n_steps == STEPS
    assert resumed.privacy_spent_.epsilon <= 4
    assert len(resumed.history_) == 3  # of four epochs, one was lost
    with pytest.raises(RunError, match="number of epochs that it began with"):
        clone(model).set_params(max_epochs=9).resume(*moons)


def test_budget_that_interruptions_have_spent(
    moons: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = QMoEClassifier(**SETTINGS, checkpoint=tmp_path / "checkpoint.safetensors")

    def interrupt(_: NoisyOptimizer) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(NoisyOptimizer, "add_noise", interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.fit(*moons)
        for _ in range(SETTINGS["max_epochs"] - 1):
            with pytest.raises(KeyboardInterrupt):
                model.resume(*moons)
    with pytest.raises(RunError, match="spent in epochs that were interrupted"):
        model.resume(*moons)


def test_model_that_goes_on_without_privacy_is_private_no_more(moons: Rows) -> None:
    model = QMoEClassifier(**SETTINGS).fit(*moons)
    with pytest.raises(InputError, match="a beginning in a fitted model"):
        model.partial_fit(*moons)
    assert model.privacy_spent_.n_steps == STEPS  # nothing has happened
    model.set_params(privacy=None).partial_fit(*moons)
    assert not hasattr(model, "privacy_spent_")
