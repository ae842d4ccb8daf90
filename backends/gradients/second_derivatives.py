"""Second derivatives of exact values, by the parameter-shift rule on exact first derivatives."""

from typing import Protocol, runtime_checkable

import numpy as np

from qmoe_qiskit.backends.gradients.parameter_shift import parameter_shifts, shifted_slopes
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
            InputError: If a shape does not fit or a value is not finite.
        """
        ...


def hessian(program: ExactProgram, inputs_BF: FloatArray, weights_W: FloatArray) -> FloatArray:
    """Return the second derivatives of every value by inputs and weights: (B, O, P, P), P = F + W.

    Every angle is shifted by itself, which makes the rule exact for any circuit.
    """
    n_samples, (_, table) = len(inputs_BF), program.by_angle
    size = max(1, _BLOCK_NUMBERS // max(1, 2 * len(table.offset_G) ** 2 * program.n_outputs))
    blocks = [
        _hessian_of_block(program, inputs_BF[start : start + size], weights_W)
        for start in range(0, max(n_samples, 1), size)
    ]
    return np.concatenate(blocks)


def _hessian_of_block(
    program: ExactProgram, inputs_BF: FloatArray, weights_W: FloatArray
) -> FloatArray:
    (by_angle, table), none_W = program.by_angle, np.zeros(0)
    n_samples, n_outputs, n_angles = len(inputs_BF), program.n_outputs, len(table.offset_G)
    angles_BG = table.angles(inputs_BF, weights_W)
    points = parameter_shifts(angles_BG)
    slopes, _ = by_angle.jacobian(points, none_W)
    flat = shifted_slopes(slopes.reshape(len(points), n_outputs * n_angles), n_samples, n_angles)
    pairs_BOGG = flat.reshape(n_samples, n_outputs, n_angles, n_angles)
    each_BGG = np.broadcast_to(np.eye(n_angles), (n_samples, n_angles, n_angles))
    of_angles_BGP = np.concatenate(table.chain(inputs_BF, weights_W, each_BGG), axis=2)
    by_angles_B1GP = of_angles_BGP[:, None]
    by_pairs: FloatArray = by_angles_B1GP.swapaxes(2, 3) @ pairs_BOGG @ by_angles_B1GP
    if table.functions is None:
        return by_pairs
    slopes_BOG, _ = by_angle.jacobian(angles_BG, none_W)
    return by_pairs + table.curve(inputs_BF, weights_W, slopes_BOG)
