"""Which expert serves which class, and how much the one tells about the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


DRAWS = 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class Specialization:
    """Rows by expert (the one with the largest weight) and class.

    Attributes:
        counts_EC: Number of rows of each expert and class.
        information: Mutual information of expert and class, in bits; 0 if they are independent. As
            computed from counts it is a little too large, see `by_chance`.
        low: Lower end of its 95 % interval, from a bootstrap of the rows.
        high: Upper end.
        by_chance: Its mean if the classes are permuted over the rows, in bits.
        p_value: Share of permutations with at least as much information, the given one included.
        class_entropy: Entropy of the classes, in bits: the largest possible information.
        expert_entropy: Entropy of the experts, in bits.
    """

    counts_EC: NDArray[np.intp]
    information: float
    low: float
    high: float
    by_chance: float
    p_value: float
    class_entropy: float
    expert_entropy: float


def measure_specialization(
    experts_N: NDArray[np.intp], codes_N: NDArray[np.intp], shape: tuple[int, int], *, seed: int
) -> Specialization:
    """Measure the specialization of E experts on C classes.

    Args:
        experts_N: Expert of each row.
        codes_N: Class of each row, from 0.
        shape: Numbers of experts and classes, (E, C).
        seed: Seed of bootstrap and permutations.
    """
    rng = np.random.default_rng(seed)
    counts_EC = _counts(experts_N, codes_N, shape)
    information, n_rows = mutual_information(counts_EC), len(codes_N)
    drawn_D = [
        mutual_information(counts_D.reshape(shape))
        for counts_D in rng.multinomial(n_rows, counts_EC.ravel() / n_rows, size=DRAWS)
    ]
    chance_D = np.array(
        [
            mutual_information(_counts(experts_N, rng.permutation(codes_N), shape))
            for _ in range(DRAWS)
        ]
    )
    low, high = np.quantile(drawn_D, [0.025, 0.975])
    return Specialization(
        counts_EC=counts_EC,
        information=information,
        low=float(low),
        high=float(high),
        by_chance=float(chance_D.mean()),
        p_value=float((1 + (chance_D >= information - 1e-12).sum()) / (1 + DRAWS)),
        class_entropy=entropy(counts_EC.sum(axis=0)),
        expert_entropy=entropy(counts_EC.sum(axis=1)),
    )


def entropy(counts_K: NDArray[np.intp]) -> float:
    """Return the entropy of shares, in bits.

    >>> import numpy as np
    >>> entropy(np.array([2, 2, 0]))
    1.0
    """
    shares_K = counts_K[counts_K > 0] / counts_K.sum()
    return float(-(shares_K * np.log2(shares_K)).sum()) + 0.0  # -0.0 is 0.0


def mutual_information(counts_EC: NDArray[np.intp]) -> float:
    """Return the mutual information of the two indices of a table of counts, in bits.

    >>> import numpy as np
    >>> mutual_information(np.array([[5, 0], [0, 5]]))
    1.0
    """
    parts = (counts_EC.sum(axis=1), counts_EC.sum(axis=0), counts_EC.ravel())
    of_experts, of_classes, joint = map(entropy, parts)
    return max(0.0, of_experts + of_classes - joint)


def _counts(
    experts_N: NDArray[np.intp], codes_N: NDArray[np.intp], shape: tuple[int, int]
) -> NDArray[np.intp]:
    flat: NDArray[np.intp] = np.bincount(
        experts_N * shape[1] + codes_N, minlength=shape[0] * shape[1]
    )
    return flat.reshape(shape)
