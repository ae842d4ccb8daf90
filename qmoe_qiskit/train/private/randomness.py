"""Where sampling and noise come from: the operating system, or in studies a seed.

Whoever can repeat the noise can subtract it. So no setting seeds it; `random_state` decides initial
weights only. A study, whose rows are public and whose results must repeat, asks for a seed with
`seeded_noise`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from qmoe_qiskit.typing import FloatArray

_seeded: ContextVar[bool] = ContextVar("_seeded", default=False)
_DRAWS = 4


class Randomness(Protocol):
    """A source of numbers uniform on the open interval (0, 1)."""

    is_seeded: bool

    def uniform(self, count: int) -> FloatArray:
        """Return `count` numbers."""


class SystemRandomness:
    """The cryptographic generator of the operating system."""

    is_seeded = False

    def uniform(self, count: int) -> FloatArray:
        """Return `count` numbers with 53 random bits each."""
        bits: NDArray[np.uint64] = np.frombuffer(os.urandom(8 * count), dtype=np.uint64)
        uniform: FloatArray = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        return uniform


class SeededRandomness:
    """NumPy's generator with a seed: results repeat, and nothing is private."""

    is_seeded = True

    def __init__(self, seed: int) -> None:
        # A stream of its own, apart from those of weights and splits.
        self._rng = np.random.default_rng([seed, 0xD9])

    def uniform(self, count: int) -> FloatArray:
        """Return `count` numbers."""
        return (self._rng.integers(2**53, size=count).astype(np.float64) + 0.5) * 2.0**-53


@contextmanager
def seeded_noise() -> Iterator[None]:
    """Let private trainings take sampling and noise from their seed: for studies on public rows."""
    token = _seeded.set(True)
    try:
        yield
    finally:
        _seeded.reset(token)


def randomness_of(seed: int) -> Randomness:
    """Return the source of a training: the operating system's, but for `seeded_noise`."""
    return SeededRandomness(seed) if _seeded.get() else SystemRandomness()


def gaussian(source: Randomness, count: int) -> FloatArray:
    """Return `count` standard normal numbers.

    Each is the sum of four over two, so that the rounding of a single one, which an attacker knows,
    tells nothing (N. Holohan & S. Braghin, arXiv:2107.10138).
    """
    draws: FloatArray = ndtri(source.uniform(_DRAWS * count)).reshape(_DRAWS, count)
    normal: FloatArray = draws.sum(axis=0) / 2
    return normal


def poisson_sample(source: Randomness, count: int, rate: float) -> NDArray[np.intp]:
    """Return the rows that are drawn, each independently with probability `rate`."""
    return np.flatnonzero(source.uniform(count) < rate)
