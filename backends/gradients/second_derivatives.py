"""Second derivatives of exact values, by the parameter-shift rule on exact first derivatives."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from qmoe_qiskit.backends.gradients.parameter_shift import parameter_shifts, shifted_slopes
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.simulation import ExactProgram
from qmoe_qiskit.typing import FloatArray

# First derivatives at shifted angles that are held at once.
_BLOCK_NUMBERS = 1 << 22


@runtime_checkable
class TwiceDifferentiable(Protocol):
    """A compiled router with second derivatives."""

    def hessian(self, inputs_BF: FloatArray, weights_W: FloatArray) -> FloatArray:
        """Differentiate a batch twice by inputs and weights: (B, O, F + W, F + W).

        Raises:
            InputError: If a shape does not fit, a value is not finite, or an angle is no sum.
        """
        ...


def hessian(program: ExactProgram, inputs_BF: FloatArray, weights_W: FloatArray) -> FloatArray:
    """Return the second derivatives of every value by inputs and weights: (B, O, P, P), P = F + W.

    Every angle is shifted by itself, which makes the rule exact for any circuit.

    Raises:
        InputError: If an angle is no sum of multiples of parameters.
    """
    by_angle, table = program.by_angle
    if table.functions is not None:
        raise InputError(
            "the circuit's gradient cannot be differentiated again: an angle is no sum of "
            "multiples of parameters; call backward or grad without create_graph=True"
        )
    n_samples, n_angles = len(inputs_BF), len(table.offset_G)
    slopes_GP = np.hstack([table.inputs_GF, table.weights_GW])
    angles_BG = table.angles(inputs_BF, weights_W)
    n_outputs = by_angle.n_outputs
    size = max(1, _BLOCK_NUMBERS // max(1, 2 * n_angles**2 * n_outputs))
    blocks = []
    for start in range(0, max(n_samples, 1), size):
        block_BG = angles_BG[start : start + size]
        points = parameter_shifts(block_BG)
        slopes, _ = by_angle.jacobian(points, np.zeros(0))
        pairs = shifted_slopes(
            slopes.reshape(len(points), n_outputs * n_angles), len(block_BG), n_angles
        )
        pairs_BOGG = pairs.reshape(len(block_BG), n_outputs, n_angles, n_angles)
        blocks.append(slopes_GP.T @ pairs_BOGG @ slopes_GP)
    return np.concatenate(blocks)
