"""The angles of a circuit's rotations as functions of inputs and weights, in one table.

Most angles are affine, so that one matrix product returns all angles of a batch, and its transpose
carries all derivatives back. Other functions enter the table as further inputs and weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, ParameterExpression

from qmoe_qiskit.circuits.angles import affine_terms, symbolic
from qmoe_qiskit.simulation.angle_functions import AngleFunctions
from qmoe_qiskit.simulation.arrays import Array
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True, kw_only=True)
class AngleTable:
    """angles_G = inputs_GF @ x_F + weights_GW @ w_W + offset_G, in radians.

    Attributes:
        inputs_GF: The slopes by the inputs, with a column for each of the functions that depend on
            an input.
        weights_GW: The slopes by the weights, with a column for each of the other functions.
        offset_G: The constants.
        functions: The functions in which the angles are affine besides inputs and weights; None if
            there are none.
    """

    inputs_GF: FloatArray
    weights_GW: FloatArray
    offset_G: FloatArray
    functions: AngleFunctions | None = None

    def angles(self, inputs_BF: FloatArray, weights_W: FloatArray) -> FloatArray:
        """Return the angles of every sample, (B, G)."""
        if self.functions is not None:
            inputs_BF, weights_W = self.functions.extend(inputs_BF, weights_W)
        return inputs_BF @ self.inputs_GF.T + self.weights_GW @ weights_W + self.offset_G

    def chain(
        self, inputs_BF: FloatArray, weights_W: FloatArray, slopes_BOG: FloatArray
    ) -> tuple[Array, Array]:
        """Turn derivatives by the angles into (B, O, F) by inputs and (B, O, W) by weights."""
        by_inputs_BOF, by_weights_BOW = slopes_BOG @ self.inputs_GF, slopes_BOG @ self.weights_GW
        if self.functions is None:
            return by_inputs_BOF, by_weights_BOW
        return self.functions.chain(inputs_BF, weights_W, by_inputs_BOF, by_weights_BOW)

    def curve(
        self, inputs_BF: FloatArray, weights_W: FloatArray, slopes_BOG: FloatArray
    ) -> FloatArray | float:
        """Return what the angles' curvature adds to second derivatives: (B, O, F + W, F + W), or 0.

        The slopes are derivatives by the angles, as in `chain`.
        """
        if self.functions is None:
            return 0.0
        extended = slopes_BOG @ self.inputs_GF, slopes_BOG @ self.weights_GW
        return self.functions.curve(inputs_BF, weights_W, *extended)

    @property
    def uses_input(self) -> NDArray[np.bool_]:
        """Per angle, whether it depends on the inputs, (G,)."""
        used: NDArray[np.bool_] = np.any(self.inputs_GF != 0, axis=1)
        return used


class AngleRows:
    """The rows of an angle table, one per rotation, as they are found in a circuit.

    Args:
        inputs: The parameters that are inputs, F.
        weights: The parameters that are weights, W.
    """

    def __init__(self, inputs: Sequence[Parameter], weights: Sequence[Parameter]) -> None:
        self._inputs, self._weights = list(inputs), list(weights)
        # Per row, the slope by each parameter and by each function.
        self._rows: list[dict[Parameter | sympy.Expr, float]] = []
        self._offsets: list[float] = []
        self._functions: dict[sympy.Expr, bool] = {}  # whether it depends on an input

    def add(self, angle: ParameterExpression) -> int:
        """Append the row of an angle, and return its number.

        Raises:
            InputError: If the angle is not real.
        """
        if affine := affine_terms(angle):
            slopes, offset = affine
            self._rows.append(dict(slopes))
        else:
            expression, symbols = symbolic(angle)
            self._functions[expression] = not set(symbols).isdisjoint(self._inputs)
            self._rows.append({expression: 1.0})
            offset = 0.0
        self._offsets.append(offset)
        return len(self._rows) - 1

    def table(self) -> AngleTable:
        """Return the table of the rows so far.

        Raises:
            InputError: If a function of an angle cannot be evaluated.
        """
        by_sample = [f for f, uses_input in self._functions.items() if uses_input]
        shared = [f for f, uses_input in self._functions.items() if not uses_input]
        n_inputs = len(self._inputs)
        columns = {
            key: k for k, key in enumerate([*self._inputs, *by_sample, *self._weights, *shared])
        }
        table = np.zeros((len(self._rows), len(columns)))
        for row, slopes in zip(table, self._rows, strict=True):
            for key, slope in slopes.items():
                row[columns[key]] = slope
        cut = n_inputs + len(by_sample)
        return AngleTable(
            inputs_GF=table[:, :cut],
            weights_GW=table[:, cut:],
            offset_G=np.array(self._offsets, dtype=float),
            functions=AngleFunctions(by_sample, shared, self._inputs, self._weights)
            if self._functions
            else None,
        )
