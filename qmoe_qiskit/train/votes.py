"""Votes: experts that are drawn per row with the probabilities that the router gives them."""

from hashlib import blake2b

import numpy as np

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
    """Return the share of the votes that every expert gets on every row, (N, E).

    A row's votes depend on the seed and on what the row holds, not on the rows beside it: calls
    repeat, in any order of the rows, and equal rows get equal votes.

    Args:
        weights_NE: Probabilities of the experts; each row sums to 1.
        rows_NF: What the rows hold.
        n_votes: Number of votes per row.
        seed: Seed of the votes.
        shots: If the weights are frequencies among this number of shots, the votes are taken from
            these shots without replacement: they are what `n_votes` shots would have given.

    Raises:
        InputError: If there are fewer shots than votes.

    >>> draw_votes(np.array([[0.5, 0.5], [1.0, 0.0]]), np.zeros((2, 1)), 4, seed=0)
    array([[0.75, 0.25],
           [1.  , 0.  ]])
    """
    if shots is not None and shots < n_votes:
        raise InputError(
            f"n_votes={n_votes} are more votes than the {shots} shot(s) per row that the backend "
            "takes: use fewer votes, or more shots"
        )
    counts_NE = np.zeros(weights_NE.shape, dtype=np.int64)
    for k, (weights_E, row_F) in enumerate(zip(weights_NE, rows_NF, strict=True)):
        digest = blake2b((row_F + 0.0).tobytes(), digest_size=16).digest()  # -0.0 is 0.0
        rng = np.random.default_rng([seed, int.from_bytes(digest, "little")])
        shot_counts_E = None if shots is None else np.rint(weights_E * shots).astype(np.int64)
        if shot_counts_E is not None and _are_counts(shot_counts_E, weights_E, shots):
            counts_NE[k] = rng.multivariate_hypergeometric(shot_counts_E, n_votes)
        else:
            shares_E = np.maximum(weights_E, 0.0)
            counts_NE[k] = rng.multinomial(n_votes, shares_E / shares_E.sum())
    return counts_NE / n_votes


def _are_counts(counts_E: np.ndarray, weights_E: FloatArray, shots: int | None) -> bool:
    assert shots is not None
    off = np.abs(counts_E - weights_E * shots).max()
    return bool(off < _ROUNDING * shots and counts_E.min() >= 0 and counts_E.sum() == shots)
