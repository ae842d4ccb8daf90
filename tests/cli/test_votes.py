"""A run whose bit strings choose the experts: training, accuracy against votes, a fake device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.cli.output.votes import show_votes
from qmoe_qiskit.figures.evaluation.votes import accuracy_by_votes_figure
from qmoe_qiskit.runs import (
    AccuracyByVotes,
    Metric,
    TrainingRequest,
    VotesAccuracy,
    accuracy_by_votes,
    evaluate_run,
    load_run,
    read_run,
    save_run,
    train_run,
)
from qmoe_qiskit.runs.request_of_run import request_of_run

if TYPE_CHECKING:
    from collections.abc import Callable

# Held-out rows may lie outside the range of the others.
pytestmark = pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")

REQUEST = TrainingRequest(
    routing="sampled", readout="probabilities", n_samples=80, n_layers=1, max_epochs=8,
    control="linear", n_votes=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("votes") / "run"
    train_run(REQUEST, out)
    return out


def test_the_run_knows_its_routing(run: Path, qmoe: Callable[..., Any], tmp_path: Path) -> None:
    opened = read_run(run)
    assert opened.manifest.model["settings"]["routing"] == "sampled"
    assert opened.control().manifest.model["settings"]["n_votes"] == 3
    assert request_of_run(run) == REQUEST
    assert "3 votes per row" in opened.metrics["accuracy"].produced_by
    assert "--routing sampled --votes 3" in " ".join(opened.manifest.command)
    assert "experts drawn 3 votes per row" in " ".join(qmoe("info", run).stdout.split())
    again = qmoe("train", "--config", run, "--print-settings").stdout
    assert 'routing = "sampled"' in again
    assert evaluate_run(load_run(run)).metrics["accuracy"] == opened.metrics["accuracy"]
    model = load_run(run).classifier
    rng = np.random.default_rng(0)
    rows = rng.uniform(-0.5, 0.5, (20, 2)), np.arange(20) % 2
    saved = save_run(model, tmp_path / "saved", rows)
    np.testing.assert_array_equal(
        saved.classifier.predict_proba(rows[0]), model.predict_proba(rows[0])
    )


def test_accuracy_by_votes_is_the_expected_one(run: Path) -> None:
    """Of one vote: the sum over experts of their probability on the rows that they get right."""
    loaded = load_run(run)
    evaluation = evaluate_run(loaded)
    found = accuracy_by_votes(loaded, evaluation, [27, 1, 3])
    assert [each.n_votes for each in found.votes] == [1, 3, 27]
    model, data = loaded.classifier, evaluation.selected.dataset
    weights_NE = model.routing_weights(data.features_NF)
    import torch

    scaled = torch.from_numpy(model.feature_map_.scale(data.features_NF))
    right_NE = model.module_.expert_outputs(scaled).argmax(-1).numpy() == data.labels_N[:, None]
    rates_N = (weights_NE * right_NE).sum(axis=1)
    # A mean over rows of 200 draws each; beyond 5 standard errors once in a million.
    error = np.sqrt((rates_N * (1 - rates_N)).sum() / 200) / len(rates_N)
    assert found.votes[0].accuracy.number == pytest.approx(rates_N.mean(), abs=5 * error)
    exact = model.whole_mixture().score(data.features_NF, data.labels_N)
    assert found.exact.number == pytest.approx(exact)
    for each in found.votes:
        assert each.difference.number == pytest.approx(each.accuracy.number - exact)


def test_evaluate_with_votes(
    run: Path, qmoe: Callable[..., Any], the_document: Callable[[str], Any], tmp_path: Path
) -> None:
    options = ("--votes", "1,3,exact", "--figures", tmp_path / "figures")
    outcome = qmoe("evaluate", run, *options)
    assert outcome.exit_code == 0, outcome.stderr
    assert (tmp_path / "figures" / "votes.png").stat().st_size > 5000
    assert "exact router" in outcome.stdout
    document = the_document(qmoe("evaluate", run, "--votes", "1,3", "--json").stdout)
    votes = document["accuracy_by_votes"]
    assert [each["n_votes"] for each in votes["votes"]] == [1, 3]
    for each in votes["votes"]:
        interval = each["accuracy"]["uncertainty"]
        assert interval["low"] <= each["accuracy"]["value"] <= interval["high"]


def test_one_shot_on_a_fake_device(
    run: Path, qmoe: Callable[..., Any], the_document: Callable[[str], Any], tmp_path: Path
) -> None:
    """Without --shots, a row costs as many executions as it has votes."""
    where = ("--backend", "runtime:fake_manila", "--ledger", tmp_path / "ledger.sqlite", "--json")
    document = the_document(qmoe("evaluate", run, *where).stdout)
    assert document["execution"]["shots"] == 3
    assert document["execution"]["primitive"] == "sampler"
    assert document["cost"]["executions"] == 3 * document["n_rows"]
    assert the_document(qmoe("submit", run, *where).stdout)
    more = the_document(qmoe("evaluate", run, *where, "--votes", "1,9").stdout)
    assert more["execution"]["shots"] == 9
    refused = qmoe("evaluate", run, *where[:4], "--shots", "2")
    assert refused.exit_code == 2
    assert "n_votes=3 are more votes than the 2 shot(s)" in " ".join(refused.stderr.split())
    refused = qmoe("evaluate", run, *where, "--shots", "3", "--votes", "9")
    assert "n_votes=9 are more votes than the 3 shot(s)" in " ".join(refused.stderr.split())
    estimator = tmp_path / "options.toml"
    estimator.write_text('primitive = "estimator"\n')
    chosen = ("--options", estimator, "--shots", "64")
    asked = the_document(qmoe("evaluate", run, *where, *chosen).stdout)
    assert (asked["execution"]["primitive"], asked["execution"]["shots"]) == ("estimator", 64)


def test_error_bars_of_votes(run: Path, qmoe: Callable[..., Any], tmp_path: Path) -> None:
    from qmoe_qiskit.runs.error_bars import error_bars

    model = load_run(run).classifier.set_params(n_votes=4)
    X = evaluate_run(load_run(run)).selected.features_NF
    shares_NE = model.predict_routed(X)[1]
    bars = error_bars(model, X, None, shares_NE)
    expected_NE = np.sqrt(shares_NE * (1 - shares_NE) / 3)
    np.testing.assert_allclose(bars.weight_errors_NE, expected_NE, atol=1e-12)
    single = error_bars(model.set_params(n_votes=1), X, None, model.predict_routed(X)[1])
    assert np.isnan(single.weight_errors_NE).all()
    file = tmp_path / "rows.csv"
    outcome = qmoe("evaluate", run, "--predictions", file)
    assert outcome.exit_code == 0, outcome.stderr
    assert file.exists()


@pytest.mark.parametrize(
    ("votes", "words"),
    [
        ("0", "--votes must be numbers of votes of at least 1, such as 1,3,9,27; got '0'"),
        ("1,x", "got '1,x'"),
        ("exact", "got 'exact'"),
        ("1,10000000000", "votes must be at most 10000000, got 10000000000"),
    ],
)
def test_bad_votes(run: Path, qmoe: Callable[..., Any], votes: str, words: str) -> None:
    outcome = qmoe("evaluate", run, "--votes", votes)
    assert outcome.exit_code == 2
    assert words in " ".join(outcome.stderr.split())


def test_votes_of_a_weighted_run(qmoe: Callable[..., Any], tmp_path: Path) -> None:
    train_run(TrainingRequest(router="linear", n_samples=40, max_epochs=1), tmp_path / "run")
    outcome = qmoe("evaluate", tmp_path / "run", "--votes", "1")
    assert outcome.exit_code == 2
    assert "which draws no votes" in " ".join(outcome.stderr.split())


def test_shots_of_a_simulation(run: Path) -> None:
    """The exact router is then the one without shots and noise."""
    loaded = load_run(run, backend="noisy:ibmq_manila", shots=9)
    evaluation = evaluate_run(loaded)
    found = accuracy_by_votes(loaded, evaluation, [1, 9])
    ideal = load_run(run).load(BackendSpec(backend="statevector")).classifier.whole_mixture()
    data = evaluation.selected.dataset
    assert found.exact.number == pytest.approx(ideal.score(data.features_NF, data.labels_N))


def test_the_figure_and_what_closes_the_gap(capsys: pytest.CaptureFixture[str]) -> None:
    none = Metric(value=0.5, uncertainty=None, produced_by="")
    one = VotesAccuracy(n_votes=1, accuracy=none, difference=none)
    show_votes(AccuracyByVotes(votes=(one,), exact=none, closes_at=None))
    said = " ".join(capsys.readouterr().out.split())
    assert "Up to 1 vote per row, the gap to the exact router stays open." in said
    figure = accuracy_by_votes_figure(
        {1: 0.9, 3: 0.95}, {1: (0.8, 1.0), 3: (0.9, 1.0)}, exact=1.0, exact_interval=(0.97, 1.0)
    )
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert json.dumps(axes.get_xticks().tolist()) == "[1, 3]"
