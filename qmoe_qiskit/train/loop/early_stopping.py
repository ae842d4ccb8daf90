"""Early stopping: the rows that it holds out, and the epoch with the smallest loss on them."""

import math

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from qmoe_qiskit.errors import InputError


def hold_out(
    codes_N: NDArray[np.intp], fraction: float, *, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the numbers of the training and of the validation rows, stratified by class.

    Args:
        codes_N: Labels of the rows as 0 to C - 1; every class occurs.
        fraction: Share of the rows to hold out, rounded up to whole rows.
        seed: Seed of the choice.

    Raises:
        InputError: If one of the parts cannot have rows of all classes.
    """
    counts_C = np.bincount(codes_N)
    held_out = math.ceil(fraction * len(codes_N))
    left = len(codes_N) - held_out
    if counts_C.min() < 2 or min(held_out, left) < len(counts_C):
        raise InputError(
            f"early_stopping with validation_fraction={fraction} splits {len(codes_N)} rows "
            f"into {left} and {held_out}: both parts need rows of all {len(counts_C)} classes (the "
            f"smallest has {counts_C.min()}); use more data, another validation_fraction, or "
            "early_stopping=False"
        )
    train, validation = train_test_split(
        np.arange(len(codes_N)), test_size=held_out, stratify=codes_N, random_state=seed
    )
    return train, validation


def best_epoch(history: list[dict[str, float]]) -> int:
    """Return the epoch, counted from 1, with the smallest validation loss; 0 before the first."""
    if not history:
        return 0
    return 1 + int(np.argmin([entry["valid_loss"] for entry in history]))
