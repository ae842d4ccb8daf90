"""SPSA (simultaneous perturbation): the gradient from two evaluations per random direction.

J. C. Spall, IEEE Transactions on Automatic Control 37, 332 (1992). With random signs as directions,
the estimate is unbiased up to the third order in the step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Directions:
    """D random directions: signs by which inputs and weights are perturbed.

    Attributes:
        inputs_DBF: Signs of the inputs, +1 or -1, drawn for each sample.
        weights_DW: Signs of the weights, +1 or -1, shared by all samples.
        step: Length of a step along a direction, in radians.
    """

    inputs_DBF: FloatArray
    weights_DW: FloatArray
    step: float

    @classmethod
    def draw(
        cls, rng: Generator, shape_BF: tuple[int, int], n_weights: int, count: int, step: float
    ) -> Directions:
        """Draw independent signs, +1 and -1 with equal probability."""
        return cls(
            inputs_DBF=rng.choice([-1.0, 1.0], size=(count, *shape_BF)),
            weights_DW=rng.choice([-1.0, 1.0], size=(count, n_weights)),
            step=step,
        )

    def shifted(
        self, inputs_BF: FloatArray, weights_W: FloatArray
    ) -> list[tuple[FloatArray, FloatArray]]:
        """Return the batches (inputs, weights) to evaluate: + and - steps of each direction."""
        return [
            (inputs_BF + sign * self.step * x_BF, weights_W + sign * self.step * w_W)
            for x_BF, w_W in zip(self.inputs_DBF, self.weights_DW, strict=True)
            for sign in (1, -1)
        ]

    def slopes(self, values_PO: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives, (B, O, F) and (B, O, W), from the values of `shifted`."""
        count, n_samples, _ = self.inputs_DBF.shape
        values_DSBO = values_PO.reshape(count, 2, n_samples, values_PO.shape[-1])
        rises_DBO = (values_DSBO[:, 0] - values_DSBO[:, 1]) / (2 * self.step)
        # 1 / sign = sign
        return (
            np.einsum("dbo,dbf->bof", rises_DBO, self.inputs_DBF) / count,
            np.einsum("dbo,dw->bow", rises_DBO, self.weights_DW) / count,
        )
