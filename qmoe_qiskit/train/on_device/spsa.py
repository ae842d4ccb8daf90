"""SPSA on the circuit's weights: directions, gains, and the estimate of the gradient.

The gains follow J. C. Spall, IEEE Transactions on Aerospace and Electronic Systems 34, 817 (1998):
moves of a / (k + 1 + A)^0.602 times the estimate, perturbations of c / (k + 1)^0.101, at step k.
The first estimate calibrates `a`. The SPSA of qiskit-machine-learning is not used: it minimizes one
function from beginning to end, while here the adapter and the experts change between its steps;
and its state, such as its random numbers, cannot be stored after a step.
"""

from __future__ import annotations

import numpy as np

from qmoe_qiskit.typing import FloatArray

_ALPHA, _GAMMA, _STABILITY = 0.602, 0.101, 10
# The first step calibrates by at least this number of directions.
CALIBRATING_DIRECTIONS = 5


def directions(seed: int, step: int, count: int, n_weights: int) -> FloatArray:
    """Return random signs, (D, W): equal seeds and steps give equal ones.

    >>> directions(0, 3, 1, 4).tolist() == directions(0, 3, 1, 4).tolist()
    True
    """
    rng = np.random.default_rng([seed, step])
    signs_DW: FloatArray = rng.choice([-1.0, 1.0], size=(count, n_weights))
    return signs_DW


def perturbation_at(step: int, first: float) -> float:
    """Return the size of the perturbation at a step, counted from 0, in radians."""
    return float(first / (step + 1) ** _GAMMA)


def gain_at(step: int, calibrated: float) -> float:
    """Return the factor of the estimate at a step, counted from 0."""
    return float(calibrated / (step + 1 + _STABILITY) ** _ALPHA)


def calibrated_gain(slopes_D: FloatArray, first_move: float) -> float:
    """Return the gain with which a step of mean slope moves every weight by `first_move` radians.

    Args:
        slopes_D: Differences of the loss over their distance, of the first step's directions.
        first_move: Size of the move.
    """
    mean = float(np.abs(slopes_D).mean())
    return float(first_move * (1 + _STABILITY) ** _ALPHA / max(mean, 1e-6))


def gradient(slopes_D: FloatArray, signs_DW: FloatArray) -> FloatArray:
    """Return the estimate of the gradient, (W,): the mean over directions; 1 / sign = sign."""
    estimate_W: FloatArray = slopes_D @ signs_DW / len(slopes_D)
    return estimate_W
