"""How the accuracy of a model with sampled routing grows with the number of votes per row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from qmoe_qiskit import limits
from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.moe.votes import check_shots, vote_counts
from qmoe_qiskit.runs.metrics import (
    Interval,
    Metric,
    Observed,
    mean_over_rows,
    observe,
    paired_difference,
    share_of,
)
from qmoe_qiskit.stats.intervals import WILSON, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qmoe_qiskit.runs.evaluation import Evaluation
    from qmoe_qiskit.runs.store.loading import OpenedRun, Run
    from qmoe_qiskit.train import QMoEClassifier
    from qmoe_qiskit.typing import FloatArray

# Draws over which the accuracy of a number of votes is averaged.
N_DRAWS = 200


@dataclass(frozen=True, kw_only=True)
class VotesAccuracy:
    """The accuracy with a number of votes per row.

    Attributes:
        n_votes: Number of votes per row.
        accuracy: Accuracy expected over the draws of votes, a mean over the rows.
        difference: Accuracy minus that of the exact router, paired by row.
    """

    n_votes: int
    accuracy: Metric
    difference: Metric


@dataclass(frozen=True, kw_only=True)
class AccuracyByVotes:
    """Accuracies by the number of votes, beside that of the exact router.

    Attributes:
        votes: Accuracies in rising order of the votes.
        exact: Accuracy of the whole mixture: without shots where the circuit runs, otherwise
            without noise as well.
        closes_at: The smallest number of votes from which on the interval of the difference
            contains 0; None if there is none.
    """

    votes: tuple[VotesAccuracy, ...]
    exact: Metric
    closes_at: int | None


def check_votes(run: OpenedRun, counts: Sequence[int], shots: int | None = None) -> tuple[int, ...]:
    """Return numbers of votes in rising order.

    Raises:
        InputError: If one is not accepted or more than the shots per row, or the run's model has no
            sampled routing.
    """
    if run.manifest.model["settings"].get("routing", "weighted") != "sampled":
        raise InputError(
            f"the model in {str(run.path)!r} was trained with routing 'weighted', which draws no "
            "votes: train one with --routing sampled"
        )
    known = sorted({require_positive("votes", count, at_most=limits.SHOTS) for count in counts})
    check_shots(known[-1], shots)
    return tuple(known)


def accuracy_by_votes(run: Run, evaluation: Evaluation, counts: Sequence[int]) -> AccuracyByVotes:
    """Measure a model for several numbers of votes, from the circuit's outputs of one evaluation.

    The accuracy of a row is the mean of 200 draws of its votes. Of outputs from shots, votes are
    taken without replacement.

    Args:
        run: The run.
        evaluation: An evaluation of it, see `evaluate_run`.
        counts: Numbers of votes per row.

    Raises:
        InputError: If a number is not accepted, or larger than that of the shots; or if the run's
            model has no sampled routing.
    """
    model, observed = run.classifier, evaluation.observed
    features_NF, labels_N = evaluation.selected.features_NF, evaluation.selected.dataset.labels_N
    outputs = observed.outputs
    shots = None if outputs is None else outputs.shots
    counts = check_votes(run, counts, shots)
    assert isinstance(observed, Observed)  # sampled routing is for labels
    whole = model.whole_mixture()
    if shots is not None:
        whole = run.load(BackendSpec(backend="statevector")).classifier.whole_mixture()
    exact = observe(whole, features_NF, labels_N)
    weights_NE = exact.weights_NE if outputs is None else outputs.values
    accuracies = []
    produced_by = next(iter(evaluation.metrics.values())).produced_by
    for n_votes in counts:
        hits_N = expected_hits(
            model, features_NF, observed.codes_N, weights_NE, n_votes=n_votes, shots=shots
        )
        how = f"{produced_by}; mean of {N_DRAWS} draws of {n_votes} votes"
        accuracies.append(
            VotesAccuracy(
                n_votes=n_votes,
                accuracy=_accuracy(hits_N, how),
                difference=_difference(hits_N, exact.hits_N, how),
            )
        )
    return AccuracyByVotes(
        votes=tuple(accuracies),
        exact=share_of(exact.hits_N, f"{produced_by}; the whole mixture, exactly"),
        closes_at=_closing(accuracies),
    )


def expected_hits(
    model: QMoEClassifier,
    features_NF: FloatArray,
    codes_N: NDArray[np.intp],
    weights_NE: FloatArray,
    *,
    n_votes: int,
    shots: int | None = None,
) -> FloatArray:
    """Return the share of 200 draws of votes in which a row's most probable class is its own, (N,).

    Args:
        model: A fitted model with sampled routing.
        features_NF: Features of the rows in raw units.
        codes_N: Position of each row's label among the model's classes.
        weights_NE: Probabilities of the experts, as the router gave them.
        n_votes: Number of votes per row.
        shots: Number of shots among which the weights are frequencies, see `vote_counts`.

    Raises:
        InputError: If there are fewer shots than votes.
    """
    with torch.no_grad():
        scaled = torch.from_numpy(model.feature_map_.scale(features_NF))
        experts_NEC = torch.softmax(model.module_.expert_outputs(scaled), dim=-1).numpy()
    drawn_NDE = vote_counts(
        weights_NE,
        scaled.numpy(),
        n_votes,
        seed=model.votes_seed_,
        shots=shots,
        n_draws=N_DRAWS,
    )
    best_ND = (drawn_NDE @ experts_NEC).argmax(axis=2)
    rates_N: FloatArray = (best_ND == codes_N[:, None]).mean(axis=1)
    return rates_N


def _accuracy(hits_N: FloatArray, produced_by: str) -> Metric:
    low, high = wilson_interval(float(hits_N.sum()), len(hits_N))
    interval = Interval(method=WILSON, low=low, high=high)
    return Metric(value=float(hits_N.mean()), uncertainty=interval, produced_by=produced_by)


def _difference(hits_N: FloatArray, exact_N: NDArray[np.bool_], produced_by: str) -> Metric:
    # Where no row differs, a standard error would leave no width.
    if np.array_equal(hits_N, exact_N):
        return paired_difference(exact_N, exact_N, produced_by)
    return mean_over_rows(hits_N - exact_N, produced_by)


def _closing(accuracies: Sequence[VotesAccuracy]) -> int | None:
    closing = None
    for each in reversed(accuracies):
        interval = each.difference.uncertainty
        low = -1.0 if interval is None else interval.low
        high = 1.0 if interval is None else interval.high
        assert not isinstance(low, list)
        assert not isinstance(high, list)
        if not low <= 0 <= high:
            break
        closing = each.n_votes
    return closing
