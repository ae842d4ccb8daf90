"""Votes: experts that are drawn per row with the probabilities that the router gives them."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.typing import FloatArray

# Frequencies of whole counts, up to rounding; mitigated ones are no counts.
_ROUNDING = 1e-6


def draw_votes(
    weights_NE: FloatArray,
    rows_NF: FloatArray,
    n_votes: int,
    *,
    seed: int,
    shots: int | None = None,
) -> FloatArray:
    """Return the share of the votes that every expert gets on every row, (N, E); see `vote_counts`.

    >>> draw_votes(np.array([[0.5, 0.5], [1.0, 0.0]]), np.zeros((2, 1)), 4, seed=0)
    array([[0.75, 0.25],
           [1.  , 0.  ]])
    """
    return vote_counts(weights_NE, rows_NF, n_votes, seed=seed, shots=shots)[:, 0] / n_votes


def vote_counts(
    weights_NE: FloatArray,
    rows_NF: FloatArray,
    n_votes: int,
    *,
    seed: int,
    shots: int | None = None,
    n_draws: int = 1,
) -> NDArray[np.int64]:
    """Draw the votes of every row, and return the number that every expert gets, (N, draws, E).

    A row's votes depend on the seed and on what the row holds, not on the rows beside it: calls
    repeat, in any order of the rows, and equal rows get equal votes.

    Args:
        weights_NE: Probabilities of the experts; each row sums to 1.
        rows_NF: What the rows hold.
        n_votes: Number of votes per row.
        seed: Seed of the votes.
        shots: If the weights are frequencies among this number of shots, the votes are taken from
            these shots without replacement: they are what `n_votes` shots would have given.
        n_draws: Number of draws.

    Raises:
        InputError: If there are fewer shots than votes.
    """
    check_shots(n_votes, shots)
    counts_NDE = np.zeros((len(weights_NE), n_draws, weights_NE.shape[1]), dtype=np.int64)
    for k, (weights_E, row_F) in enumerate(zip(weights_NE, rows_NF, strict=True)):
        digest = blake2b((row_F + 0.0).tobytes(), digest_size=16).digest()  # -0.0 is 0.0
        rng = np.random.default_rng([seed, int.from_bytes(digest, "little")])
        shots_E = None if shots is None else _counts(weights_E, shots)
        if shots_E is not None:
            counts_NDE[k] = rng.multivariate_hypergeometric(shots_E, n_votes, size=n_draws)
        else:
            shares_E = np.maximum(weights_E, 0.0)
            counts_NDE[k] = rng.multinomial(n_votes, shares_E / shares_E.sum(), size=n_draws)
    return counts_NDE


def check_shots(n_votes: int, shots: int | None) -> None:
    """Check that there are shots for all votes; None stands for exact values.

    Raises:
        InputError: If there are fewer.
    """
    if shots is not None and shots < n_votes:
        raise InputError(
            f"n_votes={n_votes} are more votes than the {shots} shot(s) per row that the backend "
            "takes: use fewer votes, or more shots"
        )


def _counts(weights_E: FloatArray, shots: int) -> NDArray[np.int64] | None:
    """Return frequencies as counts of shots; None if they are none, as after a mitigation."""
    counts_E = np.rint(weights_E * shots).astype(np.int64)
    off = float(np.abs(counts_E - weights_E * shots).max())
    exact = off < _ROUNDING * shots and counts_E.min() >= 0 and counts_E.sum() == shots
    return counts_E if exact else None
