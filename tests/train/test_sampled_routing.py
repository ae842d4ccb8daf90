"""Votes: their frequencies, and the predictions of a model that draws them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.votes import draw_votes, vote_counts
from qmoe_qiskit.train import QMoEClassifier, model_state, restore_model

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = tuple[np.ndarray, np.ndarray]
# A test of frequencies fails once in a million seeds.
FALSE_ALARM = 1e-6

SETTINGS: dict[str, Any] = {
    "routing": "sampled", "readout": "probabilities", "n_layers": 1, "max_epochs": 3,
    "random_state": 0, "verbose": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def model(moons: Rows) -> QMoEClassifier:
    return QMoEClassifier(**{**SETTINGS, "n_experts": 3}).fit(*moons)


def with_votes(model: QMoEClassifier, n_votes: int | None) -> QMoEClassifier:
    return model.whole_mixture().set_params(n_votes=n_votes)


def test_frequencies_are_the_probabilities(rng: np.random.Generator, seed: int) -> None:
    weights_E, n_rows, n_votes = np.array([0.55, 0.3, 0.15]), 300, 7
    rows_NF = rng.normal(size=(n_rows, 2))
    shares_NE = draw_votes(np.tile(weights_E, (n_rows, 1)), rows_NF, n_votes, seed=seed)
    counts_E = n_votes * shares_NE.sum(axis=0)
    total = n_rows * n_votes
    assert stats.chisquare(counts_E, total * weights_E).pvalue > FALSE_ALARM
    # Votes of a row are independent: the counts of an expert are binomial.
    seen_K = np.bincount(np.rint(n_votes * shares_NE[:, 0]).astype(int), minlength=n_votes + 1)
    expected_K = n_rows * stats.binom(n_votes, weights_E[0]).pmf(np.arange(n_votes + 1))
    grouped = [np.add.reduceat(counts, [0, 3, 4, 5]) for counts in (seen_K, expected_K)]
    assert stats.chisquare(*grouped).pvalue > FALSE_ALARM


def test_votes_of_shots_are_some_of_these_shots(rng: np.random.Generator, seed: int) -> None:
    counts_NE = rng.multinomial(20, [0.5, 0.3, 0.2], size=200)
    rows_NF = rng.normal(size=(200, 1))
    drawn_NDE = vote_counts(counts_NE / 20, rows_NF, 5, seed=seed, shots=20, n_draws=50)
    assert (drawn_NDE.sum(axis=2) == 5).all()
    assert (drawn_NDE <= counts_NE[:, None]).all()
    all_NE = draw_votes(counts_NE / 20, rows_NF, 20, seed=seed, shots=20)
    np.testing.assert_allclose(all_NE, counts_NE / 20, atol=1e-15)
    # The first row's draws are hypergeometric.
    many_DE = vote_counts(counts_NE[:1] / 20, rows_NF[:1], 5, seed=seed, shots=20, n_draws=4000)[0]
    of_first = stats.hypergeom(20, counts_NE[0, 0], 5)
    seen_K, expected_K = np.bincount(many_DE[:, 0], minlength=6), 4000 * of_first.pmf(np.arange(6))
    likely_K = expected_K > 5
    seen = [*seen_K[likely_K], seen_K[~likely_K].sum()]
    expected = [*expected_K[likely_K], expected_K[~likely_K].sum()]
    keep = np.array(expected) > 0
    assert stats.chisquare(np.array(seen)[keep], np.array(expected)[keep]).pvalue > FALSE_ALARM
    with pytest.raises(InputError, match=r"n_votes=21 are more votes than the 20 shot"):
        draw_votes(counts_NE / 20, rows_NF, 21, seed=seed, shots=20)


def test_mitigated_values_are_no_counts(seed: int) -> None:
    """Quasi-probabilities are clipped, and votes drawn from them."""
    weights_NE = np.array([[1.02, -0.02], [0.513, 0.487]])
    shares_NE = draw_votes(weights_NE, np.eye(2), 1000, seed=seed, shots=1000)
    assert shares_NE[0].tolist() == [1.0, 0.0]
    assert stats.binomtest(round(1000 * shares_NE[1, 0]), 1000, 0.513).pvalue > FALSE_ALARM


def test_predictions_are_the_mean_of_the_drawn_experts(model: QMoEClassifier, moons: Rows) -> None:
    X, _ = moons
    scaled = torch.from_numpy(model.feature_map_.scale(X))
    experts_NEC = torch.stack(
        [torch.softmax(expert(scaled), dim=-1) for expert in model.module_.experts], dim=1
    )
    for n_votes in (1, 4):
        probabilities_NC, shares_NE = with_votes(model, n_votes).predict_routed(X)
        counts_NE = n_votes * shares_NE
        np.testing.assert_allclose(counts_NE, np.rint(counts_NE), atol=1e-12)
        np.testing.assert_allclose(shares_NE.sum(axis=1), 1.0)
        expected_NC = np.einsum("ne,nec->nc", shares_NE, experts_NEC.detach().numpy())
        np.testing.assert_allclose(probabilities_NC, expected_NC, rtol=1e-12)
    weights_NE = model.routing_weights(X)
    expected_NC = np.einsum("ne,nec->nc", weights_NE, experts_NEC.detach().numpy())
    np.testing.assert_allclose(with_votes(model, None).predict_proba(X), expected_NC, rtol=1e-12)


def test_calls_repeat_in_any_order_of_the_rows(model: QMoEClassifier, moons: Rows) -> None:
    X, _ = moons
    probabilities_NC = model.predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(X), probabilities_NC)
    np.testing.assert_allclose(model.predict_proba(X[::-1])[::-1], probabilities_NC, rtol=1e-12)
    np.testing.assert_allclose(
        np.vstack([model.predict_proba(row[None]) for row in X]), probabilities_NC, rtol=1e-12
    )
    other = QMoEClassifier(**{**SETTINGS, "random_state": 1}).fit(*moons)
    assert (other.predict_routed(X)[1][:, 0] != model.predict_routed(X)[1][:, 0]).any()


def test_many_votes_decide_as_the_mixture(model: QMoEClassifier, moons: Rows) -> None:
    X, _ = moons
    n_votes, whole = 10_000, with_votes(model, None)
    exact_NC, weights_NE = whole.predict_routed(X)
    many_NC, shares_NE = with_votes(model, n_votes).predict_routed(X)
    # An error of 6 standard errors per expert happens once in 10^9.
    within_NE = 6 * np.sqrt(weights_NE * (1 - weights_NE) / n_votes)
    assert (np.abs(shares_NE - weights_NE) <= within_NE + 1e-12).all()
    clear_N = np.abs(exact_NC[:, 0] - exact_NC[:, 1]) > 2 * within_NE.sum(axis=1)
    assert clear_N.sum() > 40
    np.testing.assert_array_equal(many_NC.argmax(1)[clear_N], exact_NC.argmax(1)[clear_N])


def test_training_does_not_see_the_votes(
    model: QMoEClassifier, moons: Rows, assert_same: Callable[..., None]
) -> None:
    one = QMoEClassifier(**{**SETTINGS, "n_experts": 3, "n_votes": 9}).fit(*moons)
    assert_same(one, model)
    nll = QMoEClassifier(**{**SETTINGS, "n_experts": 3, "criterion": "NLLLoss"}).fit(*moons)
    assert [e["train_loss"] for e in nll.history_] == pytest.approx(
        [e["train_loss"] for e in model.history_], rel=1e-9
    )


def test_training_raises_the_likelihood(moons: Rows) -> None:
    X, y = moons
    settings = {**SETTINGS, "max_epochs": 20, "n_votes": None, "balance_weight": 0.01}
    model = QMoEClassifier(**settings).fit(X, y)
    before = QMoEClassifier(**{**settings, "max_epochs": 1}).fit(X, y)
    of_label = [m.predict_proba(X)[np.arange(60), y] for m in (before, model)]
    assert np.log(of_label[1]).mean() > np.log(of_label[0]).mean()


def test_classical_routers_are_drawn_from_too(moons: Rows) -> None:
    model = QMoEClassifier("linear", routing="sampled", max_epochs=3, random_state=0).fit(*moons)
    shares_NE = model.predict_routed(moons[0])[1]
    assert set(np.unique(shares_NE)) == {0.0, 1.0}
    assert with_votes(model, None).routing_weights(moons[0]) == pytest.approx(
        model.routing_weights(moons[0])
    )


def test_shots_of_a_backend_are_the_votes(moons: Rows, model: QMoEClassifier) -> None:
    X, _ = moons
    state = model_state(model)
    for shots, n_votes in ((1, 1), (8, 8), (8, 3), (8, None)):
        backend = open_backend("noisy:readout:0.05", shots=shots, seed=4)
        where = state.backend_spec().replaced(backend=backend)
        shot = with_votes(restore_model(state, where), n_votes)
        taken = (n_votes or shots) * shot.predict_routed(X)[1]
        np.testing.assert_allclose(taken, np.rint(taken), atol=1e-9)
        np.testing.assert_allclose(taken.sum(axis=1), n_votes or shots)
    with pytest.raises(InputError, match="n_votes=9 are more votes than the 8 shot"):
        with_votes(shot, 9).predict(X)


def test_a_saved_model_draws_the_same_votes(
    model: QMoEClassifier, moons: Rows, tmp_path: Path
) -> None:
    model.save(tmp_path / "model.safetensors")
    loaded = QMoEClassifier.load(tmp_path / "model.safetensors")
    assert (loaded.routing, loaded.n_votes) == ("sampled", 1)
    np.testing.assert_array_equal(loaded.predict_proba(moons[0]), model.predict_proba(moons[0]))


def test_a_weighted_model_is_stored_as_before(moons: Rows) -> None:
    config = model_state(QMoEClassifier("linear", max_epochs=1).fit(*moons)).config
    assert not {"routing", "n_votes"} & config["settings"].keys()
    assert "votes_seed" not in config


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"readout": "expectations"}, "readout 'expectations' has no bit string that chooses"),
        (
            {"routing": "drawn"},
            "unknown routing 'drawn': known are sampled, straight",
        ),
        ({"n_votes": 0}, "n_votes must be a whole number of at least 1, got 0"),
        ({"n_votes": 1.5}, "n_votes must be a whole number of at least 1, got 1.5"),
        ({"routing": "weighted", "n_votes": 3}, "n_votes=3 would have no effect"),
        ({"criterion": "MultiMarginLoss"}, "criterion 'MultiMarginLoss' is no likelihood"),
        ({"criterion": nn.MSELoss}, "is no likelihood"),
        ({"n_experts": 5}, "2 qubits have 4"),
    ],
    ids=str,
)
def test_what_is_refused(moons: Rows, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        QMoEClassifier(**{**SETTINGS, **settings}).fit(*moons)
