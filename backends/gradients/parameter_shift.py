"""The parameter-shift rule, and pullbacks from whole Jacobians.

The rule is exact for rotations exp(-i angle P / 2) with a Pauli operator P: M. Schuld et al.,
Physical Review A 99, 032331 (2019).
"""

from typing import Any

import numpy as np

from qmoe_qiskit.backends.protocols import ArrayLike, CompiledRouter, Pullback
from qmoe_qiskit.typing import FloatArray


def parameter_shifts(angles_BG: FloatArray) -> FloatArray:
    """Return each sample's angles with one angle shifted by +pi/2 or -pi/2: shape (B * G * 2, G).

    >>> parameter_shifts(np.zeros((1, 1))) / np.pi
    array([[ 0.5],
           [-0.5]])
    """
    n_samples, n_angles = angles_BG.shape
    shifts_GSG = np.pi / 2 * np.eye(n_angles)[:, None, :] * np.array([1, -1])[:, None]
    points_BGSG = angles_BG[:, None, None, :] + shifts_GSG
    points: FloatArray = points_BGSG.reshape(n_samples * n_angles * 2, n_angles)
    return points


def shifted_slopes(values: FloatArray, n_samples: int, n_angles: int) -> FloatArray:
    """Return the derivatives by each angle, (B, O, G), from the values at `parameter_shifts`."""
    values_BGSO = values.reshape(n_samples, n_angles, 2, values.shape[-1])
    return ((values_BGSO[:, :, 0] - values_BGSO[:, :, 1]) / 2).swapaxes(1, 2)


def vjp_by_jacobian(
    compiled: CompiledRouter, inputs_BF: ArrayLike, weights_W: ArrayLike
) -> tuple[ArrayLike, Pullback]:
    """Implement `CompiledRouter.vjp` for a router that only provides whole Jacobians.

    The pullback belongs to the arrays as they are now, whatever becomes of them afterwards.
    """
    to_numpy, back = array_converters(inputs_BF)
    x_BF, w_W = to_numpy(inputs_BF).copy(), to_numpy(weights_W).copy()

    def pullback(
        gradient_BO: ArrayLike, *, need_inputs: bool = True, per_sample: bool = False
    ) -> tuple[ArrayLike | None, ArrayLike]:
        by_inputs, by_weights = compiled.jacobian(x_BF, w_W)
        g_BO = to_numpy(gradient_BO)
        d_inputs = back(np.einsum("bo,bof->bf", g_BO, by_inputs)) if need_inputs else None
        kept = "bo,bow->bw" if per_sample else "bo,bow->w"
        return d_inputs, back(np.einsum(kept, g_BO, by_weights))

    return back(compiled.expectations(x_BF, w_W).values), pullback


def array_converters(like: ArrayLike) -> tuple[Any, Any]:
    """Return functions that convert the caller's kind of array to NumPy and back."""
    if isinstance(like, np.ndarray):
        return np.asarray, np.asarray
    import torch

    return (
        lambda tensor: tensor.detach().cpu().numpy(),
        lambda array: torch.as_tensor(array, dtype=like.dtype, device=like.device),
    )
